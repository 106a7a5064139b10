"""What a variant makes of the plain network: other uplinks, or IPv6 beside IPv4."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hostgw.lab.addresses import mac
from hostgw.lab.nodes import Cable, Interface, Node, Topology, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostgw.lab.addresses import Host, Shape

VAGRANT_ADDRESS: Final = "10.0.2.15"
"""Address that VirtualBox gives the first NIC of every machine."""
VAGRANT_GATEWAY: Final = "10.0.2.2"
_OWN_NIC: Final = 7
"""Kind of the MAC addresses on Vagrant's own NICs."""
_UNDERLAY6: Final = "fd00:5:7::"
_NETWORK6: Final = "fd00:239:0:"


def reshaped(plain: Topology, shape: Shape) -> Topology:
    """The network that the shape's variant asks for, from the plain one."""
    change = _CHANGES.get(shape.variant)
    return change(plain, shape) if change else plain


def _behind(kind: str) -> Callable[[Topology, Shape], Topology]:
    """A change that puts eth0 of every host into a bridge or bond, which then holds the address."""

    def change(plain: Topology, shape: Shape) -> Topology:
        hosts = {host.name for host in shape.all_hosts}
        nodes = (_enslaved(n, shape.kind.uplink, kind) if n.name in hosts else n for n in plain.nodes)
        return replace(plain, nodes=tuple(nodes))

    return change


def _enslaved(node: Node, master: str, kind: str) -> Node:
    uplink, *others = node.interfaces
    holder = replace(uplink, name=master, kind=kind)
    port = replace(uplink, address=None, master=master)
    routes = tuple(replace(way, interface=master) for way in node.routes)
    return replace(node, interfaces=(holder, port, *others), routes=routes)


def _vagrant(plain: Topology, shape: Shape) -> Topology:
    """Every host has a NIC of its own behind the same NAT gateway, and the default route there."""
    numbers = {host.name: number for number, host in enumerate(shape.all_hosts, 1)}
    nodes = [_with_own_nic(n, numbers) if n.name in numbers else _nat_gateway(n, numbers) for n in plain.nodes]
    cables = tuple(Cable(("gateway", f"nat-{name}"), (name, "eth0")) for name in numbers)
    return Topology(tuple(nodes), (*plain.cables, *cables))


def _with_own_nic(node: Node, numbers: dict[str, int]) -> Node:
    uplink, *others = node.interfaces
    own = Interface("eth0", mac(_OWN_NIC, numbers[node.name]), f"{VAGRANT_ADDRESS}/24")
    default, *routes = (replace(way, interface="eth1") for way in node.routes)
    ways = (replace(default, gateway=VAGRANT_GATEWAY, interface="eth0"), *routes)
    return replace(node, interfaces=(own, replace(uplink, name="eth1"), *others), routes=ways)


def _nat_gateway(node: Node, numbers: dict[str, int]) -> Node:
    if node.name != "gateway":
        return node
    ends = (Interface(f"nat-{h}", mac(_OWN_NIC, n, 1), f"{VAGRANT_GATEWAY}/24") for h, n in numbers.items())
    return replace(node, interfaces=(*node.interfaces, *ends))


def _dual_stack(plain: Topology, shape: Shape) -> Topology:
    numbers = {host.name: number for number, host in enumerate(shape.all_hosts, 1)}
    nodes = (_with_ipv6(node, numbers, shape.owners) for node in plain.nodes)
    return replace(plain, nodes=tuple(nodes))


def _with_ipv6(node: Node, numbers: dict[str, int], owners: tuple[Host, ...]) -> Node:
    host, _, container = node.name.partition("/")
    if host not in numbers:
        return node
    subnet = f"{_NETWORK6}{numbers[host]:x}::"
    if container:
        inner = replace(node.interfaces[0], address6=f"{subnet}{int(container[1:]) + 1:x}/64")
        return replace(node, interfaces=(inner,), routes6=(Way("default", f"{subnet}1", "eth0"),))
    addresses = {"eth0": f"{_UNDERLAY6}{numbers[host]:x}/64", "br0": f"{subnet}1/64"}
    others = (numbers[owner.name] for owner in owners if owner.name != host)
    ways = tuple(Way(f"{_NETWORK6}{number:x}::/64", f"{_UNDERLAY6}{number:x}", "eth0") for number in others)
    interfaces = tuple(replace(each, address6=addresses.get(each.name)) for each in node.interfaces)
    return replace(node, interfaces=interfaces, routes6=ways)


def _bare(plain: Topology, shape: Shape) -> Topology:
    """Take everything from the hosts but NIC, address and default route."""
    hosts = {host.name for host in shape.all_hosts}
    return Topology(
        tuple(_stripped(node, hosts) for node in plain.nodes),
        tuple(cable for cable in plain.cables if "/" not in cable.far[0]),
    )


def _stripped(node: Node, hosts: set[str]) -> Node:
    if "/" in node.name:
        return replace(node, interfaces=(), routes=())
    if node.name not in hosts:
        return node
    return replace(node, interfaces=node.interfaces[:1], routes=node.routes[:1], forwards=False)


def _practice(plain: Topology, shape: Shape) -> Topology:
    """Vagrant's two NICs and no more: Docker makes bridge and containers."""
    hosts = {host.name for host in shape.all_hosts}
    made = _vagrant(plain, shape)
    return replace(made, nodes=tuple(_without_container_network(n) if n.name in hosts else n for n in made.nodes))


def _without_container_network(node: Node) -> Node:
    return replace(node, interfaces=node.interfaces[:2], routes=node.routes[:1], forwards=False)


_CHANGES: Final = {
    "bare": _bare,
    "practice": _practice,
    "vagrant": _vagrant,
    "lan-bridge": _behind("bridge"),
    "bond": _behind("bond"),
    "dual-stack": _dual_stack,
}
