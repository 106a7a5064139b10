"""Where a tap hangs: a port at its bridge, a container at its port. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hostgw.capture.tap_points import TapPoint
from hostgw.fabric import Host
from hostgw.live.points import tap_points
from hostgw.live.view import View

Key = tuple[str, int, int]
"""Host, namespace and index of a device."""


class Branch(NamedTuple):
    """A tap in the tree."""

    point: TapPoint
    depth: int
    """1 for what hangs at the host itself."""


def tap_tree(view: View) -> tuple[Branch, ...]:
    """Return all taps host by host: what hangs at the host itself, NICs first, and below it what hangs at that."""
    points = tap_points(view)
    parents = dict(_parents(view))
    known = {_key(point) for point in points}
    children: dict[Key | str, list[TapPoint]] = {}
    for point in points:
        parent = parents.get(_key(point))
        children.setdefault(parent if parent in known else point.host, []).append(point)
    return tuple(branch for host in view.fabric.hosts for branch in _below(host, children, 1))


def _below(parent: Key | str, children: dict[Key | str, list[TapPoint]], depth: int) -> Iterator[Branch]:
    for point in sorted(children.get(parent, ()), key=lambda point: (point.bridge, bool(point.container))):
        yield Branch(point, depth)
        yield from _below(_key(point), children, depth + 1)


def _key(point: TapPoint) -> Key:
    return point.host, point.ns, point.index


def _parents(view: View) -> Iterator[tuple[Key, Key]]:
    """Yield what hangs at another device, and at which."""
    for host in view.fabric.readable:
        for link in host.root.links.values():
            if link.master:
                yield (host.name, 0, link.index), (host.name, 0, link.master)
        yield from _containers(host)


def _containers(host: Host) -> Iterator[tuple[Key, Key]]:
    """Yield the devices of containers with the host's end of the pair."""
    outer = {(link.peer_nsid, link.peer): link.index for link in host.root.links.values() if link.kind == "veth"}
    for container in host.snapshot.containers if host.snapshot else ():
        state = host.snapshot.state(container.id) if host.snapshot else host.root
        for link in state.links.values():
            index = outer.get((container.nsid, link.index))
            if index is not None:
                yield (host.name, container.id, link.index), (host.name, 0, index)
