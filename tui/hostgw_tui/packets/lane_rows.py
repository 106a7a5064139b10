"""One line for one packet: a gutter, and its way over the lanes. Pure: values in, parts of text out."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len

from hostgw.capture.describe import destination, protocol, source
from hostgw.capture.frames import ACK, ARP, ECHO_REPLIES, ECHO_REQUESTS, FIN, ICMP, ICMPV6, RST, SYN, TCP, UDP, Frame
from hostgw.capture.journey_rows import times
from hostgw.capture.journeys import Change, JourneyView, Verdict
from hostgw.capture.lanes import Leap, Stop, Way
from hostgw_tui.look import Line, Part, Sign, Tone, line
from hostgw_tui.packets.lane_layout import ADDRESS, LaneLayout
from hostgw_tui.widgets.layout import fitted

DOT = "●"
TRANSLATED = {Change.SNAT: "SNAT", Change.DNAT: "DNAT"}
WORDY_LANE = 14
"""Cells of a lane from which a translation is named by its word, not its letter."""
NAMING_LANE = 22
"""Cells from which an arrow names whom the frame is sent to."""
LEAST_ARROW = 2
LEAST_AFAR = 4
"""Cells that an arrow and one from afar need beside their text."""
TIME, LABEL = 7, 7


class Canvas:
    """A line that is written piece by piece; what falls outside is dropped."""

    def __init__(self, width: int) -> None:
        self._text = [" "] * width
        self._tones = [Tone.PLAIN] * width

    def put(self, x: int, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Write text of single-cell characters at a place."""
        for at, character in enumerate(text, x):
            if 0 <= at < len(self._text):
                self._text[at], self._tones[at] = character, tone

    def line(self) -> Line:
        """Return it."""
        text, parts, end = "".join(self._text), [], 0
        for tone, group in groupby(self._tones):
            start, end = end, end + len(tuple(group))
            parts.append(Part(text[start:end], tone))
        return tuple(parts)


def lane_line(gutter: Line, way: Way, layout: LaneLayout, verdict: Verdict, tone: Tone) -> Line:
    """Return a packet's line; `tone` is that of its stops."""
    canvas = Canvas(layout.shown * layout.lane)
    labels = {stop.lane: _label(stop, layout.lane) for stop in way.stops}
    used: set[int] = set()
    for leap in way.leaps:
        _arrow(canvas, leap, labels, layout, used)
    for stop in way.stops:
        dot, mark = labels[stop.lane]
        canvas.put(layout.x(stop.lane), dot, tone)
        canvas.put(layout.x(stop.lane) + len(dot), mark, Tone.WARN)
    if way.stops and verdict in ENDS:
        _end(canvas, way, labels, layout, used, verdict)
    return (*gutter, *canvas.line())


def _label(stop: Stop, width: int) -> tuple[str, str]:
    """Return a stop's TTL, and the mark of a translation."""
    ttls = [str(stop.ttls[0]), str(stop.ttls[-1])] if len(stop.ttls) > 1 else [str(ttl) for ttl in stop.ttls]
    words = [word for change, word in TRANSLATED.items() if change in stop.changed]
    mark = (" " + "+".join(words) if width >= WORDY_LANE else "".join(word[0] for word in words)) if words else ""
    return f"{DOT}{'/'.join(ttls)}{times(stop.pieces)}", mark


Labels = dict[int, tuple[str, str]]


def _behind(labels: Labels, lane: int, layout: LaneLayout) -> int:
    """Return the first cell behind what stands at a lane."""
    return layout.x(lane) + sum(len(text) for text in labels.get(lane, ()))


def _arrow(canvas: Canvas, leap: Leap, labels: Labels, layout: LaneLayout, used: set[int]) -> None:
    """Draw a leap: from lane to lane, unless there are others between that saw the packet, too."""
    low, high = sorted((leap.start, leap.end))
    right, gaps = leap.end > leap.start, range(low, high)
    if any(lane in labels for lane in gaps[1:]) or not used.isdisjoint(gaps):
        _from_afar(canvas, leap, labels, layout, used)
        return
    used.update(gaps)
    start, end = _behind(labels, low, layout), layout.x(high)
    arrow(canvas, start, end - start, _told(leap, layout.lane, end - start), right=right)


def _from_afar(canvas: Canvas, leap: Leap, labels: Labels, layout: LaneLayout, used: set[int]) -> None:
    """Draw the end of a leap over other stops: dotted, in front of its lane, and apart from its neighbour."""
    right = leap.end > leap.start
    low = leap.end - right
    start, end = _behind(labels, low, layout), layout.x(low + 1)
    if low in used:
        return
    used.add(low)
    told = leap.time if len(leap.time) + LEAST_AFAR <= end - start else ""
    if right:
        canvas.put(end - len(told) - 3, f"┄{told}┄▶", Tone.DIM)
    else:
        canvas.put(start, f"◀┄{told}┄", Tone.DIM)


