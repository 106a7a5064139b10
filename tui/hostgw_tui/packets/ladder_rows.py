"""A packet and its answer as a ladder: time runs down, a lane for each tap, a rung for each step. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from hostgw.capture.describe import describe, destination, protocol, source
from hostgw.capture.journey_rows import duration, times
from hostgw.capture.journeys import JourneyView
from hostgw.capture.ladder import Role, Rung
from hostgw.clean import clean
from hostgw_tui.look import Line, Part, Row, Sign, Tone, line
from hostgw_tui.packets.lane_layout import TIME_GUTTER, LaneLayout
from hostgw_tui.packets.lane_rows import DOT, LEAST_ARROW, Canvas, arrow
from hostgw_tui.widgets.layout import wrapped

HEAD = (Part("    +TIME ", Tone.DIM),)
TONES = {Role.REQUEST: Tone.OK, Role.REPLY: Tone.NAME, Role.ERROR: Tone.BAD}
ANSWERS = {Role.REQUEST: "", Role.REPLY: "answered by ", Role.ERROR: "ICMP error about it: "}
Ends = Mapping[int, Line]
"""By a packet's number: what became of it."""


def ladder_rows(
    rungs: Iterable[Rung],
    packets: Mapping[int, JourneyView],
    ends: Ends,
    numbers: Mapping[int, int],
    layout: LaneLayout,
) -> list[Row]:
    """Return the rows: of each packet a heading, its rungs with what changed below, and its end.

    Args:
        rungs: see `hostgw.capture.ladder.rungs`.
        packets: the packets by number.
        ends: what became of each.
        numbers: the lane of each tap.
        layout: where lanes stand.
    """
    rows: list[Row] = []
    for number, group in groupby(rungs, key=lambda rung: rung.packet):
        own = list(group)
        rows += _told(f"{number}", _heading(own[0].role, packets[number]), layout.width)
        for rung in own:
            rows += _rung(rung, numbers, layout)
        rows += _told(f"{number} end", line(" " * TIME_GUTTER, *ends.get(number, ())), layout.width)
    return rows


def _told(key: str, said: Line, width: int) -> Iterator[Row]:
    """Yield lines that are read, and that the cursor passes over."""
    for number, part in enumerate(wrapped([said], width)):
        yield Row(f"{key} told {number}", (part,), span=True)


def _heading(role: Role, view: JourneyView) -> Line:
    frame = view.first.frame
    ends = f"{source(frame)} → {destination(frame)}"
    told = f"{ANSWERS[role]}packet {view.number}: {protocol(frame)} {ends}, {describe(frame)}"
    return (Part(clean(told, 200), TONES[role]),)


def _rung(rung: Rung, numbers: Mapping[int, int], layout: LaneLayout) -> Iterator[Row]:
    """Yield the rung, and below it what does not fit on it."""
    key = f"{rung.packet}:{rung.place}"
    canvas = Canvas(layout.shown * layout.lane)
    for lane in range(len(layout.lanes)):
        canvas.put(layout.x(lane), "│", Tone.DIM)
    at = numbers.get(rung.sighting.tap, 0)
    start = at if rung.start is None else numbers.get(rung.start, at)
    told = _draw(canvas, rung, start, at, layout)
    time = f"{duration(rung.since_ns):>{TIME_GUTTER - 1}} "
    yield Row(key, ((Part(time, Tone.DIM), *canvas.line()),))
    words = [*([] if told else [rung.delta] if rung.delta else []), *rung.changed]
    if words:
        yield from _told(key, (Part(" " * TIME_GUTTER), Part(" · ".join(words), Tone.WARN)), layout.width)


def _draw(canvas: Canvas, rung: Rung, start: int, at: int, layout: LaneLayout) -> bool:
    """Draw dot and arrow; return whether the time stands on it."""
    frame = rung.sighting.frame
    label = f"{DOT}{frame.ttl if frame.ttl >= 0 else ''}{times(rung.pieces)}"
    tone = TONES[rung.role]
    canvas.put(layout.x(at), label, tone)
    if start == at:
        told = f" {rung.delta}" if rung.delta else ""
        fits = len(label) + len(told) < layout.lane
        canvas.put(layout.x(at) + len(label), told if fits else "", Tone.NOTE)
        return fits
    right = at > start
    begin = layout.x(start) + 1 if right else layout.x(at) + len(label)
    room = layout.x(max(start, at)) - begin
    fits = len(rung.delta) + LEAST_ARROW <= room
    canvas.put(layout.x(start), "├" if right else "┤", Tone.DIM)
    arrow(canvas, begin, room, rung.delta if fits else "", right=right)
    return fits


def end_line(sign: Sign, reason: str) -> Line:
    """Return what became of a packet; where it was lost, `reason` says after which tap, and why."""
    return line(Part(f"{sign.glyph} {reason or sign.word}", sign.tone))
