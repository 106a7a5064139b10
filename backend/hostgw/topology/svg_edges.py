"""Routes as arcs below the hosts: right ones thin and calm where hosts are few, broken ones dashed, numbered, named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from hostgw.topology.graph import Edge, Topology
from hostgw.topology.svg_layout import CALM_GUTTER, WIDTH, Layout
from hostgw.topology.svg_parts import head, number, path, rect, text

FEW_HOSTS = 4
"""Up to so many hosts, right routes are drawn too."""
MOST_DRAWN = 40
"""Broken routes that are drawn; those beyond are only counted."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A line from one host to another: `number` is that of a broken route, 0 for right ones."""

    source: str
    target: str
    number: int = 0
    word: str = ""
    both: bool = False
    """It is right in both directions."""


def arcs(picture: Topology) -> tuple[Arc, ...]:
    """Return the lines to draw, right ones first."""
    calm = tuple(_calm(picture)) if len(picture.hosts) <= FEW_HOSTS else ()
    return (*calm, *_broken(tuple(picture.broken), {host.name for host in picture.hosts}))


def _broken(edges: Sequence[Edge], known: set[str]) -> Iterator[Arc]:
    for place, edge in enumerate(edges[:MOST_DRAWN], 1):
        if edge.owner in known and edge.owner != edge.host:
            yield Arc(edge.host, edge.owner, place, edge.standing.value)


def _calm(picture: Topology) -> Iterator[Arc]:
    routes = [edge for host in picture.hosts for edge in host.routes if edge.owner != edge.host]
    bad = {(edge.host, edge.owner) for edge in routes if edge.broken}
    right = dict.fromkeys((edge.host, edge.owner) for edge in routes if (edge.host, edge.owner) not in bad)
    for source, target in right:
        mutual = (target, source) in right
        if not mutual or source < target:
            yield Arc(source, target, both=mutual)


def gutter(lines: Sequence[Arc], picture: Topology) -> float:
    """Return the room below a row of hosts that lines need."""
    if not lines:
        return CALM_GUTTER
    return 40 + 26 * min(5, len(picture.hosts)) + (16 if any(line.number for line in lines) else 0)


def draw_arcs(parent: ET.Element, marks: ET.Element, lines: Sequence[Arc], places: Layout) -> None:
    """Add the lines to `parent`, and the marks of broken ones to `marks`, which lies above all."""
    anchors = _anchors(lines, places)
    for index, line in enumerate(lines):
        _draw(parent, marks, line, places, anchors[index, 0], anchors[index, 1])


def _anchors(lines: Sequence[Arc], places: Layout) -> dict[tuple[int, int], float]:
    """Return where each end of each line stands on its host's lower edge, so that few of them cross."""
    ends: dict[str, list[tuple[float, float, int, int]]] = {}
    for index, line in enumerate(lines):
        for end, (mine, other) in enumerate(((line.source, line.target), (line.target, line.source))):
            here, there = places.hosts[mine], places.hosts[other]
            leftwards = there.x < here.x
            ends.setdefault(mine, []).append((-1 / (here.x - there.x) if leftwards else 2 - there.x / 1e6,
                                              index if leftwards else -index, index, end))  # fmt: skip
    found: dict[tuple[int, int], float] = {}
    for name, held in ends.items():
        step = WIDTH / (len(held) + 1)
        for slot, (_, _, index, end) in enumerate(sorted(held), 1):
            found[index, end] = places.hosts[name].x + slot * step
    return found


def _draw(parent: ET.Element, marks: ET.Element, line: Arc, places: Layout, x1: float, x2: float) -> None:
    source, target = places.hosts[line.source], places.hosts[line.target]
    apart = abs(source.column - target.column) or 1
    depth = (34 if line.number else 26) + 30 * min(apart, 5)
    y1, y2 = source.bottom, target.bottom
    kind = "broken" if line.number else "calm"
    begin = y1 + (9 if line.both else 0)
    way = f"M{number(x1)},{number(begin)} C{number(x1)},{number(y1 + depth)}"
    path(parent, f"{way} {number(x2)},{number(y2 + depth)} {number(x2)},{number(y2 + 9)}", kind)
    head(parent, x2, y2, f"{kind}-head")
    if line.both:
        head(parent, x1, y1, f"{kind}-head")
    if line.number:
        _mark(marks, line, _along(x1, x2, y1, y2, depth, 0.5 if len(places.bars) == 1 else 0.12))


def _along(x1: float, x2: float, y1: float, y2: float, depth: float, part: float) -> tuple[float, float]:
    """Return a point of the curve; in rows, one near its beginning, for what follows lies behind boxes."""
    a, b, c, d = (1 - part) ** 3, 3 * (1 - part) ** 2 * part, 3 * (1 - part) * part**2, part**3
    return (a + b) * x1 + (c + d) * x2, a * y1 + b * (y1 + depth) + c * (y2 + depth) + d * y2


def _mark(marks: ET.Element, line: Arc, place: tuple[float, float]) -> None:
    told = f"✗ {line.number} {line.word}"
    width = 7 * len(told) + 10
    rect(marks, place[0] - width / 2, place[1] - 10, width, 20, "pill", 10)
    text(marks, place[0], place[1] + 4, told, "wrong", "middle")
