"""The picture as lines: hosts as boxes side by side under their segment, broken routes in them and listed below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rich.cells import cell_len, set_cell_size

from hostgw.model.host_state import HostState
from hostgw.topology.graph import BridgeNode, ContainerNode, Edge, HostNode, Segment, Topology, contents, crowd, title
from hostgw.topology.svg import summary
from hostgw_tui.look import STANDINGS, STATES, Line, Part, Tone, line
from hostgw_tui.widgets.layout import fitted

DESIGNED = 120
"""Columns for which the picture is made: from there on, three hosts stand side by side."""
LEAST_BOX, MOST_BOX, GAP = 34, 46, 2
FEW_CONTAINERS, FEW_BROKEN, MOST_LISTED = 4, 3, 200


@dataclass(frozen=True, slots=True)
class Drawn:
    """Lines, and which of them each host's box takes, by the host's name."""

    lines: tuple[Line, ...]
    places: dict[str, tuple[int, int]]
    columns: int
    """Hosts side by side."""


def picture(topology: Topology, width: int, marked: str = "") -> Drawn:
    """Return the picture for a width; the box of the host `marked` stands out."""
    columns = _columns(width, max((len(s.hosts) for s in topology.segments), default=1))
    box = min(MOST_BOX, (width + GAP) // columns - GAP)
    lines: list[Line] = [
        line(Part(f"network {topology.network or 'not known'}", Tone.STRONG), f" · {summary(topology)}")
    ]
    places: dict[str, tuple[int, int]] = {}
    for segment in topology.segments:
        hosts = tuple(topology.on(segment))
        for begin in range(0, len(hosts), columns):
            row = hosts[begin : begin + columns]
            lines += [(), _bar(segment, len(row) * (box + GAP) - GAP, box), _stubs(len(row), box)]
            drawn = tuple(_boxes(row, box, marked))
            places |= {host.name: (len(lines), len(lines) + len(drawn)) for host in row}
            lines += drawn
    return Drawn((*lines, *_listed(topology)), places, columns)


def _columns(width: int, hosts: int) -> int:
    return max(1, min(hosts, (width + GAP) // (LEAST_BOX + GAP)))


def _bar(segment: Segment, width: int, box: int) -> Line:
    told = f"━━ {f'segment {segment.prefix}' if segment.prefix else 'underlay not known'} "
    return fitted(line(Part(told + "━" * (width - len(told)), Tone.NOTE)), max(width, box))


def _stubs(hosts: int, box: int) -> Line:
    return line(Part((" " * GAP).join("│".center(box) for _ in range(hosts)), Tone.NOTE))


# ---- boxes ----


def _boxes(row: Sequence[HostNode], box: int, marked: str) -> Iterator[Line]:
    """Yield the lines of hosts side by side, all boxes as high as the highest."""
    inner = [list(_inside(host)) for host in row]
    height = max(map(len, inner))
    yield _joined(_top(host, box, host.name == marked) for host in row)
    for index in range(height):
        pieces = (lines[index] if index < len(lines) else () for lines in inner)
        yield _joined(_side(piece, host, box, marked) for piece, host in zip(pieces, row, strict=True))
    yield _joined(line(Part(f"└{'─' * (box - 2)}┘", _tone(host, marked))) for host in row)


def _joined(pieces: Iterable[Line]) -> Line:
    joined: list[Part] = []
    for piece in pieces:
        joined += [Part(" " * GAP)] * bool(joined) + list(piece)
    return tuple(joined)


def _tone(host: HostNode, marked: str) -> Tone:
    if host.name == marked:
        return Tone.KEY
    return Tone.BAD if host.broken else Tone.DIM


def _top(host: HostNode, box: int, marked: bool) -> Line:
    sign, edge = STATES[host.state], _tone(host, host.name if marked else "")
    state = f" {sign.glyph} {sign.word} "
    name = f"{'▸' if marked else ' '}{host.name} "
    named = _short(name, box - 4 - cell_len(state))
    rule = "─" * (box - 4 - cell_len(state) - cell_len(named))
    tone = Tone.TAB if marked else Tone.NAME
    return line(Part("┌─", edge), Part(named, tone), Part(rule, edge), Part(state, sign.tone), Part("─┐", edge))


def _short(text: str, room: int) -> str:
    return text if cell_len(text) <= room else f"{set_cell_size(text, max(0, room - 1))}…"


def _side(piece: Line, host: HostNode, box: int, marked: str) -> Line:
    edge = Part("│", _tone(host, marked))
    return line(edge, " ", *fitted(piece, box - 4), " ", edge)


def _inside(host: HostNode) -> Iterator[Line]:
    yield line(Part(f"{host.interface} ", Tone.DIM) if host.interface else "", host.address)
    for bridge in host.bridges:
        yield from _bridge(host, bridge)
    if host.apart:
        yield line(Part(f"✗ {crowd(host.apart)} on no bridge", Tone.WARN))
    yield _verdict(host)
    for edge in islice(host.broken, FEW_BROKEN):
        yield line(Part("─✗→ ", Tone.BAD), edge.subnet, Part(f" {edge.standing.value}", Tone.BAD))
    if (more := len(host.broken) - FEW_BROKEN) > 0:
        yield line(Part(f"─✗→ and {more} more", Tone.BAD))


def _bridge(host: HostNode, bridge: BridgeNode) -> Iterator[Line]:
    tone = Tone.STRONG if bridge.up else Tone.BAD
    yield line(Part(title(bridge), tone), Part(f"  {', '.join(bridge.subnets) or 'no subnet'}"))
    held = bridge.containers
    if not held or len(held) > FEW_CONTAINERS:
        bad = any(not container.up for container in held)
        yield line(Part(" └ ", Tone.DIM), Part(contents(host, bridge), Tone.BAD if bad else Tone.DIM))
        return
    for index, container in enumerate(held, 1):
        yield _container(container, " └ " if index == len(held) else " ├ ")


def _container(container: ContainerNode, guide: str) -> Line:
    told = line(Part(guide, Tone.DIM), container.name, Part(f"  {', '.join(container.addresses)}", Tone.DIM))
    return told if container.up else (*told, Part(" down", Tone.BAD))


def _verdict(host: HostNode) -> Line:
    if not host.verdict:
        return ()
    if host.broken:
        return line(Part(f"✗ {host.verdict}", Tone.BAD))
    return line(
        Part(f"✓ {host.verdict}", Tone.OK) if host.state is HostState.UP else Part(f"? {host.verdict}", Tone.WARN)
    )


# ---- below the picture ----


def _listed(topology: Topology) -> Iterator[Line]:
    """Yield the broken routes, with the code that explains each."""
    broken = tuple(topology.broken)
    if not broken:
        return
    yield ()
    yield line(Part(f"broken routes ({len(broken)})", Tone.STRONG))
    width = max(len(edge.host) for edge in broken)
    yield from (_edge(edge, width) for edge in broken[:MOST_LISTED])
    if (more := len(broken) - MOST_LISTED) > 0:
        yield line(f"and {more} more")


def _edge(edge: Edge, width: int) -> Line:
    whose = "its own" if edge.owner == edge.host else f"of {edge.owner}"
    sign = STANDINGS[edge.standing]
    return line(
        Part(edge.host.ljust(width), Tone.NAME), Part(" ─✗→ ", Tone.BAD), f"{edge.subnet} {whose}  ",
        Part(f"{sign.glyph} {sign.word}", sign.tone), Part(f"  {edge.code}", Tone.DIM),
    )  # fmt: skip
