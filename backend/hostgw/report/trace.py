"""`trace`: what was predicted, what taps saw, and where the two part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hostgw.capture.describe import address, icmp_name, mac, source
from hostgw.capture.expected import Pair, as_predicted
from hostgw.capture.journey_rows import Owner, elapsed, one_stamp
from hostgw.capture.journeys import Verdict
from hostgw.capture.trace import Trace, Way, traced
from hostgw.capture.trace import Traced as TracedProbe
from hostgw.capture.witness import said
from hostgw.live.reasons import explained
from hostgw.live.tracing import Traced, Tracing
from hostgw.model.path import Leg, Outcome
from hostgw.report.columns import aligned
from hostgw.report.path import kind

HEAD = ("", "tap", "", "MAC", "source", "TTL", "time")
TTL, TIME = 5, 6


def trace_report(found: Tracing) -> Trace:
    """Return the document of `trace --json`."""
    if not found.probes:
        why = found.prediction.forward.reason if found.never_left else "no tap saw it"
        return Trace((TracedProbe(Verdict.LOST, None, why, found.never_left, Way(), Way()),))
    return Trace(
        tuple(
            traced(
                each.request,
                each.reply,
                each.verdict,
                found.points,
                each.timing.error_ns,
                reason(found, each) or None,
                each.predicted,
            )
            for each in found.probes
        )
    )


def trace_text(found: Tracing, owner: Owner) -> Iterator[str]:
    """Yield the lines for people; `owner` names MAC addresses."""
    prediction = found.prediction
    yield f"{prediction.source} -> {prediction.destination}, {kind(prediction.query)}"
    if not found.probes:
        yield f"lost before the first tap, {_way(found.never_left)}: {found.prediction.forward.reason}"
    if found.refused:
        yield "the port refuses: nobody listens there"
    for each in found.probes:
        yield from _probe(found, each, owner)


def reason(found: Tracing, each: Traced) -> str:
    """Return why a packet was lost, when the prediction says so of the place where it was."""
    if each.verdict not in (Verdict.LOST, Verdict.UNANSWERED):
        return ""
    drop = found.capture.drop_of(each.request) if each.verdict is Verdict.LOST else None
    for leg, pairs in ((found.prediction.forward, each.there), (found.prediction.back, each.back)):
        if leg and leg.outcome is not Outcome.DELIVERED and _ends_there(leg, pairs):
            told = explained(leg.reason, drop)
            return f"{told}; {_silence(each)}" if leg.outcome is Outcome.OUTSIDE else told
    last = found.points[each.request.last.tap].name
    missed = found.missed(each)
    told = f"left {last}, never reached {missed[1].place}" if missed else f"not predicted: last seen at {last}"
    return f"{told}; {said(drop)}" if drop else told


def _silence(each: Traced) -> str:
    """Return what came from the outside instead of an answer."""
    said = each.error
    return f"{source(said)} answers: {icmp_name(said)}" if said else "no answer comes back"


def _ends_there(leg: Leg, pairs: tuple[Pair, ...]) -> bool:
    """Tell whether what was seen ends where the prediction ends."""
    reached = [pair.hop for pair in pairs if pair.hop]
    if not leg.hops:
        return not pairs
    return as_predicted(pairs) and bool(reached) and reached[-1] is leg.hops[-1]


def _way(predicted: bool) -> str:
    return "as predicted" if predicted else "not as predicted"


def _probe(found: Tracing, each: Traced, owner: Owner) -> Iterator[str]:
    yield ""
    why = reason(found, each)
    yield f"{each.verdict.value}, {_way(each.predicted)}{f': {why}' if why else ''}"
    yield from _leg("there", each.there, found, each, owner)
    if each.back:
        yield from _leg("back", each.back, found, each, owner)


def _leg(name: str, pairs: tuple[Pair, ...], found: Tracing, each: Traced, owner: Owner) -> Iterator[str]:
    yield f"{name}:"
    rows = (_row(pair, since, found, owner) for pair, since in zip(pairs, times(found, each, pairs), strict=True))
    yield from aligned([HEAD, *rows], right=(TTL, TIME))


def _row(pair: Pair, since: str, found: Tracing, owner: Owner) -> tuple[str, ...]:
    if pair.sighting is None:
        hop = pair.hop
        where = (hop.place, hop.direction, _macs(hop.source_mac, hop.destination_mac, owner)) if hop else ("", "", "")
        rest = (hop.source, str(hop.ttl)) if hop else ("", "")
        return ("not seen", *where, *rest, since)
    seen, frame = pair.sighting, pair.sighting.frame
    state = "ok" if pair.right else "not predicted" if pair.hop is None else f"other {' '.join(pair.differs)}"
    macs = _macs(mac(frame.source_mac), mac(frame.destination_mac), owner)
    where = (found.points[seen.tap].name, "out" if seen.outbound else "in", macs)
    return (state, *where, address(frame.source, frame.version), str(frame.ttl), since)


def _macs(source: str, destination: str, owner: Owner) -> str:
    return f"{owner(source) if source else '?'} > {owner(destination) if destination else '?'}"


def times(found: Tracing, each: Traced, pairs: Iterable[Pair]) -> Iterator[str]:
    """Yield for each place the time since the first sighting; ``=`` where the stamp is that of the place before."""
    first, before = each.request.first, None
    for seen in (pair.sighting for pair in pairs):
        if seen is None:
            yield ""
        elif before is not None and one_stamp(before, seen, found.points):
            yield "="
        else:
            yield elapsed(first, seen, found.points, each.timing.error_ns)
        before = seen or before
