"""The graph in the language of Graphviz: ``dot -Tsvg`` draws it. (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.report.topology.graph import HostNode, RouteEdge, Topology

MANY_CONTAINERS, MANY_ROUTES = 12, 200
"""From so many on, containers of a bridge share a node, and only broken routes are drawn."""
_BAD, _GOOD, _QUIET = "#b3261e", "#2e7d32", "#667085"


def dot(graph: Topology) -> str:
    """Return the graph as a digraph with a cluster for each host."""
    routes = graph.broken if len(graph.routes) > MANY_ROUTES else graph.routes
    body = [line for number, host in enumerate(graph.hosts) for line in _host(number, host)]
    numbers = {host.name: number for number, host in enumerate(graph.hosts)}
    edges = [line for edge in routes if edge.target in numbers for line in _route(edge, numbers)]
    return "\n".join([*_head(graph, len(routes)), *body, *edges, "}"]) + "\n"


def quoted(text: str) -> str:
    """Return text as a quoted ID; the escapes of labels are plain text in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _head(graph: Topology, drawn: int) -> Iterator[str]:
    hidden = len(graph.routes) - drawn
    title = f"host-gw network {graph.network or 'unknown'}"
    yield "digraph hostgw {"
    yield f"  label={quoted(f'{title}: {hidden} right routes are not drawn' if hidden else title)};"
    yield '  graph [rankdir=LR, fontname="sans-serif", compound=true];'
    yield '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];'
    yield '  edge [fontname="sans-serif", fontsize=9];'


def _host(number: int, host: HostNode) -> Iterator[str]:
    state = "" if host.current else f" ({host.state.value})"
    yield f"  subgraph cluster_{number} {{"
    yield f"    label={quoted(host.name + state)}; color={quoted(_QUIET if host.current else _BAD)};"
    nic = " ".join(filter(None, (host.nic, host.address)))
    yield f"    h{number} [label={quoted(nic or host.name)}];"
    for place, bridge in enumerate(host.bridges):
        name = f"b{number}_{place}"
        label = " ".join((bridge.name, *bridge.subnets)) + ("" if bridge.up else " down")
        yield f"    {name} [label={quoted(label)}, color={quoted(_QUIET if bridge.up else _BAD)}];"
        yield f"    h{number} -> {name} [dir=none, color={quoted(_QUIET)}];"
        if len(bridge.containers) > MANY_CONTAINERS:
            down = sum(not leaf.up for leaf in bridge.containers)
            label = f"{len(bridge.containers)} containers" + (f", {down} down" if down else "")
            yield f"    {name}_c [label={quoted(label)}, shape=ellipse];"
            yield f"    {name} -> {name}_c [dir=none, color={quoted(_QUIET)}];"
            continue
        for at, leaf in enumerate(bridge.containers):
            label = " ".join((leaf.name, *leaf.addresses)) + ("" if leaf.up else " down")
            yield f"    {name}_c{at} [label={quoted(label)}, shape=ellipse, color={quoted(_leaf_colour(leaf.up))}];"
            yield f"    {name} -> {name}_c{at} [dir=none, color={quoted(_QUIET)}];"
    yield "  }"


def _leaf_colour(up: bool) -> str:
    return _QUIET if up else _BAD


def _route(edge: RouteEdge, numbers: dict[str, int]) -> Iterator[str]:
    ends = f"  h{numbers[edge.source]} -> h{numbers[edge.target]}"
    if edge.broken:
        label = quoted(f"{edge.subnet} {edge.standing.value}")
        yield f"{ends} [label={label}, color={quoted(_BAD)}, fontcolor={quoted(_BAD)}, style=dashed, penwidth=2];"
    else:
        yield f"{ends} [color={quoted(_GOOD)}, tooltip={quoted(edge.subnet)}];"
