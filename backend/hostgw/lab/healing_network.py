"""Putting links, addresses, routes and rules of some nodes back: emptied, then settled as at the beginning."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hostgw.lab import network
from hostgw.lab.namespaces import inside
from hostgw.lab.reading import State, read_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hostgw.lab.lab import Lab
    from hostgw.lab.nodes import Cable, Node

PARTS: Final = {"links", "addresses", "routes", "rules", "nexthops"}
"""Parts of a node's state that this file restores."""
_FLUSH_ALL: Final = ("nexthop flush", "route flush table all", "link set lo down", "address flush dev lo")
_RULES: Final = (
    "rule flush",
    "rule add priority 0 table local protocol kernel",
    "rule add priority 32766 table main protocol kernel",
    "rule add priority 32767 table default protocol kernel",
)


def restore(lab: Lab, wanted: dict[str, State], names: list[str], recreate: bool) -> None:
    """Empty some nodes, make what is missing, and settle them; `recreate` makes wrong links anew."""
    topology = lab.topology
    now = read_nodes(lab, names)
    for name in names:
        _remove_links(lab, name, wanted[name]["links"], now[name]["links"], recreate)
        _flush(lab.node_netns(name), wanted[name], now[name])
    for name in names:
        with network.kernel(lab.node_netns(name)) as route:
            network.make_masters(topology.node(name), route)
    network.make_cables(topology.cables, topology, lab.node_netns)
    for node in _affected(topology.nodes, names, topology.cables):
        network.settle(node, lab.node_netns(node.name))


def _affected(nodes: Iterable[Node], names: list[str], cables: Iterable[Cable]) -> list[Node]:
    """The nodes themselves and the far ends of their cables, which may have been made anew."""
    found = set(names)
    for cable in cables:
        if cable.near[0] in names or cable.far[0] in names:
            found |= {cable.near[0], cable.far[0]}
    return [node for node in nodes if node.name in found]


def _remove_links(lab: Lab, node: str, wanted: dict[str, Any], found: dict[str, Any], recreate: bool) -> None:
    """Delete links that the baseline does not know, and in a later round those that did not become right."""
    with network.kernel(lab.node_netns(node)) as route:
        for name in found:
            index = network.links(route).get(name)
            wrong = name not in wanted or (recreate and found[name] != wanted[name])
            if index and wrong and name != "lo":
                route.link("del", index=index)


def _flush(path: str, wanted: State, found: State) -> None:
    """Take away addresses, routes, nexthops and wrong rules; link sizes go back to the baseline."""
    with inside(path):
        devices = [name for name in _devices() if name != "lo"]
        lines = [f"address flush dev {name}" for name in devices]
        sizes = {name: wanted["links"][name]["mtu"] for name in devices if name in wanted["links"]}
        lines += [f"link set {name} mtu {size}" for name, size in sizes.items() if found["links"][name]["mtu"] != size]
        rules = _RULES if found["rules"] != wanted["rules"] else ()
        _force([*lines, *_FLUSH_ALL, *rules])


def forget_learned() -> None:
    """Drop what the namespace that the thread is in has learned: neighbours, also permanent ones, and path MTUs."""
    _force([*(f"neigh flush dev {name} nud all" for name in _devices()), "route flush cache"])


def _devices() -> list[str]:
    lines = Path("/proc/thread-self/net/dev").read_text(encoding="utf-8").splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


def _force(commands: list[str]) -> None:
    """Run `ip` commands of which some may have nothing to do."""
    batch = "".join(f"{command}\n" for command in commands)
    subprocess.run(["ip", "-force", "-batch", "-"], input=batch, text=True, capture_output=True, check=False)
