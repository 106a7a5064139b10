"""A predicted way beside what taps have seen of it: hop by hop, and where the two part. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hostgw.capture.describe import address, mac
from hostgw.capture.journeys import Sighting
from hostgw.capture.tap_points import TapPoint
from hostgw.model.path import Hop, Leg, Outcome

Key = tuple[str, str | None, str, str]
"""Host, container, interface, direction."""


class Pair(NamedTuple):
    """A place of the way: predicted, seen, or both."""

    hop: Hop | None
    sighting: Sighting | None
    differs: tuple[str, ...] = ()
    """What is not as predicted: source, destination, ttl, mac."""
    beyond: bool = False
    """It was seen where the prediction does not reach."""

    @property
    def right(self) -> bool:
        """It was seen as predicted."""
        return self.beyond or (self.hop is not None and self.sighting is not None and not self.differs)


def compared(
    leg: Leg | None, sightings: Sequence[Sighting], points: Mapping[int, TapPoint], *, known_ttl: bool = True
) -> tuple[Pair, ...]:
    """Return both in one order; predicted hops at which no tap stands are left out.

    Args:
        leg: the predicted way; None where nothing is predicted.
        sightings: what was seen, in the order of the way.
        points: the taps.
        known_ttl: the TTL at the start is known; it is not where a machine that is not listed sends.
    """
    tapped = {(p.host, p.container, p.interface) for p in points.values()}
    wanted = [hop for hop in (leg.hops if leg else ()) if (hop.host, hop.namespace, hop.interface) in tapped]
    open_end = leg is None or leg.astray or leg.outcome is Outcome.UNKNOWN
    return tuple(_merged(wanted, list(sightings), points, known_ttl, open_end))


def as_predicted(pairs: Sequence[Pair]) -> bool:
    """Tell whether all was seen as predicted, and nothing else."""
    return all(pair.right for pair in pairs)


def _merged(
    hops: list[Hop], sightings: list[Sighting], points: Mapping[int, TapPoint], known_ttl: bool, open_end: bool
) -> Iterator[Pair]:
    """Yield pairs; what only one side has stands where that side has it."""
    while hops or sightings:
        seen = [_key(sighting, points) for sighting in sightings]
        if not hops:
            yield Pair(None, sightings.pop(0), beyond=open_end)
        elif _hop_key(hops[0]) not in seen:
            yield Pair(hops.pop(0), None)
        elif seen[0] == _hop_key(hops[0]):
            yield _pair(hops.pop(0), sightings.pop(0), known_ttl)
        elif seen[0][0] == hops[0].host and seen[0] in map(_hop_key, hops):
            # Both are predicted on this host: what comes in is stamped once, so that their order tells nothing.
            place = seen.index(_hop_key(hops[0]))
            yield _pair(hops.pop(0), sightings.pop(place), known_ttl)
        else:
            yield Pair(None, sightings.pop(0))


def _key(sighting: Sighting, points: Mapping[int, TapPoint]) -> Key:
    point = points[sighting.tap]
    return point.host, point.container, point.interface, "out" if sighting.outbound else "in"


def _hop_key(hop: Hop) -> Key:
    return hop.host, hop.namespace, hop.interface, hop.direction


def _pair(hop: Hop, sighting: Sighting, known_ttl: bool) -> Pair:
    frame = sighting.frame
    macs = mac(frame.source_mac), mac(frame.destination_mac)
    wrong = {
        "source": hop.source != address(frame.source, frame.version),
        "destination": hop.destination != address(frame.destination, frame.version),
        "ttl": known_ttl and hop.ttl != frame.ttl,
        "mac": any(
            told and told != seen for told, seen in zip((hop.source_mac, hop.destination_mac), macs, strict=True)
        ),
    }
    return Pair(hop, sighting, tuple(name for name, differs in wrong.items() if differs))
