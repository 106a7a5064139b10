"""What listeners saw of a probe, put along its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hostgw.model.probe import Place, ProbeResult
from hostgw.wire import Sighting

Spot = tuple[str, int]
"""A host and a namespace of it, where somebody listened."""
Seen = Mapping[Spot, tuple[Sighting, ...]]
"""What was seen of one probe."""


def observed(result: ProbeResult, seen: Seen) -> ProbeResult:
    """Return a result with what its listeners saw of it."""
    arrived = _arrived(result.destination, seen)
    return replace(
        result,
        observed_source=arrived.source if arrived else "",
        observed_ttl=arrived.ttl if arrived else 0,
        requested_at=tuple(dict.fromkeys(_devices(result.source, result.destination, seen, False))),
        replied_at=tuple(dict.fromkeys(_devices(result.destination, result.source, seen, True))),
    )


def _arrived(place: Place, seen: Seen) -> Sighting | None:
    """Return the request as it came in at its destination."""
    came = [s for s in seen.get((place.host, place.ns), ()) if not s.reply and not s.outbound]
    return next((s for s in reversed(came) if s.destination == place.address), None)


def _devices(begin: Place, end: Place, seen: Seen, reply: bool) -> Iterator[str]:
    """Yield the devices on the way: out of the container, through the hosts, into the other container."""
    hosts = [begin.host, *sorted({host for host, _ in seen} - {begin.host, end.host})]
    spots = [(begin.host, begin.ns), *((host, 0) for host in hosts), (end.host, 0), (end.host, end.ns)]
    for spot in dict.fromkeys(spots):
        name = next((str(p) for p in (begin, end) if p.ns and (p.host, p.ns) == spot), spot[0])
        yield from (f"{name} {s.device}" for s in seen.get(spot, ()) if s.reply is reply)


def by_token(heard: Mapping[Spot, tuple[Sighting, ...]]) -> dict[int, dict[Spot, tuple[Sighting, ...]]]:
    """Return what was seen, by probe."""
    found: dict[int, dict[Spot, list[Sighting]]] = {}
    for spot, sightings in heard.items():
        for sighting in sightings:
            found.setdefault(sighting.token, {}).setdefault(spot, []).append(sighting)
    return {token: {spot: tuple(held) for spot, held in spots.items()} for token, spots in found.items()}
