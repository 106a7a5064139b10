"""From a view to the picture: pure, and quick where nearly all routes are right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from hostgw.checks.judge import standings
from hostgw.checks.standing import Standing
from hostgw.clean import clean
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Member, Mesh
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.stations import Station, stations
from hostgw.model.finding import Finding
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_text
from hostgw.topology.blame import finding_of
from hostgw.topology.graph import QUIET, BridgeNode, ContainerNode, Edge, HostNode, Segment, Topology

LONGEST = 400
Say = Callable[[str], str]


def build(view: View, masked: Callable[[str], str] = str) -> Topology:
    """Return the picture of a view; `masked` is applied to all that names or numbers something."""

    @cache  # every host names every subnet
    def say(text: str) -> str:
        return str(masked(clean(text, LONGEST)))

    mesh, findings = view.mesh, _by_host(view.listed)
    hosts = tuple(_host(host, mesh, findings.get(host.name, ()), say) for host in view.fabric.hosts.values())
    return Topology(say(str(mesh.network)) if mesh.network else "", _segments(hosts), hosts)


def _by_host(findings: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.host, []).append(each)
    return found


def _segments(hosts: Iterable[HostNode]) -> tuple[Segment, ...]:
    """Return the segments in the order of their first hosts; hosts without one stand last."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        found.setdefault(host.segment, []).append(host.name)
    return tuple(Segment(place, tuple(names)) for place, names in sorted(found.items(), key=lambda item: not item[0]))


def _host(host: Host, mesh: Mesh, findings: Iterable[Finding], say: Say) -> HostNode:
    member, listed = mesh.members.get(host.name), tuple(findings)
    place = member.underlay if member else None
    return HostNode(
        say(host.name),
        host.state,
        member.role if member else Role.OWNER,
        say(str(place.segment)) if place else "",
        say(place.interface) if place else "",
        say(address_text(place.address) if place else host.address),
        tuple(_bridges(host, member, say)),
        _containers((), say, _names_apart(host)),
        tuple(_edges(host, mesh, listed, say)) if host.readable else (),
        len(listed),
        host.readable,
        host.readable and host.is_partial,
        say(host.error),
    )


# ---- bridges and containers ----


@per_snapshot
def _ports(host: Host) -> Mapping[int, tuple[Station, ...]]:
    """Return the containers by the bridge they hang on."""
    bridges = {link.index for link in container_bridges(host)}
    found: dict[int, list[Station]] = {index: [] for index in bridges}
    for station in stations(host):
        if station.port.master in bridges:
            found[station.port.master].append(station)
    return {index: tuple(held) for index, held in found.items()}


def _bridges(host: Host, member: Member | None, say: Say) -> Iterator[BridgeNode]:
    owned = member.subnets if member else ()
    for link in container_bridges(host):
        subnets = tuple(say(str(s.prefix)) for s in owned if s.bridge == link.name)
        yield BridgeNode(say(link.name), subnets, link.up, _containers(_ports(host)[link.index], say))
    names = host.root.links_by_name
    for subnet in owned:
        if subnet.bridge not in names:
            yield BridgeNode(say(subnet.bridge), (say(str(subnet.prefix)),), not host.readable)


def _containers(held: Iterable[Station], say: Say, apart: Iterable[str] = ()) -> tuple[ContainerNode, ...]:
    found = [ContainerNode(say(s.container.name), tuple(say(a.address) for a in s.addresses), _is_up(s)) for s in held]
    return (*found, *(ContainerNode(say(name), (), False) for name in apart))


def _is_up(station: Station) -> bool:
    return station.inner.up and station.port.up and station.inner.carrier


@per_snapshot
def _names_apart(host: Host) -> tuple[str, ...]:
    """Return the containers that hang on no bridge for containers."""
    placed = {station.container.id for held in _ports(host).values() for station in held}
    return tuple(ns.name for ns in host.snapshot.containers if ns.id not in placed) if host.snapshot else ()


# ---- routes ----


def _edges(host: Host, mesh: Mesh, findings: Iterable[Finding], say: Say) -> Iterator[Edge]:
    name, old = say(host.name), host.state is not HostState.UP
    for subnet, standing in standings(host, mesh):
        owner, about = say(subnet.owner), say(str(subnet.prefix))
        if standing in QUIET:  # that a route was right does not tell that it is
            now = Standing.UNKNOWN if old and standing is Standing.OK else standing
            yield Edge(name, owner, about, now)
        else:
            found = finding_of(findings, host.name, subnet.prefix)
            why = (found.code, say(found.id)) if found else ("", "")
            yield Edge(name, owner, about, standing, *why)
