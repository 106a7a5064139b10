"""Where one can tap: every device of every host and container, placed by the topology."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.capture.tap_points import TapPoint
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import container_bridges, container_link
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
    bridges = {(s.owner, s.bridge) for s in view.mesh.subnets}
    return tuple(
        point
        for point in tap_points(view)
        if not point.container and (point.underlay or (point.host, point.interface) in bridges)
    )


def points_along(view: View, prediction: Prediction) -> tuple[TapPoint, ...]:
    """Return the taps on a predicted way and back, and those of the containers at its ends."""
    legs = [leg for leg in (prediction.forward, prediction.back) if leg]
    way = {(hop.host, hop.namespace, hop.interface) for leg in legs for hop in leg.hops}
    ends = {(end.host, end.container or None) for end in (prediction.source, prediction.destination) if end.host}
    known = tap_points(view)
    along = [p for p in known if (p.host, p.container, p.interface) in way]
    return (*along, *(p for p in known if p.container and (p.host, p.container) in ends and p not in along))


def _host(host: Host, mesh: Mesh) -> Iterator[TapPoint]:
    """Yield the devices of a host, then those of its containers."""
    member = mesh.members.get(host.name)
    nic = member.underlay.index if member and member.underlay else 0
    orders = dict(_orders(host))
    exits = [index for index, order in orders.items() if order == NIC]
    held, near = _held(host, 0), frozenset().union(*(_held(host, ns) for ns in _namespaces(host)))
    for index, order in orders.items():
        link = host.root.links[index]
        underlay = index == nic or (order == NIC and link.kind != "veth")
        behind = _addresses(host, 0, link)
        words = (host.name, 0, index, link.name, None, order, underlay, order == BRIDGE, behind, held, near)
        yield TapPoint(*words, only_exit=exits == [index])
    for container in host.snapshot.containers if host.snapshot else ():
        if inner := _inner(host, container.id):
            own = _addresses(host, container.id, inner), _held(host, container.id), near
            place = (host.name, container.id, inner.index, inner.name, container.name, CONTAINER, False, False)
            yield TapPoint(*place, *own)


def _orders(host: Host) -> Iterator[tuple[int, int]]:
    """Yield each device of a host with how far it stands from the containers."""
    bridges = {link.index for link in container_bridges(host)}
    for link in host.root.links.values():
        if link.up and link.kind != "loopback":
            yield link.index, BRIDGE if link.index in bridges else PORT if link.master in bridges else NIC


def _namespaces(host: Host) -> tuple[int, ...]:
    return tuple(host.snapshot.states) if host.snapshot else ()


def _held(host: Host, ns: int) -> frozenset[int]:
    """Return the addresses of a namespace."""
    state = host.snapshot.state(ns) if host.snapshot else host.root
    return frozenset(any_number(address.address) for address in state.addresses)


def _addresses(host: Host, ns: int, link: Link) -> frozenset[int]:
    """Return what lives on or behind a tap: its own addresses; behind a port or bridge those of its containers."""
    if host.snapshot is None:
        return frozenset()
    states = [(host.snapshot.state(ns), link.index)]
    if not ns:
        ports = host.root.ports_of(link.index) if link.kind == "bridge" else (link,)
        peers = {port.peer_nsid for port in ports if port.kind == "veth"}
        behind = [c for c in host.snapshot.containers if c.nsid in peers]
        states += [(host.snapshot.state(c.id), inner.index) for c in behind if (inner := _inner(host, c.id))]
    held = (a.address for state, index in states for a in state.addresses if a.index == index)
    return frozenset(any_number(text) for text in held)


def _inner(host: Host, ns: int) -> Link | None:
    return container_link(host.snapshot.state(ns)) if host.snapshot else None
