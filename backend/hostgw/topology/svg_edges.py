"""Routes as arcs below the hosts: right ones thin and calm where hosts are few, broken ones dashed, numbered, named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from hostgw.checks.standing import Standing
from hostgw.topology.graph import Edge, Topology
from hostgw.topology.svg_layout import CALM_GUTTER, WIDTH, Layout
from hostgw.topology.svg_parts import cut, head, number, path, rect, text

FEW_HOSTS = 4
"""Up to so many hosts, right routes are drawn too."""
STUMP, HEAD = 16, 9
"""Lengths: of what is drawn of a line to another row, of an arrow's head."""
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
    right = dict.fromkeys(
        (edge.host, edge.owner)
        for edge in routes
        if edge.standing is not Standing.UNKNOWN and (edge.host, edge.owner) not in bad
    )
    for source, target in right:
        mutual = (target, source) in right
        if not mutual or source < target:
            yield Arc(source, target, both=mutual)


def gutter(lines: Sequence[Arc], places: Layout) -> float:
    """Return the room below a row of hosts that lines need."""
    deepest = max((_depth(line, places) for line in lines if _beside(line, places)), default=0.0)
    return max(CALM_GUTTER, 0.75 * deepest + 26, *(STUMP + 38 for line in lines if not _beside(line, places)))


def _beside(line: Arc, places: Layout) -> bool:
    """Tell whether both hosts stand in one row; lines between rows would run behind boxes."""
    return places.hosts[line.source].row == places.hosts[line.target].row


def _depth(line: Arc, places: Layout) -> float:
    apart = places.hosts[line.target].column - places.hosts[line.source].column
    return (36 if line.number else 26) + 30 * min(abs(apart), 5) + (16 if line.number and apart > 0 else 0)


def draw_arcs(parent: ET.Element, marks: ET.Element, lines: Sequence[Arc], places: Layout) -> None:
    """Add the lines to `parent`, and the marks of broken ones to `marks`, which lies above all."""
    drawn = [line for line in lines if line.number or _beside(line, places)]
    anchors = _anchors(drawn, places)
    for index, line in enumerate(drawn):
        begin, end = anchors[index, line.source], anchors.get((index, line.target), 0.0)
        if _beside(line, places):
            _arc(parent, marks, line, places, begin, end)
        else:
            _stump(parent, marks, line, places, begin)


def _anchors(lines: Sequence[Arc], places: Layout) -> dict[tuple[int, str], float]:
    """Return where each end of each line stands on its host's lower edge: outer arcs around inner ones."""
    ends: dict[str, list[tuple[bool, float, bool, int]]] = {}
    for index, line in enumerate(lines):
        pairs = [(line.source, line.target), (line.target, line.source)]
        for mine, other in pairs if _beside(line, places) else pairs[:1]:
            here, there = places.hosts[mine].x, places.hosts[other].x
            right, forth = there > here, places.hosts[line.target].x > places.hosts[line.source].x
            ends.setdefault(mine, []).append((right, -there, forth is not right, index))
    found: dict[tuple[int, str], float] = {}
    for name, held in ends.items():
        step = WIDTH / (len(held) + 1)
        found |= {(end[-1], name): places.hosts[name].x + slot * step for slot, end in enumerate(sorted(held), 1)}
    return found


def _arc(parent: ET.Element, marks: ET.Element, line: Arc, places: Layout, x1: float, x2: float) -> None:
    bottom, depth = places.hosts[line.source].bottom, _depth(line, places)
    kind = "broken" if line.number else "calm"
    low, begin = number(bottom + depth), number(bottom + (HEAD if line.both else 0))
    way = f"M{number(x1)},{begin} C{number(x1)},{low} {number(x2)},{low} {number(x2)},{number(bottom + HEAD)}"
    path(parent, way, kind)
    for x in (x2, x1) if line.both else (x2,):
        head(parent, x, bottom, f"{kind}-head")
    if line.number:  # 0.26 along the curve from its source: two that go to and fro keep their marks apart
        _mark(marks, f"✗ {line.number} {line.word}", x1 + 0.168 * (x2 - x1), bottom + 0.577 * depth)


def _stump(parent: ET.Element, marks: ET.Element, line: Arc, places: Layout, x: float) -> None:
    """Draw only the beginning of a broken route to a host in another row, and name that host."""
    bottom = places.hosts[line.source].bottom
    path(parent, f"M{number(x)},{number(bottom)} v{STUMP}", "broken")
    _mark(marks, f"✗ {line.number} {line.word} → {cut(line.target, 80)}", x, bottom + STUMP + 8)


def _mark(marks: ET.Element, told: str, x: float, y: float) -> None:
    width = 7.4 * len(told) + 14
    rect(marks, x - width / 2, y - 10, width, 20, "pill", 10)
    text(marks, x, y + 4, told, "wrong", "middle")
