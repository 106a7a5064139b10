"""A capture as rows: journeys, hops, layers of a packet, and the line that tells how it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from hostgw.capture.dissect import Statistics
from hostgw.capture.flows import flow_number
from hostgw.capture.journey_rows import HopRow, ListRow, merely_answers, times
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.pyshark_adapter import Layer
from hostgw.capture.tap_points import TapState, TapStatus
from hostgw.wire import ProbeReply
from hostgw_tui.look import FLOWS, Line, Part, Row, Sign, Tone, cell, line

VERDICTS = {
    Verdict.IN_FLIGHT: Sign("◌", "in flight", Tone.NOTE),
    Verdict.DELIVERED: Sign("✓", "delivered", Tone.OK),
    Verdict.ANSWERED: Sign("✓", "answered", Tone.OK),
    Verdict.UNANSWERED: Sign("✗", "unanswered", Tone.BAD),
    Verdict.LOST: Sign("✗", "lost", Tone.BAD),
    Verdict.GAP: Sign("▲", "gap", Tone.WARN),
    Verdict.UNKNOWN: Sign("?", "unknown", Tone.DIM),
}
CHANGE_TONES = {"mac": Tone.DIM, "ttl": Tone.NOTE, "snat": Tone.WARN, "dnat": Tone.WARN}
MAX_BYTES_SHOWN = 256


class Tint(StrEnum):
    """What the colour of a packet tells."""

    VERDICT = "verdict"
    FLOW = "flow"


def tint_of(view: JourneyView, sign: Sign, tint: Tint) -> Tone:
    """Return the tone of a packet: of its verdict, or one that all packets of its flow have."""
    return FLOWS[flow_number(view, len(FLOWS))] if tint is Tint.FLOW else sign.tone


def journey_row(row: ListRow, began_ns: int, request: int = 0, tone: Tone | None = None) -> Row:
    """Return a journey: seconds since the capture began, ends, protocol, TTLs, taps, info, verdict.

    `tone` is that of the flow, where packets are coloured by it.
    """
    ends, name = tone or Tone.PLAIN, tone or Tone.NAME
    cells = (
        cell(f"{max(0, row.time_ns - began_ns) / 1e9:.3f}", Tone.DIM),
        cell(row.source, ends),
        cell(row.destination, ends),
        cell(row.protocol, name),
        cell(row.taps, Tone.OK),
        sign_of(row.verdict, request, row.ambiguous, row.lost_after).cell,
        cell(row.ttls, Tone.DIM),
        cell(row.info),
    )
    return Row(str(row.number), cells)


def sign_of(verdict: Verdict, request: int = 0, ambiguous: int = 0, lost_after: str = "") -> Sign:
    """Return the verdict, and after which tap; of an answer, whose own end need not be seen, that it is one.

    Where sightings may be of another packet as well, this is said instead: the verdict's glyph stays.
    """
    sign = VERDICTS[verdict]
    if merely_answers(verdict, request):
        sign = Sign("↩", "reply", Tone.DIM)
    if ambiguous:
        return Sign(sign.glyph, ambiguity(ambiguous), Tone.WARN)
    return sign._replace(word=f"{sign.word} {lost_after}") if lost_after else sign


def ambiguity(sightings: int) -> str:
    """Return in words that so many sightings may be of another packet as well."""
    return f"ambiguous ({sightings})"


def hop_table(hops: Iterable[HopRow], raw_macs: bool, marked: int | None = None) -> list[Row]:
    """Return the hop table: tap, direction, time, who sent to whom, addresses, TTL, what changed."""
    return [_hop_row(place, hop, raw_macs, place == marked) for place, hop in enumerate(hops)]


def _hop_row(place: int, hop: HopRow, raw_macs: bool, marked: bool) -> Row:
    sender, receiver = (hop.source_mac, hop.destination_mac) if raw_macs else (hop.source_owner, hop.destination_owner)
    changed = [Part(f"{change.value.upper()} ", CHANGE_TONES.get(change.value, Tone.WARN)) for change in hop.changed]
    cells = (
        cell(f"◆ {hop.name}", Tone.KEY) if marked else cell(hop.name, Tone.NAME),
        cell("→ out" if hop.direction == "out" else "← in", Tone.DIM),
        cell(hop.delta),
        cell(sender),
        cell(receiver),
        cell(hop.source, _changed_tone(hop, "snat")),
        cell(hop.destination, _changed_tone(hop, "dnat")),
        cell(f"{hop.ttl}{times(hop.pieces)}" if hop.ttl >= 0 else times(hop.pieces), _changed_tone(hop, "ttl")),
        tuple(changed),
    )
    return Row(str(place), cells)


def _changed_tone(hop: HopRow, name: str) -> Tone:
    return Tone.WARN if any(change.value == name for change in hop.changed) else Tone.PLAIN


def status_line(
    taps: Sequence[TapStatus], frames: int, total: int, shark: Statistics | None, rate: float, live: bool = True
) -> Line:
    """Return how a capture goes: taps, frames, drops, pyshark."""
    opened = sum(tap.state is TapState.OPEN for tap in taps)
    dead = [tap for tap in taps if tap.state is TapState.CLOSED and tap.reason not in ("", "asked")]
    drops = sum(tap.drops + tap.limited + tap.overflow for tap in taps)
    parts: list[str | Part] = [
        Part(f"taps {opened}/{len(taps)}", Tone.OK if opened == len(taps) else Tone.WARN)
        if live
        else Part(f"{len(taps)} taps", Tone.DIM),
        f" · {frames:,} frames · {total:,} packets · ",
        Part(f"{drops:,} drops", Tone.WARN if drops else Tone.DIM),
    ]
    if dead and live:
        parts.append(Part(f" · ✗ {dead[0].point.name}: {dead[0].reason}", Tone.BAD))
    if shark is not None:
        parts += [" · ", _shark(shark, rate)]
    return line(*parts)


def _shark(shark: Statistics, rate: float) -> Part:
    if shark.state not in ("running", "starting", "stopped"):
        return Part(f"own decoder ({shark.state})", Tone.WARN)
    skipped = f", {shark.skipped:,} skipped" if shark.skipped else ""
    return Part(f"pyshark {rate:.0f}/s{skipped}", Tone.DIM)


def layer_lines(layers: Iterable[Layer]) -> Iterator[Line]:
    """Yield a packet's layers with their fields, indented; what tshark says of the frame itself comes last."""
    for layer in sorted(layers, key=lambda layer: layer.name == "frame"):
        yield cell(f"▼ {layer.name.upper()}", Tone.STRONG)
        for field in layer.fields:
            yield line(Part(f"    {field.name:<22} ", Tone.DIM), field.value)


def byte_lines(data: bytes) -> Iterator[Line]:
    """Yield captured bytes, sixteen a line, as numbers and as text."""
    for start in range(0, min(len(data), MAX_BYTES_SHOWN), 16):
        part = data[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield line(Part(f"{start:04x}  ", Tone.DIM), Part(f"{part.hex(' '):<47}  ", Tone.CODE), text)


def probe_lines(source: str, destination: str, reply: ProbeReply) -> Iterator[Line]:
    """Yield what became of a probe."""
    yield line(Part(f"{source} to {destination}", Tone.STRONG))
    if reply.error:
        yield cell(f"✗ not sent: {reply.error}", Tone.BAD)
    for answer in reply.answers:
        good = answer.kind == "reply"
        sign = Part(f"{'✓' if good else '✗'} {answer.kind}", Tone.OK if good else Tone.BAD)
        rest = f" from {answer.source}, ttl {answer.ttl}, {answer.rtt_ns / 1e6:.2f} ms" if answer.source else ""
        yield line(f"seq {answer.sequence}  ", sign, rest)
