"""Where one can tap: every device of every host and container, placed by the topology."""

from __future__ import annotations

from collections.abc import Container, Iterator

from hostgw.capture.tap_points import TapPoint
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import container_bridges, container_link
from hostgw.mesh.memory import per_containers, per_mesh
from hostgw.model.ip import any_number
from hostgw.model.kernel import Link
from hostgw.model.path import Prediction

CONTAINER, PORT, BRIDGE, NIC = range(4)
"""How far from the containers a tap stands: a packet that leaves climbs, one that arrives descends."""


def tap_points(view: View) -> tuple[TapPoint, ...]:
    """Return every device that can be tapped: those of the hosts, then those of their containers."""
    return tuple(point for host in view.fabric.readable for point in _host(host, view.mesh))


def default_points(view: View) -> tuple[TapPoint, ...]:
    """Return the container bridges and the underlay NICs of all hosts."""
    chosen = ((host, _default_indexes(host, view.mesh)) for host in view.fabric.readable)
    return tuple(point for host, indexes in chosen for point in _devices(host, view.mesh, indexes))


def count_default_points(view: View) -> tuple[int, int]:
    """Return how many taps and hosts `default_points` would return; of many containers, that is a quick answer."""
    found = [len(_default_indexes(host, view.mesh)) for host in view.fabric.readable]
    return sum(found), sum(map(bool, found))


def points_along(view: View, prediction: Prediction) -> tuple[TapPoint, ...]:
    """Return the taps on a predicted way and back, and those of the containers at its ends."""
    legs = [leg for leg in (prediction.forward, prediction.back) if leg]
    way = {(hop.host, hop.namespace, hop.interface) for leg in legs for hop in leg.hops}
    ends = {(end.host, end.container or None) for end in (prediction.source, prediction.destination) if end.host}
    known = tap_points(view)
    along = [p for p in known if (p.host, p.container, p.interface) in way]
    return (*along, *(p for p in known if p.container and (p.host, p.container) in ends and p not in along))


@per_mesh
def _default_indexes(host: Host, mesh: Mesh) -> frozenset[int]:
    """Return the container bridges and underlay NICs of a host, by ifindex."""
    bridges = {subnet.bridge for subnet in mesh.subnets if subnet.owner == host.name}
    nic, root = _nic(host, mesh), host.root
    return frozenset(i for i, o in _orders(host) if _is_underlay(root.links[i], o, nic) or root.name_of(i) in bridges)


def _host(host: Host, mesh: Mesh) -> Iterator[TapPoint]:
    """Yield the devices of a host, then those of its containers."""
    yield from _devices(host, mesh)
    near = _near(host)
    for container in host.snapshot.containers if host.snapshot else ():
        if inner := _inner(host, container.id):
            own = _own(host, container.id, inner), _held(host, container.id), near
            place = (host.name, container.id, inner.index, inner.name, container.name, CONTAINER, False, False)
            yield TapPoint(*place, *own)


def _nic(host: Host, mesh: Mesh) -> int:
    member = mesh.members.get(host.name)
    return member.underlay.index if member and member.underlay else 0


def _is_underlay(link: Link, order: int, nic: int) -> bool:
    return link.index == nic or (order == NIC and link.kind != "veth")


def _devices(host: Host, mesh: Mesh, wanted: Container[int] | None = None) -> Iterator[TapPoint]:
    """Yield the devices of a host itself: all, or those of the wanted indexes."""
    nic, orders = _nic(host, mesh), dict(_orders(host))
    exits = [index for index, order in orders.items() if order == NIC]
    held, near = _held(host, 0), _near(host)
    for index, order in orders.items():
        if wanted is None or index in wanted:
            link = host.root.links[index]
            underlay = _is_underlay(link, order, nic)
            behind = _own(host, 0, link) | _behind(host, index)
            words = (host.name, 0, index, link.name, None, order, underlay, order == BRIDGE, behind, held, near)
            yield TapPoint(*words, only_exit=exits == [index])


def _orders(host: Host) -> Iterator[tuple[int, int]]:
    """Yield each device of a host with how far it stands from the containers."""
    bridges = {link.index for link in container_bridges(host)}
    for link in host.root.links.values():
        if link.up and link.kind != "loopback":
            yield link.index, BRIDGE if link.index in bridges else PORT if link.master in bridges else NIC


def _held(host: Host, ns: int) -> frozenset[int]:
    """Return the addresses of a namespace."""
    state = host.snapshot.state(ns) if host.snapshot else host.root
    return frozenset(any_number(address.address) for address in state.addresses)


def _near(host: Host) -> frozenset[int]:
    """Return all addresses on a host, its containers' among them."""
    return _held(host, 0) | _inside(host)


@per_containers
def _inside(host: Host) -> frozenset[int]:
    """Return the addresses of all namespaces but the host's own."""
    return frozenset().union(*(_held(host, ns) for ns in (host.snapshot.states if host.snapshot else ()) if ns))


@per_containers
def _by_peer(host: Host) -> dict[int, frozenset[int]]:
    """Return the addresses of containers' devices, by the handle that the host's end of the pair has for theirs."""
    found: dict[int, frozenset[int]] = {}
    for container in host.snapshot.containers if host.snapshot else ():
        if inner := _inner(host, container.id):
            found[container.nsid] = found.get(container.nsid, frozenset()) | _own(host, container.id, inner)
    return found


@per_containers
def _behind(host: Host, index: int) -> frozenset[int]:
    """Return the addresses of the containers behind a port or bridge."""
    link = host.root.links[index]
    ports = host.root.ports_of(link.index) if link.kind == "bridge" else (link,)
    known = _by_peer(host)
    return frozenset().union(*(known.get(port.peer_nsid, frozenset()) for port in ports if port.kind == "veth"))


def _own(host: Host, ns: int, link: Link) -> frozenset[int]:
    """Return a device's own addresses."""
    state = host.snapshot.state(ns) if host.snapshot else host.root
    return frozenset(any_number(a.address) for a in state.addresses if a.index == link.index)


def _inner(host: Host, ns: int) -> Link | None:
    return container_link(host.snapshot.state(ns)) if host.snapshot else None
