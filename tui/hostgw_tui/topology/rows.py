"""The topology as lines of text: boxes side by side below their segment's line, as many as the width holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from hostgw.report.topology.graph import BridgeNode, HostNode, Leaf, RouteEdge, Topology
from hostgw_tui.look import STANDINGS, STATES, Line, Part, Tone, line, plain
from hostgw_tui.widgets.layout import fitted

LEAST, MOST, GAP = 34, 48, 2
"""Cells of a box, and between two."""
SHOWN, EDGES = 6, 6
"""Containers and routes that are named one by one, where there are no more."""
Box = list[Line]


def topology_lines(graph: Topology, width: int) -> Iterator[Line]:
    """Yield the picture for a width, in cells."""
    if not graph.hosts:
        yield line(Part("No hosts are listed.", Tone.NOTE))
        return
    across = max(1, min(len(graph.hosts), (width + GAP) // (LEAST + GAP)))
    box = max(LEAST, min(MOST, (width + GAP) // across - GAP))
    for at in range(0, len(graph.hosts), across):
        row = graph.hosts[at : at + across]
        yield from _segment(row, box)
        boxes = [_box(host, graph.of(host.name), box) for host in row]
        yield from _beside(boxes, box)
        yield ()
    yield from _summary(graph)


def _segment(row: Sequence[HostNode], box: int) -> Iterator[Line]:
    """Yield the line that the hosts of a row hang on."""
    named = " · ".join(dict.fromkeys(host.segment or "segment not known" for host in row))
    length = len(row) * (box + GAP) - GAP
    bar = "".join("╤" if place % (box + GAP) == box // 2 else "═" for place in range(length))
    yield line(Part(f"segment {named}", Tone.NOTE))
    yield line(Part(bar, Tone.DIM))


def _beside(boxes: Sequence[Box], box: int) -> Iterator[Line]:
    blank: Line = (Part(" " * box),)
    for lines in zip_longest(*boxes, fillvalue=blank):
        yield tuple(part for place, each in enumerate(lines) for part in ((Part(" " * GAP),) if place else ()) + each)


def _box(host: HostNode, edges: Sequence[RouteEdge], box: int) -> Box:
    tone = Tone.DIM if host.current else Tone.BAD
    half = box // 2
    lines: Box = [(Part(f"┌{'─' * (half - 1)}┴{'─' * (box - half - 2)}┐", tone),)]
    lines += [_framed(text, tone, box) for text in _content(host, edges)]
    return [*lines, (Part(f"└{'─' * (box - 2)}┘", tone),)]


def _framed(text: Line, tone: Tone, box: int) -> Line:
    return (Part("│ ", tone), *fitted(text, box - 4), Part(" │", tone))


def _content(host: HostNode, edges: Sequence[RouteEdge]) -> Iterator[Line]:
    sign = STATES[host.state]
    role = "" if host.bridges or not host.current else f"  {host.role.value}"
    yield line(Part(host.name, Tone.STRONG), "  ", Part(f"{sign.glyph} {sign.word}", sign.tone), Part(role, Tone.DIM))
    yield line(Part(" ".join(filter(None, (host.nic, host.address))), Tone.DIM))
    for bridge in host.bridges:
        yield from _bridge(bridge)
    yield from _routes(host, edges)


def _bridge(bridge: BridgeNode) -> Iterator[Line]:
    name = Part(bridge.name, Tone.STRONG if bridge.up else Tone.BAD)
    subnets = Part(" ".join(bridge.subnets), Tone.OK if bridge.up else Tone.BAD)
    yield line(name, " ", subnets, "" if bridge.up else Part(" down", Tone.BAD))
    leaves = bridge.containers
    if len(leaves) > SHOWN:
        down = [leaf for leaf in leaves if not leaf.up]
        leaves = tuple(down[: SHOWN - 1])
        rest = len(bridge.containers) - len(leaves)
        last: Line | None = line(Part("└ ", Tone.DIM), Part(f"{rest} containers", Tone.DIM))
    else:
        last = None
    for place, leaf in enumerate(leaves):
        yield _leaf(leaf, "└ " if last is None and place == len(leaves) - 1 else "├ ")
    if last is not None:
        yield last


def _leaf(leaf: Leaf, mark: str) -> Line:
    told = Part(" down", Tone.BAD) if not leaf.up else Part("")
    return line(Part(mark, Tone.DIM), Part(leaf.name, Tone.NAME), f" {' '.join(leaf.addresses)}", told)


def _routes(host: HostNode, edges: Sequence[RouteEdge]) -> Iterator[Line]:
    if not host.current or not edges:
        yield line(Part("routes not known" if not host.current else "no route is expected", Tone.DIM))
        return
    broken = [edge for edge in edges if edge.broken]
    right = [edge for edge in edges if not edge.broken]
    yield from (_edge(edge) for edge in broken[:EDGES])
    if len(broken) > EDGES:
        yield line(Part(f"✗ and {len(broken) - EDGES} more broken", Tone.BAD))
    if len(edges) <= EDGES:
        yield from (_edge(edge) for edge in right)
    elif right:
        yield line(Part(f"✓ {len(right)} routes right", Tone.OK))


def _edge(edge: RouteEdge) -> Line:
    sign = STANDINGS[edge.standing]
    told = f" {sign.word}" if edge.broken else ""
    return line(Part(f"{sign.glyph}→ ", sign.tone), edge.target, Part(f" {edge.subnet}{told}", sign.tone))


def _summary(graph: Topology) -> Iterator[Line]:
    """Yield every broken route with its finding."""
    broken = graph.broken
    if not broken:
        told = f"✓ all {len(graph.routes)} routes are right" if graph.routes else "no host-gw network yet"
        yield line(Part(told, Tone.OK if graph.routes else Tone.NOTE))
        return
    yield line(Part(f"✗ {len(broken)} of {len(graph.routes)} routes are broken", Tone.BAD))
    for edge in broken:
        sign = STANDINGS[edge.standing]
        way = line(
            Part(f"  {edge.source}", Tone.NAME), Part(f" ─{sign.glyph}→ ", sign.tone), Part(edge.target, Tone.NAME)
        )
        yield (*way, *line(f"  {edge.subnet} ", Part(sign.word, sign.tone), Part(f"  {edge.code}", Tone.DIM)))


def as_text(graph: Topology, width: int) -> str:
    """Return the picture as plain text."""
    return "\n".join(plain(each).rstrip() for each in topology_lines(graph, width)) + "\n"
