"""The graph: hosts on their segments, what hangs on their bridges, a route from each host to each owner's subnet."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.checks.judge import FINE, Judgement, Standing, judgements
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.memory import per_mesh
from hostgw.mesh.stations import Station, stations
from hostgw.model.finding import Finding
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix, address_text, maybe_prefix


class Leaf(msgspec.Struct, frozen=True):
    """A container on a bridge."""

    name: str
    addresses: tuple[str, ...]
    up: bool
    """Both ends of its veth are up and have a carrier."""


class BridgeNode(msgspec.Struct, frozen=True):
    """A bridge for containers."""

    name: str
    subnets: tuple[str, ...]
    up: bool
    containers: tuple[Leaf, ...]


class HostNode(msgspec.Struct, frozen=True):
    """A host."""

    name: str
    role: Role
    state: HostState
    address: str
    """Its underlay address, or where SSH reaches it."""
    nic: str
    segment: str
    """The prefix of the underlay that it stands on; empty when not known."""
    current: bool
    """It is read and up, so that what is shown of it is so now."""
    bridges: tuple[BridgeNode, ...]


class RouteEdge(msgspec.Struct, frozen=True):
    """How a host stands to another one's subnet."""

    source: str
    target: str
    subnet: str
    standing: Standing
    code: str = ""
    """Of the finding about it, if there is one."""

    @property
    def broken(self) -> bool:
        """Packets do not get there as they should."""
        return self.standing not in FINE and self.standing is not Standing.NONE


class Topology(msgspec.Struct, frozen=True):
    """The whole picture; edges in the order of their hosts."""

    network: str
    hosts: tuple[HostNode, ...]
    routes: tuple[RouteEdge, ...]
    schema: int = 1

    def of(self, host: str) -> tuple[RouteEdge, ...]:
        """Return the routes of a host."""
        return tuple(edge for edge in self.routes if edge.source == host)

    @property
    def broken(self) -> tuple[RouteEdge, ...]:
        """The routes that are not right."""
        return tuple(edge for edge in self.routes if edge.broken)


def topology(view: View) -> Topology:
    """Return the graph of a view."""
    found = _by_cell(view)
    hosts = tuple(_host(host, view.mesh) for host in view.fabric.hosts.values())
    routes = tuple(edge for host in view.fabric.readable for edge in _edges(host, view.mesh, found))
    return Topology(str(view.mesh.network or ""), hosts, routes)


def _by_cell(view: View) -> dict[tuple[str, Prefix], Finding]:
    found: dict[tuple[str, Prefix], Finding] = {}
    for finding in view.listed:
        if subject := maybe_prefix(finding.subject):
            found.setdefault((finding.host, subject), finding)
    return found


@per_mesh
def _judged(host: Host, mesh: Mesh) -> tuple[Judgement, ...]:
    return tuple(judgements(host, mesh))


def _edges(host: Host, mesh: Mesh, found: dict[tuple[str, Prefix], Finding]) -> Iterator[RouteEdge]:
    for judged in _judged(host, mesh):
        subnet = judged.subnet
        if subnet.owner != host.name:
            finding = found.get((host.name, subnet.prefix))
            code = finding.code if finding else ""
            yield RouteEdge(host.name, subnet.owner, str(subnet.prefix), judged.standing, code)


def _host(host: Host, mesh: Mesh) -> HostNode:
    member = mesh.members.get(host.name)
    underlay = member.underlay if member else None
    return HostNode(
        host.name,
        member.role if member else Role.OWNER,
        host.state,
        address_text(underlay.address) if underlay else host.address,
        underlay.interface if underlay else "",
        str(underlay.segment) if underlay else "",
        host.readable and host.state is HostState.UP,
        tuple(_bridges(host, member.subnets if member else ())),
    )


def _bridges(host: Host, subnets: tuple[Subnet, ...]) -> Iterator[BridgeNode]:
    """Yield the bridges for containers, and those that own a subnet."""
    links = {link.index: link for link in container_bridges(host)}
    named = {subnet.bridge for subnet in subnets}
    links |= {link.index: link for link in host.root.links.values() if link.name in named}
    hung = stations(host)
    for index, link in sorted(links.items()):
        own = tuple(str(subnet.prefix) for subnet in subnets if subnet.bridge == link.name)
        leaves = tuple(_leaf(station) for station in hung if station.port.master == index)
        yield BridgeNode(link.name, own, link.up, leaves)


def _leaf(station: Station) -> Leaf:
    up = all(link.up and link.carrier for link in (station.inner, station.port))
    return Leaf(station.container.name, tuple(a.address for a in station.addresses), up)
