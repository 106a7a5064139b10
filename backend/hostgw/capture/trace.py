"""Journeys as `trace --json` prints them: msgspec types, from which the schema is generated, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from hostgw.capture.describe import address, mac
from hostgw.capture.journeys import Change, JourneyView, Sighting, Verdict, changes
from hostgw.capture.tap_points import TapPoint


class Seen(msgspec.Struct, frozen=True):
    """A sighting; times are epoch nanoseconds by the clock of the host where the packet began, corrected to ours."""

    host: str
    interface: str
    namespace: str | None
    direction: str
    time_ns: int
    error_ns: int
    """How wrong the time may be against the first host's; the errors of two times from different hosts add up."""
    source_mac: str
    destination_mac: str
    source: str
    destination: str
    ttl: int
    changed: tuple[Change, ...]


class Way(msgspec.Struct, frozen=True):
    """The sightings of one packet, in the order of the way."""

    sightings: tuple[Seen, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """The last tap that saw a lost packet."""

    host: str
    interface: str


class Traced(msgspec.Struct, frozen=True):
    """A packet and its answer."""

    verdict: Verdict
    lost_after: Place | None
    reason: str | None
    predicted: bool | None
    """Whether the way was the predicted one; null when nothing was predicted."""
    request: Way
    reply: Way


class Trace(msgspec.Struct, frozen=True):
    """The document."""

    journeys: tuple[Traced, ...]
    schema: int = 1


def traced(
    request: JourneyView,
    reply: JourneyView | None,
    verdict: Verdict,
    points: Mapping[int, TapPoint],
    error_ns: Callable[[int], int] = lambda _tap: 0,
    reason: str | None = None,
    predicted: bool | None = None,
) -> Traced:
    """Return one journey of the document."""
    lost = points.get(request.last.tap) if verdict is Verdict.LOST else None
    return Traced(
        verdict=verdict,
        lost_after=Place(lost.host, lost.interface) if lost else None,
        reason=reason,
        predicted=predicted,
        request=Way(_seen(request.sightings, points, error_ns)),
        reply=Way(_seen(reply.sightings if reply else (), points, error_ns)),
    )


def _seen(
    sightings: Sequence[Sighting], points: Mapping[int, TapPoint], error_ns: Callable[[int], int]
) -> tuple[Seen, ...]:
    pairs: Iterable[tuple[Sighting | None, Sighting]] = zip((None, *sightings), sightings, strict=False)
    return tuple(_one(before, here, points[here.tap], error_ns(here.tap)) for before, here in pairs)


def _one(before: Sighting | None, here: Sighting, point: TapPoint, error_ns: int) -> Seen:
    frame = here.frame
    return Seen(
        host=point.host,
        interface=point.interface,
        namespace=point.container,
        direction="out" if here.outbound else "in",
        time_ns=here.time_ns,
        error_ns=error_ns,
        source_mac=mac(frame.source_mac),
        destination_mac=mac(frame.destination_mac),
        source=address(frame.source, frame.version),
        destination=address(frame.destination, frame.version),
        ttl=frame.ttl,
        changed=tuple(sorted(changes(before, here), key=list(Change).index)) if before else (),
    )