def _told(leap: Leap, lane: int, room: int) -> str:
    """Return what stands on an arrow: the time, and whom the frame is sent to where there is room for it."""
    if lane >= NAMING_LANE and leap.owner.isascii() and leap.owner and len(leap.owner) + len(leap.time) + 5 <= room:
        return f" {leap.owner} {leap.time} "
    return leap.time if len(leap.time) + LEAST_ARROW <= room else ""


def arrow(canvas: Canvas, start: int, room: int, told: str, *, right: bool) -> None:
    """Draw an arrow of `room` cells with a text on it."""
    if room < 1:
        return
    shaft = "─" * (room - 1)
    canvas.put(start, f"{shaft}▶" if right else f"◀{shaft}", Tone.DIM)
    at = start + (room - len(told)) // 2 + (0 if right else (room - len(told)) % 2)
    if told:
        canvas.put(max(at, start + (not right)), told, Tone.NOTE)


ENDS = {
    Verdict.LOST: Part("✗ lost", Tone.BAD),
    Verdict.UNANSWERED: Part("✗ silent", Tone.BAD),
    Verdict.IN_FLIGHT: Part("◌", Tone.NOTE),
}
"""What stands behind the last tap."""


def _end(canvas: Canvas, way: Way, labels: Labels, layout: LaneLayout, used: set[int], verdict: Verdict) -> None:
    """Tell behind the last tap how a packet ended: where it was going, else at the other side."""
    text, tone = ENDS[verdict]
    behind = _behind(labels, way.end, layout)
    free_left = way.end > 0 and way.end - 1 not in used
    if way.heading < 0 and free_left:
        room = layout.x(way.end) - _behind(labels, way.end - 1, layout)
        shaft = min(2, room - len(text))
        if shaft >= 0:
            canvas.put(layout.x(way.end) - shaft, "─" * shaft, Tone.DIM)
            canvas.put(layout.x(way.end) - shaft - len(text), text, tone)
            return
    if way.end in used:
        return
    room = (layout.x(way.end + 1) if way.end + 1 < len(layout.lanes) else layout.x(way.end) + layout.lane) - behind
    shaft = max(0, min(2, room - len(text)))
    canvas.put(behind, "─" * shaft, Tone.DIM)
    canvas.put(behind + shaft, text[:room] if way.end + 1 in labels else text, tone)


def gutter(view: JourneyView, began_ns: int, sign: Sign, addresses: int, tone: Tone) -> Line:
    """Return what stands left of the lanes: verdict, time, what the packet is, and addresses."""
    frame = view.first.frame
    ends = (source(frame), destination(frame))[:addresses]
    return line(
        Part(sign.glyph, sign.tone),
        Part(f"{seconds(view.first.time_ns - began_ns):>{TIME}} ", Tone.DIM),
        *fitted((Part(short(frame), tone),), LABEL + 1),
        *(part for end in ends for part in (*fitted((Part(end),), ADDRESS - 1), Part(" "))),
    )


def seconds(ns: int) -> str:
    """Return a time since the capture began, in at most six cells."""
    value = max(0, ns) / 1e9
    return f"{value:.3f}" if value < 99.9995 else f"{value:.2f}" if value < 999.995 else f"{value:.0f}s"


_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (ACK, "ACK"))
_ERRORS = {3: "unreach", 5: "redir", 11: "ttl exc"}


def short(frame: Frame) -> str:
    """Return what a packet is in seven cells: ``req 12``, ``rep 12``, ``SYN ACK``, ``1448 B``, ``udp 53``."""
    if frame.ethertype == ARP:
        return "who-has" if frame.kind == 1 else "is-at"
    if frame.fragment > 0:
        return "frag"
    if frame.protocol in (ICMP, ICMPV6):
        return _echo(frame)
    if frame.protocol == TCP and frame.flags >= 0:
        return f"{frame.payload} B" if frame.payload > 0 else " ".join(n for bit, n in _FLAGS if frame.flags & bit)
    if frame.protocol == UDP and frame.source_port >= 0:
        return f"udp {frame.destination_port}" if frame.destination_port < 1000 else f"u {frame.destination_port}"
    return protocol(frame)[:LABEL]


def _echo(frame: Frame) -> str:
    word = "req" if frame.kind in ECHO_REQUESTS else "rep" if frame.kind in ECHO_REPLIES else ""
    if word and frame.sequence >= 0:
        text = f"{word} {frame.sequence}"
        return text if cell_len(text) <= LABEL else f"{word[0]}{frame.sequence}"
    return _ERRORS.get(frame.kind, f"icmp {frame.kind}")
