"""Namespaces that packets pass, and where frames go from a device: to whom they can be on the same link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostgw.fabric import Fabric, Host, NamespaceState
from hostgw.mesh.bridges import TUNNELS, underlay_addresses
from hostgw.model.ip import Prefix, address_number, address_text, interface_prefix
from hostgw.model.kernel import Link


@dataclass(frozen=True)
class Node:
    """A network namespace of a host."""

    host: Host
    ns: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """What it is known by: the host's name, the agent's handle."""
        return self.host.name, self.ns

    @property
    def state(self) -> NamespaceState:
        """What its kernel holds."""
        return self.host.snapshot.state(self.ns) if self.host.snapshot else NamespaceState()

    @property
    def container(self) -> str | None:
        """The container's name; None for the host itself."""
        found = self.host.snapshot.namespaces.get(self.ns) if self.ns and self.host.snapshot else None
        return found.name if found else None

    def __str__(self) -> str:
        """Return ``c1 on vm1``."""
        return f"{self.container} on {self.host.name}" if self.ns else self.host.name


@dataclass(frozen=True)
class Holder:
    """Who can take frames on a link: a device, and the bridge port through which it is reached there."""

    node: Node
    link: Link
    port: Link | None = None
    """Of the bridge `link` or of the container behind it; None when no bridge lies between."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its IPv4 addresses."""
        return tuple(address.address for address in self.node.state.addresses_of(self.link.index))


def other_end(node: Node, link: Link) -> Holder | None:
    """Return the other end of a veth, when that is in a namespace that is read."""
    snapshot = node.host.snapshot
    if link.kind != "veth" or not link.peer or snapshot is None:
        return None
    if node.ns:
        return _host_end(node, link)
    for ns in snapshot.containers:
        inner = snapshot.state(ns.id).links.get(link.peer) if ns.nsid == link.peer_nsid >= 0 else None
        if inner:
            return Holder(Node(node.host, ns.id), inner)
    return None


def _host_end(node: Node, link: Link) -> Holder | None:
    own = node.host.snapshot.namespaces.get(node.ns) if node.host.snapshot else None
    end = node.host.root.links.get(link.peer)
    if own is None or end is None or end.peer != link.index or end.peer_nsid != own.nsid:
        return None
    return Holder(Node(node.host), end)


def on_bridge(host: Host, bridge: Link) -> Iterator[Holder]:
    """Yield who is on a bridge: the host by the bridge itself, and the containers behind its ports."""
    root = Node(host)
    yield Holder(root, bridge)
    for port in root.state.ports_of(bridge.index):
        if end := other_end(root, port):
            yield Holder(end.node, end.link, port)


def on_wire(fabric: Fabric, besides: Host) -> Iterator[Holder]:
    """Yield the underlay devices of all hosts but one."""
    for host in fabric.readable:
        if host.name != besides.name:
            for index in dict.fromkeys(address.index for address in underlay_addresses(host)):
                yield Holder(Node(host), host.root.links[index])


def is_wire(node: Node, link: Link) -> bool:
    """Tell whether frames on a device go to other machines."""
    return node.ns == 0 and link.kind not in TUNNELS and link.kind not in ("loopback", "dummy")


def share_segment(one: Holder, other: Holder) -> bool:
    """Tell whether two devices hold addresses of overlapping prefixes: then we take them to be on one L2."""
    return any(mine.overlaps(theirs) for mine in _prefixes(one) for theirs in _prefixes(other))


def _prefixes(holder: Holder) -> frozenset[Prefix]:
    held = holder.node.state.addresses_of(holder.link.index)
    return frozenset(interface_prefix(f"{a.address}/{a.length}")[1] for a in held)


def holds(holder: Holder, address: int) -> bool:
    """Tell whether a device's namespace answers ARP for an address there; the kernel answers for any of its own."""
    state = holder.node.state
    if state.sysctls.get(f"net/ipv4/conf/{holder.link.name}/arp_ignore", "0") not in ("0", ""):
        return address in {address_number(text) for text in holder.addresses}
    return any(a.family == 4 and address_number(a.address) == address for a in state.addresses)


def is_known(fabric: Fabric, address: int) -> bool:
    """Tell whether some namespace of a listed host holds an address."""
    text = address_text(address)
    states = (state for host in fabric.readable if host.snapshot for state in host.snapshot.states.values())
    return any(a.address == text for state in states for a in state.addresses)
