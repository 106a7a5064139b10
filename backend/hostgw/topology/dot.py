"""The picture as text for Graphviz: a cluster per host, and an edge for each route that is worth one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hostgw.topology.graph import BridgeNode, ContainerNode, Edge, HostNode, Topology, crowd, title

FEW_HOSTS = 6
"""Up to so many hosts, healthy routes are drawn too."""
FEW_CONTAINERS = 12
"""Up to so many containers of a bridge are drawn one by one."""
RED, GREY, BLUE = "#c0392b", "#8a949e", "#2c6fa8"
_SPECIAL = re.compile(r'[\\"]')


def quoted(text: str) -> str:
    r"""Return a string of DOT: quotes and backslashes escaped, so that no ``\N`` of a name means anything."""
    return '"' + _SPECIAL.sub(lambda found: "\\" + found[0], text).replace("\n", "\\n") + '"'


def dot(picture: Topology) -> str:
    """Return the picture for ``dot -Tsvg``."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Topology) -> Iterator[str]:
    places = {host.name: index for index, host in enumerate(picture.hosts)}
    yield f"digraph {quoted('host-gw ' + picture.network)} {{"
    yield "  rankdir=TB; compound=true; nodesep=0.3; ranksep=0.8;"
    yield '  node [fontname="Helvetica", fontsize=10]; edge [fontname="Helvetica", fontsize=9];'
    for host in picture.hosts:
        yield from _cluster(f"h{places[host.name]}", host)
    for index, segment in enumerate(picture.segments):
        label = quoted(segment.prefix or "underlay not known")
        yield f"  s{index} [shape=box, style=filled, fillcolor={quoted('#e4ecf4')}, label={label}, width=4];"
        for name in segment.hosts:
            yield f"  s{index} -> h{places[name]} [dir=none, color={quoted(GREY)}];"
    yield from _routes(picture, places)
    yield "}"


def _cluster(key: str, host: HostNode) -> Iterator[str]:
    colour = RED if host.broken else GREY
    yield f"  subgraph cluster_{key} {{"
    yield f"    label={quoted(host.name)}; style=rounded; color={quoted(colour)};"
    facts = (f"{host.interface} {host.address}".strip(), host.state.value, host.verdict)
    yield f"    {key} [shape=box, label={quoted(_joined(facts))}];"
    for index, bridge in enumerate(host.bridges):
        yield from _bridge(key, f"{key}b{index}", bridge)
    yield from (f"    {line}" for line in _containers(f"{key}a", host.apart))
    yield "  }"


def _bridge(host: str, key: str, bridge: BridgeNode) -> Iterator[str]:
    facts = (title(bridge), *bridge.subnets)
    yield f"    {key} [shape=box, style=rounded, label={quoted(_joined(facts))}];"
    yield f"    {host} -> {key} [dir=none];"
    for index, line in enumerate(_containers(f"{key}c", bridge.containers)):
        yield f"    {line}"
        yield f"    {key} -> {key}c{index} [dir=none];"


def _containers(key: str, held: tuple[ContainerNode, ...]) -> Iterator[str]:
    if len(held) > FEW_CONTAINERS:
        yield f"{key}0 [shape=box3d, label={quoted(crowd(held))}];"
        return
    for index, container in enumerate(held):
        facts = (container.name, *container.addresses, "" if container.up else "down")
        colour = "" if container.up else f", color={quoted(RED)}"
        yield f"{key}{index} [shape=ellipse, label={quoted(_joined(facts))}{colour}];"


def _routes(picture: Topology, places: dict[str, int]) -> Iterator[str]:
    drawn: Iterable[Edge] = (edge for host in picture.hosts for edge in host.routes)
    if len(picture.hosts) > FEW_HOSTS:
        drawn = picture.broken
    for edge in drawn:
        if edge.broken or edge.host != edge.owner:
            yield f"  {_end(edge.host, places)} -> {_target(picture, edge, places)} [{_style(edge)}];"


def _style(edge: Edge) -> str:
    if not edge.broken:
        return f"color={quoted(BLUE)}, penwidth=0.7, constraint=false"
    label = quoted(f"{edge.standing.value}: {edge.subnet}")
    return f"color={quoted(RED)}, fontcolor={quoted(RED)}, style=dashed, penwidth=2, constraint=false, label={label}"


def _end(name: str, places: dict[str, int]) -> str:
    return f"h{places[name]}"


def _target(picture: Topology, edge: Edge, places: dict[str, int]) -> str:
    """Return the owner's bridge for the subnet, else the owner."""
    if edge.owner not in places:
        return quoted(f"owner {edge.owner}")
    place = places[edge.owner]
    bridges = picture.hosts[place].bridges
    return next((f"h{place}b{i}" for i, bridge in enumerate(bridges) if edge.subnet in bridge.subnets), f"h{place}")


def _joined(facts: Iterable[str]) -> str:
    return "\n".join(fact for fact in facts if fact)
