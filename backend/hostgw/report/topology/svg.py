"""The graph as SVG: hosts hang on their segment, routes are arcs between them, what is broken above all else."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Tree

from hostgw.report.topology.graph import BridgeNode, HostNode, RouteEdge, Topology

WIDTH, GAP, MARGIN = 236, 28, 24
ROW, HEAD, BUS = 17, 26, 34
"""Heights: a line of text, a host's name, from the segment's line to its hosts."""
ARCS = 96
"""Below a row of hosts, for the arcs."""
PER_ROW, SHOWN = 5, 6
"""Hosts in a row; containers of a bridge that are named, if there are not many more."""
ALL_ROUTES = 8
"""Up to so many hosts right routes are drawn, too."""
STYLE = """
svg { background: #fcfcfd; font: 12px system-ui, sans-serif; color: #1d2939; fill: currentColor; }
.box { fill: #ffffff; stroke: #98a2b3; } .away { stroke: #b3261e; stroke-dasharray: 5 3; }
.name { font-weight: 600; font-size: 14px; } .dim { fill: #667085; } .bad { fill: #b3261e; font-weight: 600; }
.bus { stroke: #475467; stroke-width: 3; } .wire { stroke: #98a2b3; fill: none; }
.route { stroke: #2e7d32; stroke-opacity: .45; fill: none; }
.tip-route { fill: #2e7d32; } .tip-broken { fill: #b3261e; }
.label { paint-order: stroke; stroke: #fcfcfd; stroke-width: 4; }
.broken { stroke: #b3261e; stroke-width: 2; stroke-dasharray: 6 4; fill: none; }
@media (prefers-color-scheme: dark) {
  svg { background: #101828; color: #e4e7ec; } .box { fill: #1d2939; stroke: #667085; } .dim { fill: #98a2b3; }
  .bad { fill: #ff8a80; } .away, .broken { stroke: #ff8a80; } .route { stroke: #81c784; } .bus { stroke: #98a2b3; }
  .tip-route { fill: #81c784; } .tip-broken { fill: #ff8a80; } .label { stroke: #101828; }
}
"""


class Place:
    """Where a host stands."""

    def __init__(self, number: int, x: int, y: int, height: int) -> None:
        self.number, self.x, self.y, self.height = number, x, y, height

    @property
    def foot(self) -> tuple[int, int]:
        """The middle of the lower edge."""
        return self.x + WIDTH // 2, self.y + self.height


def svg(graph: Topology) -> str:
    """Return the picture as a document of its own; it fetches nothing."""
    root = Tree.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    Tree.SubElement(root, "title").text = f"host-gw network {graph.network or 'unknown'}"
    Tree.SubElement(root, "style").text = STYLE
    _tips(root)
    places, bottom = _placed(graph.hosts)
    _write(root, MARGIN, MARGIN, _title(graph), "name")
    for row in _rows(graph.hosts):
        _bus(root, row, places)
    drawn = graph.routes if len(graph.hosts) <= ALL_ROUTES else graph.broken
    for edge in sorted(drawn, key=lambda edge: edge.broken):
        if edge.source in places and edge.target in places:
            _arc(root, edge, places)
    for host in graph.hosts:
        _host(root, host, places[host.name], graph)
    width = 2 * MARGIN + min(PER_ROW, max(1, len(graph.hosts))) * (WIDTH + GAP)
    root.attrib |= {"viewBox": f"0 0 {width} {bottom}", "width": str(width), "height": str(bottom)}
    return Tree.tostring(root, encoding="unicode") + "\n"


def _tips(root: Tree.Element) -> None:
    """Define the heads of arrows, one for each kind of route."""
    place = Tree.SubElement(root, "defs")
    for kind in ("route", "broken"):
        tip = Tree.SubElement(place, "marker", {"id": f"tip-{kind}", "viewBox": "0 0 8 8", "refX": "7", "refY": "4"})
        tip.attrib |= {"markerWidth": "9", "markerHeight": "9", "markerUnits": "userSpaceOnUse", "orient": "auto"}
        Tree.SubElement(tip, "path", {"class": f"tip-{kind}", "d": "M0 0 L8 4 L0 8 z"})


def _title(graph: Topology) -> str:
    bad = len(graph.broken)
    told = f"{bad} of {len(graph.routes)} routes are broken" if bad else f"all {len(graph.routes)} routes are right"
    return f"host-gw network {graph.network or 'unknown'}: {told}" if graph.routes else "no host-gw network yet"


def _rows(hosts: tuple[HostNode, ...]) -> Iterator[tuple[HostNode, ...]]:
    return (hosts[at : at + PER_ROW] for at in range(0, len(hosts), PER_ROW))


def _placed(hosts: tuple[HostNode, ...]) -> tuple[dict[str, Place], int]:
    places: dict[str, Place] = {}
    y = MARGIN + HEAD + BUS
    for row in _rows(hosts):
        for column, host in enumerate(row):
            places[host.name] = Place(len(places), MARGIN + column * (WIDTH + GAP), y, _height(host))
        y += max(map(_height, row)) + ARCS + BUS
    return places, y - BUS + MARGIN


def _height(host: HostNode) -> int:
    return HEAD + 2 * ROW + sum(ROW * (1 + len(_leaves(bridge))) for bridge in host.bridges) + ROW // 2


def _leaves(bridge: BridgeNode) -> list[tuple[str, str]]:
    """Return what is said of containers, with its style; of many, those that are down, and how many there are."""
    some = bridge.containers
    if len(some) > SHOWN:
        down = [leaf for leaf in some if not leaf.up]
        told = [(f"{leaf.name} is down", "bad") for leaf in down[: SHOWN - 2]]
        return [*told, (f"{len(some)} containers" + (f", {len(down)} down" if down else ""), "bad" if down else "dim")]
    return [
        (f"{' '.join((leaf.name, *leaf.addresses))}{'' if leaf.up else ' down'}", "" if leaf.up else "bad")
        for leaf in some
    ]


def _bus(root: Tree.Element, row: tuple[HostNode, ...], places: dict[str, Place]) -> None:
    y = places[row[0].name].y - BUS // 2
    left, right = places[row[0].name].x, places[row[-1].name].x + WIDTH
    Tree.SubElement(root, "path", {"class": "bus", "d": f"M{left} {y} H{right}"})
    _write(
        root,
        left,
        y - 6,
        " · ".join(sorted({host.segment for host in row if host.segment})) or "segment not known",
        "dim",
    )
    for host in row:
        x = places[host.name].x + WIDTH // 2
        Tree.SubElement(root, "path", {"class": "wire", "d": f"M{x} {y} V{places[host.name].y}"})


def _host(root: Tree.Element, host: HostNode, place: Place, graph: Topology) -> None:
    box = Tree.SubElement(root, "rect", {"class": "box" if host.current else "box away", "rx": "6"})
    box.attrib |= {"x": str(place.x), "y": str(place.y), "width": str(WIDTH), "height": str(place.height)}
    state = host.role.value if host.current and not host.bridges else "" if host.current else host.state.value
    lines = [(f"{host.name} {state}".strip(), "name" if host.current else "name bad", 10)]
    lines += [(" ".join(filter(None, (host.nic, host.address))), "dim", 10), (*_routes_told(host, graph), 10)]
    for bridge in host.bridges:
        down = "" if bridge.up else " down"
        lines.append((" ".join((bridge.name, *bridge.subnets)) + down, "" if bridge.up else "bad", 10))
        lines += [(text, style, 26) for text, style in _leaves(bridge)]
    for number, (text, style, indent) in enumerate(lines):
        _write(root, place.x + indent, place.y + HEAD - 7 + number * ROW, text, style)


def _routes_told(host: HostNode, graph: Topology) -> tuple[str, str]:
    own = graph.of(host.name)
    bad = sum(edge.broken for edge in own)
    if not host.current:
        return "routes not known", "dim"
    return (f"✗ {bad} of {len(own)} routes broken", "bad") if bad else (f"✓ {len(own)} routes right", "dim")


def _arc(root: Tree.Element, edge: RouteEdge, places: dict[str, Place]) -> None:
    """Draw from foot to foot; the way back hangs a little lower, so that both are seen."""
    (x1, y1), (x2, y2) = places[edge.source].foot, places[edge.target].foot
    back = places[edge.source].number > places[edge.target].number
    shift = 10 if back else -10
    deep = max(y1, y2) + min(ARCS - 10, 30 + abs(x2 - x1) // 14) + (14 if back else 0)
    d = f"M{x1 + shift} {y1} C{x1 + shift} {deep} {x2 + shift} {deep} {x2 + shift} {y2}"
    kind = "broken" if edge.broken else "route"
    line = Tree.SubElement(root, "path", {"class": kind, "d": d, "marker-end": f"url(#tip-{kind})"})
    told = f"{edge.source} to {edge.subnet} of {edge.target}: {edge.standing.value}"
    Tree.SubElement(line, "title").text = told
    if edge.broken:
        middle = (x1 + x2) // 2 + shift
        _write(
            root, middle, (y1 + y2 + 6 * deep) // 8 - 4, f"{edge.subnet} {edge.standing.value}", "bad label", "middle"
        )


def _write(root: Tree.Element, x: int, y: int, text: str, style: str, anchor: str = "start") -> None:
    room = WIDTH - 20
    node = Tree.SubElement(
        root, "text", {"x": str(x), "y": str(y), "text-anchor": anchor} | ({"class": style} if style else {})
    )
    node.text = text if len(text) * 7 <= room or "name" in style or anchor == "middle" else f"{text[: room // 7]}…"
