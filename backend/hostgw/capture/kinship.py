"""Whether a frame can be of a packet that is known already, though it is not the same frame."""

from __future__ import annotations

from collections.abc import Sequence

from hostgw.capture.frames import Frame
from hostgw.capture.journeys import Journey, Sighting
from hostgw.capture.parts import Parts, Passage

STRANGER, TRANSLATED, SAME = range(3)
"""How the ends of a frame are related to those of a journey."""


def passage(sighting: Sighting) -> Passage:
    """Return what tells a sighting's passage from others of its journey."""
    return sighting.tap, sighting.outbound, sighting.frame.ttl


def seen_at(journey: Journey, where: Passage) -> Sighting | None:
    """Return the sighting of a passage."""
    return next((sighting for sighting in journey.sightings if passage(sighting) == where), None)


def lead(journey: Journey, sighting: Sighting) -> None:
    """Let a first fragment stand for its passage in place of a later one: it has the transport header."""
    for place, known in enumerate(journey.sightings):
        if passage(known) == passage(sighting) and known.frame.fragment > 0:
            journey.sightings[place] = sighting


def in_frames(journey: Journey, sightings: Sequence[Sighting]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Return in how many frames a packet was at each sighting, and whether some was missing; see `JourneyView`."""
    if journey.parts is None:
        return (), ()
    found = [journey.parts.get(passage(sighting)) for sighting in sightings]
    pieces = tuple(parts.frames if parts else 1 for parts in found)
    partial = tuple(parts is not None and _partial(journey, parts) for parts in found)
    return pieces if max(pieces) > 1 else (), partial if any(partial) else ()


def _partial(journey: Journey, parts: Parts) -> bool:
    whole = journey.total if parts.fragments else journey.size
    return not whole or parts.covered < whole


def kinship(journey: Journey, sighting: Sighting) -> int:
    """Tell how a frame's ends are related to a journey's: only a router translates, and never both ends."""
    best, frame = STRANGER, sighting.frame
    for other in journey.sightings:
        seen = other.frame
        if other.tap == sighting.tap and other.outbound == sighting.outbound and seen.ttl < frame.ttl:
            return STRANGER
        source, destination = _alike(seen, frame)
        if source and destination:
            best = SAME
        elif seen.ttl == frame.ttl and not (source and _one_link(seen, frame)):
            return STRANGER
        elif source or destination:
            best = max(best, TRANSLATED)
    return best


def _alike(a: Frame, b: Frame) -> tuple[bool, bool]:
    """Return whether source and destination are equal, with ports where both frames have them."""
    source, destination = a.source == b.source, a.destination == b.destination
    if a.fragment > 0 or b.fragment > 0:
        return source, destination
    return source and a.source_port == b.source_port, destination and a.destination_port == b.destination_port


def _one_link(a: Frame, b: Frame) -> bool:
    """Tell whether both were seen on one link, where br_netfilter may put a destination back."""
    return (a.source_mac, a.destination_mac) == (b.source_mac, b.destination_mac)
