"""What to notice of a probe, in words, worked out of what the taps saw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hostgw.capture.describe import address
from hostgw.capture.frames import Frame
from hostgw.capture.journeys import Change, JourneyView, Sighting, Verdict, changes
from hostgw.live.tracing import Traced, Tracing
from hostgw.report.trace import reason


def noticed(found: Tracing) -> Iterator[str]:
    """Yield sentences about the first probe: who routed it, who rewrote it, where it ended."""
    if not found.probes:
        yield f"No tap saw the probe: {found.prediction.forward.reason}."
        return
    each = found.probes[0]
    yield from _way(found, each.request, "the probe")
    if each.reply:
        yield from _way(found, each.reply, "the answer")
    yield _end(found, each)


def _way(found: Tracing, journey: JourneyView, what: str) -> Iterator[str]:
    steps = [(a, b, changes(a, b)) for a, b in pairwise(journey.sightings)]
    for before, here, changed in steps:
        if Change.TTL in changed:
            yield _routed(found, before, here, Change.MAC in changed, what)
        if changed & {Change.SNAT, Change.DNAT}:
            yield _rewritten(found, before, here, what)
    if steps and not any(changed for *_, changed in steps):
        ttl, taps = journey.first.frame.ttl, len(journey.sightings)
        yield f"Nobody routed {what}: the same MAC addresses, source and TTL {ttl} at all {taps} taps."


def _routed(found: Tracing, before: Sighting, here: Sighting, new_macs: bool, what: str) -> str:
    macs = ", and the frame got new MAC addresses" if new_macs else ""
    fall = f"the TTL fell from {before.frame.ttl} to {here.frame.ttl}"
    return f"{_between(found, before, here)} {what} was routed: {fall}{macs}."


def _rewritten(found: Tracing, before: Sighting, here: Sighting, what: str) -> str:
    a, b = before.frame, here.frame
    which = "source" if a.source != b.source else "destination"
    words = {"source": "SNAT", "destination": "SNAT taken back" if what == "the answer" else "DNAT"}
    old, new = _address(a, which), _address(b, which)
    return f"{_between(found, before, here)} the {which} of {what} was rewritten: {old} became {new} ({words[which]})."


def _address(frame: Frame, which: str) -> str:
    return address(frame.source if which == "source" else frame.destination, frame.version)


def _between(found: Tracing, before: Sighting, here: Sighting) -> str:
    a, b = found.points[before.tap], found.points[here.tap]
    return f"On {a.host}, from {a.interface} to {b.interface}," if a.host == b.host else f"From {a.name} to {b.name}"


def _end(found: Tracing, each: Traced) -> str:
    last = each.request.last
    where = found.points[last.tap].name
    if each.verdict is Verdict.ANSWERED:
        return f"It was answered; at {where}, the last tap on its way, the TTL was {last.frame.ttl}."
    why = reason(found, each)
    return f"It was {each.verdict.value}, last seen at {where} with TTL {last.frame.ttl}{f': {why}' if why else ''}."
