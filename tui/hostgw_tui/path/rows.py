"""A predicted way as rows, alone or beside what taps have seen of a probe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hostgw.capture.describe import address, mac
from hostgw.capture.expected import Pair
from hostgw.capture.journey_rows import Owner
from hostgw.live.places import Place, containers
from hostgw.live.tracing import Traced, Tracing
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.path import Hop, Leg, Outcome, Prediction
from hostgw.report.path import conclusion
from hostgw.report.trace import reason, times
from hostgw_tui.look import Line, Part, Row, Sign, Tone, cell, heading, line
from hostgw_tui.packets.rows import CHANGE_TONES, VERDICTS

OUTCOMES = {
    Outcome.DELIVERED: Sign("✓", "delivered", Tone.OK),
    Outcome.OUTSIDE: Sign("↗", "leaves the listed hosts", Tone.NOTE),
    Outcome.LOST: Sign("✗", "lost", Tone.BAD),
    Outcome.UNKNOWN: Sign("?", "not known", Tone.WARN),
}
ANSWERED, UNANSWERED = Sign("✓", "answered", Tone.OK), Sign("✗", "no answer", Tone.BAD)
RIGHT, MISSING, EXTRA, OTHER = (
    cell("✓", Tone.OK), cell("✗ not seen", Tone.BAD), cell("▲ not predicted", Tone.WARN), "≠ other "
)  # fmt: skip


def head_line(found: Prediction) -> Line:
    """Return both ends and what is predicted."""
    unknown = Outcome.UNKNOWN in (found.forward.outcome, found.back.outcome if found.back else None)
    sign = ANSWERED if found.works else OUTCOMES[Outcome.UNKNOWN] if unknown else UNANSWERED
    return line(
        Part(str(found.source), Tone.NAME),
        "  →  ",
        Part(str(found.destination), Tone.NAME),
        Part("   predicted: ", Tone.DIM),
        Part(f"{sign.glyph} {conclusion(found) if found.works else sign.word}", sign.tone),
    )


def predicted_rows(found: Prediction, owner: Owner) -> list[Row]:
    """Return the way there and back as predicted."""
    return [
        *_predicted_leg("there", found.forward, owner),
        *(_predicted_leg("back", found.back, owner) if found.back else ()),
    ]


def _predicted_leg(name: str, leg: Leg, owner: Owner) -> Iterator[Row]:
    yield heading(name, _leg_title(name, leg))
    for number, hop in enumerate(leg.hops):
        yield Row(f"{name} {number}", (cell("·", Tone.DIM), *_hop_cells(hop, owner), cell(""), _changed(hop.changed)))


def _leg_title(name: str, leg: Leg) -> str:
    sign = OUTCOMES[leg.outcome]
    mtu = f", packets up to {leg.mtu} bytes" if leg.hops else ""
    return f"{name}: {sign.glyph} {sign.word}{mtu}"


def _hop_cells(hop: Hop, owner: Owner) -> tuple[Line, ...]:
    tone = Tone.WARN if "snat" in hop.changed else Tone.PLAIN
    return (
        cell(hop.place, Tone.NAME),
        cell("→ out" if hop.direction == "out" else "← in", Tone.DIM),
        cell(_macs(hop.source_mac, hop.destination_mac, owner)),
        cell(hop.source, tone),
        cell(hop.ttl),
    )


def _macs(source: str, destination: str, owner: Owner) -> str:
    return f"{owner(source) if source else '?'} → {owner(destination) if destination else '?'}"


def _changed(names: Iterable[str]) -> Line:
    return tuple(Part(f"{name.upper()} ", CHANGE_TONES.get(name, Tone.WARN)) for name in names)


def traced_rows(found: Tracing, each: Traced, owner: Owner) -> list[Row]:
    """Return the way there and back, predicted beside seen."""
    rows = list(_traced_leg("there", found.prediction.forward, each.there, found, each, owner))
    if each.back:
        rows += _traced_leg("back", found.prediction.back, each.back, found, each, owner)
    return rows


def _traced_leg(
    name: str, leg: Leg | None, pairs: Sequence[Pair], found: Tracing, each: Traced, owner: Owner
) -> Iterator[Row]:
    yield heading(name, _leg_title(name, leg) if leg else name)
    for number, (pair, since) in enumerate(zip(pairs, times(found, each, pairs), strict=True)):
        yield Row(f"{name} {number}", _pair_cells(pair, since, found, owner))


def _pair_cells(pair: Pair, since: str, found: Tracing, owner: Owner) -> tuple[Line, ...]:
    changed = _changed(pair.hop.changed if pair.hop else ())
    if pair.sighting is None:
        hop = _hop_cells(pair.hop, owner) if pair.hop else (cell(""),) * 5
        return (MISSING, *hop, cell(""), changed)
    seen, frame = pair.sighting, pair.sighting.frame
    state = RIGHT if pair.right else EXTRA if pair.hop is None else cell(f"{OTHER}{' '.join(pair.differs)}", Tone.BAD)
    return (
        state,
        cell(found.points[seen.tap].name, Tone.NAME),
        cell("→ out" if seen.outbound else "← in", Tone.DIM),
        cell(_macs(mac(frame.source_mac), mac(frame.destination_mac), owner)),
        cell(
            address(frame.source, frame.version), Tone.WARN if pair.hop and "snat" in pair.hop.changed else Tone.PLAIN
        ),
        cell(frame.ttl),
        cell(since),
        changed,
    )


def verdict_line(found: Tracing) -> Line:
    """Return what became of the probe."""
    if not found.probes:
        why = found.prediction.forward.reason
        return line(Part("✗ lost before the first tap", Tone.BAD), f": {why}" if found.never_left else "")
    each = found.probes[-1]
    sign = VERDICTS[each.verdict]
    way = Part("not as predicted", Tone.BAD) if not each.predicted else Part("as predicted", Tone.OK)
    if each.predicted and Outcome.UNKNOWN in (found.prediction.forward.outcome, _back(found.prediction)):
        way = Part("as far as it could be predicted", Tone.WARN)
    why = reason(found, each)
    return line("probe: ", Part(f"{sign.glyph} {sign.word}", sign.tone), ", ", way, f": {why}" if why else "")


def _back(found: Prediction) -> Outcome | None:
    return found.back.outcome if found.back else None


def hop_of(found: Prediction, key: str) -> Hop | None:
    """Return the predicted hop that a row stands for."""
    name, _, number = key.partition(" ")
    leg = found.forward if name == "there" else found.back
    return leg.hops[int(number)] if leg and number.isdigit() and int(number) < len(leg.hops) else None


def detail_lines(found: Prediction, hop: Hop | None, finding: Finding | None, probed: bool = False) -> Iterator[Line]:
    """Yield why the packet goes as it does at a hop, how it ends, and what is found on the host where it is lost.

    Beside what was seen of a probe it is said that this is predicted.
    """
    before = "predicted " if probed else ""
    if hop:
        yield line(Part(f"{hop.place} ", Tone.NAME), hop.because)
    for name, leg in (("there", found.forward), ("back", found.back)):
        if leg:
            sign = OUTCOMES[leg.outcome]
            yield line(
                Part(f"{before}{name}: ", Tone.DIM), Part(f"{sign.glyph} {sign.word}", sign.tone), f": {leg.reason}"
            )
    if finding:
        yield line(Part("found: ", Tone.DIM), finding.summary, Part("  f", Tone.KEY), " shows what to do")


def end_rows(view: View) -> list[Row]:
    """Return what can be an end of a path: hosts with their underlay address, then containers."""
    members = (view.mesh.members[host.name] for host in view.fabric.readable if host.name in view.mesh.members)
    hosts = [(m.name, address_text(m.underlay.address)) for m in members if m.underlay]
    return place_rows(hosts, list(containers(view.fabric)))


def place_rows(hosts: Sequence[tuple[str, str]], containers: Sequence[Place]) -> list[Row]:
    """Return what can be an end: hosts with their address, then containers; the key is what `find_end` takes."""
    rows = [Row(name, (cell(name, Tone.NAME), cell(where), cell("host", Tone.DIM))) for name, where in hosts]
    rows += [
        Row(f"{host}:{name}", (cell(f"{host}:{name}", Tone.NAME), cell(where), cell("container", Tone.DIM)))
        for host, _, name, where in containers
    ]
    return rows
