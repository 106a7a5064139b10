"""The picture as one SVG file that needs nothing else: light or dark as the reader has it, words beside all colours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from xml.etree import ElementTree as ET

from hostgw.topology.graph import Topology
from hostgw.topology.svg_edges import MOST_DRAWN, arcs, draw_arcs, gutter
from hostgw.topology.svg_host import draw_host
from hostgw.topology.svg_layout import BAR, LINE, MARGIN, STUB, Bar, Layout, layout
from hostgw.topology.svg_parts import STYLE, cut, number, path, rect, text


def svg(picture: Topology) -> str:
    """Return the picture as SVG."""
    lines = arcs(picture)
    places = layout(picture, gutter(lines, layout(picture, 0)))
    told = tuple(_listed(picture))
    height = places.bottom + (len(told) + 1) * LINE + (12 if told else 0)
    root = _page(places.width, height)
    text(root, MARGIN, 34, cut(f"host-gw network {picture.network}".strip(), places.width - 2 * MARGIN, 9), "title")
    text(root, MARGIN, 56, summary(picture), "wrong" if told else "quiet")
    wires, boxes, marks = (ET.SubElement(root, "g") for _ in range(3))
    for bar in places.bars:
        _bar(boxes, bar)
    for place in places.hosts.values():
        draw_host(boxes, place)
    draw_arcs(wires, marks, lines, places)
    _list(root, told, places)
    return ET.tostring(root, encoding="unicode") + "\n"


def summary(picture: Topology) -> str:
    """Return in one line what there is and how much of it is broken."""
    routes = sum(len(host.counted) for host in picture.hosts)
    broken = sum(1 for _ in picture.broken)
    hosts = len(picture.hosts)
    many = f"{hosts} host{'' if hosts == 1 else 's'}"
    if not routes:
        return f"{many}, no route to judge"
    many = f"{many} · {routes} routes"
    return f"{many}, {broken} broken" if broken else f"{many}, none broken"


def _page(width: float, height: float) -> ET.Element:
    size = f"0 0 {number(width)} {number(height)}"
    given = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": size, "width": number(width), "height": number(height)}
    root = ET.Element("svg", given | {"role": "img"})
    ET.SubElement(root, "title").text = "hosts, bridges, containers and routes"
    ET.SubElement(root, "style").text = STYLE
    rect(root, 0, 0, width, height, "page", 0)
    return root


def _bar(parent: ET.Element, bar: Bar) -> None:
    for x in bar.stubs:
        path(parent, f"M{number(x)},{number(bar.y + BAR)} v{STUB}", "stub")
    rect(parent, bar.x, bar.y, bar.width, BAR, "bar")
    text(parent, bar.x + 12, bar.y + 17, f"segment {bar.prefix}" if bar.prefix else "underlay not known")


def _listed(picture: Topology) -> Iterator[str]:
    """Yield a line per broken route, with the number of its arc."""
    for place, edge in enumerate(islice(picture.broken, MOST_DRAWN), 1):
        to = "its own" if edge.owner == edge.host else f"{edge.owner}'s"
        code = f"  ({edge.code})" if edge.code else ""
        yield f"✗ {place}  {edge.host} → {to} {edge.subnet}: {edge.standing.value}{code}"
    if (more := sum(1 for _ in picture.broken) - MOST_DRAWN) > 0:
        yield f"and {more} more"


def _list(root: ET.Element, told: tuple[str, ...], places: Layout) -> None:
    for index, line in enumerate(told):
        y = places.bottom + 12 + index * LINE
        text(root, MARGIN, y, cut(line, places.width - 2 * MARGIN), "wrong")
