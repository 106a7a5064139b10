"""Bring the nodes of a topology into the kernel; what is right already stays as it is."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyroute2 import IPRoute

from hostgw.lab.namespaces import inside
from hostgw.lab.route_batch import put_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hostgw.lab.nodes import Cable, Interface, Node, Topology

_QUIET = ("ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6")
_PROMPT = ("accept_dad", "accept_ra")
"""What makes IPv6 addresses wait, or come by themselves."""
_OPTIONS: Final[dict[str, dict[str, Any]]] = {"bridge": {"br_mcast_snooping": 0}, "bond": {"bond_mode": 1}}
"""What is set when a link of a kind is made; mode 1 is active-backup."""


@contextmanager
def kernel(path: str) -> Iterator[Any]:
    """An rtnetlink socket inside the network namespace at a path."""
    with inside(path):
        route = IPRoute()
    try:
        yield route
    finally:
        route.close()


def build(topology: Topology, netns: Callable[[str], str]) -> None:
    """Make the whole network in fresh namespaces; `netns` gives each node's path."""
    for node in topology.nodes:
        with kernel(netns(node.name)) as route:
            prepare(node, netns(node.name))
            make_masters(node, route)
    make_cables(topology.cables, topology, netns)
    for node in topology.nodes:
        settle(node, netns(node.name))


def prepare(node: Node, path: str) -> None:
    """Set what must be set before there are interfaces: IPv6 on or off, forwarding where the node routes."""
    with inside(path):
        for name in _QUIET:
            write_sysctl(name, "1" if node.routes6 is None else "0")
        for name in _PROMPT if node.routes6 is not None else ():
            write_sysctl(f"ipv6/conf/all/{name}", "0")
            write_sysctl(f"ipv6/conf/default/{name}", "0")
        if node.forwards:
            write_sysctl("ipv4/ip_forward", "1")


def write_sysctl(name: str, value: str) -> None:
    """Write a value under /proc/sys/net of the namespace that the thread is in; absent ones are skipped."""
    path = Path("/proc/sys/net") / name
    if path.exists():
        path.write_text(value, encoding="utf-8")


def links(route: Any) -> dict[str, int]:
    """Index of every link by name."""
    return {link.get_attr("IFLA_IFNAME"): link["index"] for link in route.get_links()}


def make_masters(node: Node, route: Any) -> None:
    """Make the bridges and bonds that a node lacks."""
    there = links(route)
    for interface in node.interfaces:
        kind = interface.kind
        if kind and interface.name not in there:
            route.link("add", ifname=interface.name, kind=kind, address=interface.mac, **_OPTIONS[kind])


def make_cables(cables: tuple[Cable, ...], topology: Topology, netns: Callable[[str], str]) -> None:
    """Make the veth pairs that are missing, each end directly in its namespace."""
    nodes = {node.name: node for node in topology.nodes}
    by_node: dict[str, list[Cable]] = {}
    for cable in cables:
        by_node.setdefault(cable.near[0], []).append(cable)
    for name, group in by_node.items():
        with kernel(netns(name)) as route:
            there = links(route)
            for cable in group:
                if cable.near[1] not in there:
                    _make_cable(cable, nodes, route, netns(cable.far[0]))


def _make_cable(cable: Cable, nodes: dict[str, Node], route: Any, far: str) -> None:
    near_mac = _interface(nodes[cable.near[0]], cable.near[1]).mac
    far_mac = _interface(nodes[cable.far[0]], cable.far[1]).mac
    with ExitStack() as stack:
        handle = os.open(far, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, handle)
        peer = {"ifname": cable.far[1], "address": far_mac, "net_ns_fd": handle}
        route.link("add", ifname=cable.near[1], kind="veth", address=near_mac, peer=peer)


def _interface(node: Node, name: str) -> Interface:
    return next(each for each in node.interfaces if each.name == name)


def settle(node: Node, path: str) -> None:
    """Give a node's interfaces their bridge, state and address, then its routes in order."""
    with kernel(path) as route:
        index = links(route)
        route.link("set", index=index["lo"], state="up")
        for interface in node.interfaces:
            master = index[interface.master] if interface.master else 0
            if master:  # before it is up: a bond takes no other
                route.link("set", index=index[interface.name], master=master)
            route.link("set", index=index[interface.name], master=master, address=interface.mac, state="up")
            if interface.address:
                address, _, length = interface.address.partition("/")
                route.addr("replace", index=index[interface.name], address=address, prefixlen=int(length))
    with inside(path):
        put_routes(node.routes, index)
        if node.routes6 is not None:
            _settle6(node)


def _settle6(node: Node) -> None:
    """Begin IPv6 anew on a node, for what was flushed comes back only so, then give it addresses and routes."""
    for value in ("1", "0"):
        write_sysctl("ipv6/conf/all/disable_ipv6", value)
    if node.forwards:
        write_sysctl("ipv6/conf/all/forwarding", "1")
    lines = [f"address replace {each.address6} dev {each.name}" for each in node.interfaces if each.address6]
    lines += [f"route replace {w.destination} via {w.gateway} dev {w.interface}" for w in node.routes6 or ()]
    batch = "".join(f"{line}\n" for line in lines)
    subprocess.run(["ip", "-6", "-batch", "-"], input=batch, text=True, capture_output=True, check=True)
