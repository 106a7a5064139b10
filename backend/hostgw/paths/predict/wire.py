"""What lies between a host's IP stack and the wire: the port of a bridge, the NIC below a VLAN or a bond.

Each of them sees the frame on its way (packet(7): taps are called for every device that a frame passes), the upper
one first on the way out, the lower one first on the way in.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.fabric import Host
from hostgw.mesh.bridges import is_container_bridge
from hostgw.model.kernel import Link
from hostgw.paths.predict.journey import Travel
from hostgw.paths.predict.node import Node, other_end
from hostgw.paths.predict.stack import before_bridge

ON_ANOTHER = frozenset({"vlan", "macvlan"})
"""Kinds of devices that stand on one other (IFLA_LINK)."""
OF_SEVERAL = frozenset({"bond", "team"})
DEEPEST = 8


def wire_port(host: Host, bridge: Link) -> Link | None:
    """Return the port by which a bridge reaches other machines, when it has one.

    It may be a veth itself, where the host is a container. On a bridge of containers such a port is one of a container
    that could not be read; a NIC is preferred to it on any other.
    """
    root, inner = Node(host), is_container_bridge(host, bridge)
    open_ended = [port for port in host.root.ports_of(bridge.index) if other_end(root, port) is None]
    to_wire = [port for port in open_ended if port.peer_nsid < 0]
    return next(iter(to_wire or ([] if inner else open_ended)), None)


def out_to(travel: Travel, host: Host, device: Link) -> None:
    """Let a frame go down from a device to the wire."""
    for below, why in _below(host, device):
        travel.seen(Node(host), below, "out", why)


def in_from(travel: Travel, host: Host, device: Link) -> None:
    """Let a frame come up from the wire, as far as below a device; a bridge has its own rules on the way."""
    for below, why in reversed([*_below(host, device)]):
        travel.seen(Node(host), below, "in", why)
        if below.master == device.index and device.kind == "bridge":
            before_bridge(travel, Node(host), device)


def _below(host: Host, device: Link) -> Iterator[tuple[Link, str]]:
    """Yield the devices under one, and what makes a frame pass them; under a bond only when there is no choice."""
    for _ in range(DEEPEST):
        found = _next_below(host, device)
        if found is None:
            return
        yield found, f"{device.name} is on {found.name}" if found.master != device.index else f"port of {device.name}"
        device = found


def _next_below(host: Host, device: Link) -> Link | None:
    if device.kind == "bridge":
        return wire_port(host, device)
    if device.kind in ON_ANOTHER and device.peer_nsid < 0:
        return host.root.links.get(device.peer)
    if device.kind in OF_SEVERAL:
        up = [port for port in host.root.ports_of(device.index) if port.up]
        return up[0] if len(up) == 1 else None
    return None
