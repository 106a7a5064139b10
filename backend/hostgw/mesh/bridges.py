"""Which devices of a host are container bridges, ports and container links; which belong to the underlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from hostgw.fabric import Host, NamespaceState
from hostgw.mesh.memory import per_snapshot
from hostgw.model.host import Namespace
from hostgw.model.kernel import Address, Link
from hostgw.wire import Section

TUNNELS = frozenset({"vxlan", "ipip", "gre", "gretap", "sit", "wireguard", "tun", "geneve", "ip6tnl", "vti", "xfrm"})
LOOPBACKS = frozenset({"loopback", "dummy"})


def management_address(host: Host) -> str:
    """Return the host's own address of our SSH connection; empty when it is not known."""
    connection = host.snapshot.facts.ssh_connection if host.snapshot else ()
    return connection[2] if len(connection) == 4 else ""


def is_container_bridge(host: Host, link: Link) -> bool:
    """Tell whether a device is a bridge for containers: none that carries the SSH path or routes by a next hop."""
    if link.kind != "bridge":
        return False
    root = host.root
    held = {address.address for address in root.addresses_of(link.index)}
    if management_address(host) in held:
        return False
    return not any(route.oif == link.index and route.gateway for route in root.routes)


@per_snapshot
def container_bridges(host: Host) -> tuple[Link, ...]:
    """Return the bridges for containers, by ifindex."""
    return tuple(link for link in host.root.links.values() if is_container_bridge(host, link))


@per_snapshot
def underlay_addresses(host: Host) -> tuple[Address, ...]:
    """Return the IPv4 addresses that could be underlay: global ones, on no loopback, tunnel or container bridge."""
    root = host.root
    bridges = {link.index for link in container_bridges(host)}
    return tuple(
        address
        for address in root.addresses
        if address.family == 4
        and address.scope == "global"
        and address.index not in bridges
        and (link := root.links.get(address.index))
        and link.kind not in TUNNELS | LOOPBACKS
        and link.master not in bridges
    )


def container_link(state: NamespaceState) -> Link | None:
    """Return a container's eth0: its veth, the first by ifindex."""
    return next((link for link in state.links.values() if link.kind == "veth"), None)


class Attachment(NamedTuple):
    """A veth of a container: the host's end and the addresses on the container's."""

    container: Namespace
    end: Link
    addresses: tuple[Address, ...]


@per_snapshot
def attachments(host: Host) -> tuple[Attachment, ...]:
    """Return the veths of all containers, in the order of the containers' names."""
    return tuple(_found_attachments(host))


def _found_attachments(host: Host) -> Iterator[Attachment]:
    if host.snapshot is None:
        return
    ends: dict[int, list[Link]] = {}
    for link in host.root.links.values():
        if link.kind == "veth" and link.peer_nsid >= 0:
            ends.setdefault(link.peer_nsid, []).append(link)
    for container in host.snapshot.containers:
        for end in ends.get(container.nsid, ()):
            state = host.snapshot.state(container.id)
            inner = state.table(Section.LINKS).get((end.peer,))
            if isinstance(inner, Link) and inner.kind == "veth":
                # the table itself: an index of addresses for each of many thousand containers is never used again
                held = cast("Iterable[Address]", state.table(Section.ADDRESSES).values())
                yield Attachment(container, end, tuple([a for a in held if a.index == end.peer and a.family == 4]))


@per_snapshot
def _ends_by_container(host: Host) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = {}
    for container, end, _ in attachments(host):
        found.setdefault(container.id, []).append(end)
    return found


def host_ends(host: Host, container: Namespace) -> tuple[Link, ...]:
    """Return the host's ends of all of a container's veths, by ifindex."""
    return tuple(_ends_by_container(host).get(container.id, ()))


def host_end(host: Host, container: Namespace) -> Link | None:
    """Return the host's end of a container's veth."""
    return next(iter(_ends_by_container(host).get(container.id, ())), None)
