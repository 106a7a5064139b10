"""TCP data is known by the bytes it carries: segmentation offload cuts one frame into many on its way, or merges many.

Frames of one flow belong together where their sequence numbers overlap and their IP identifications agree: each segment
that is cut from a frame has the identification of the one before plus one, and only such are merged (Linux,
inet_gso_segment and inet_gro_receive). The same bytes with an identification out of line were sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hostgw.capture.frames import TCP, Frame
from hostgw.capture.journeys import Journey, Sighting
from hostgw.capture.kinship import STRANGER, kinship, passage, seen_at

Span = tuple[int, int]
BLOCK_BITS = 14
"""Journeys are found by the blocks of sequence space that they touch: an offloaded frame touches five at most."""
SMALLEST_SEGMENT = 88
"""Bytes; Linux accepts no smaller MSS (TCP_MIN_MSS)."""
_SPACE, _HALF = 1 << 32, 1 << 31


def carries(frame: Frame) -> bool:
    """Tell whether a frame carries TCP data."""
    return frame.payload > 0 and frame.protocol == TCP and frame.sequence >= 0


def blocks(sequence: int, size: int) -> range:
    """Return the blocks of sequence space that data touch; those after a wrap have numbers of their own."""
    return range(sequence >> BLOCK_BITS, (sequence + size - 1 >> BLOCK_BITS) + 1)


def block_keys(sequence: int, size: int) -> Iterator[int]:
    """Yield the numbers under which data are found."""
    return (block & (_SPACE - 1 >> BLOCK_BITS) for block in blocks(sequence, size))


def ahead(sequence: int, of: int) -> int:
    """Return by how many bytes a sequence number is ahead of another; negative when behind."""
    return (sequence - of + _HALF) % _SPACE - _HALF


def overlap(journey: Journey, frame: Frame) -> Span | None:
    """Return which bytes of a journey, counted from its first, a frame holds."""
    start = ahead(frame.sequence, journey.start)
    first, last = max(start, 0), min(start + frame.payload, journey.size)
    return (first, last) if first < last else None


def taken(journey: Journey, frame: Frame, span: Span) -> Span:
    """Return bytes of a journey as bytes of a frame that holds them, counted from the frame's first."""
    start = ahead(journey.start, frame.sequence)
    return start + span[0], start + span[1]


def in_line(a: Frame, b: Frame) -> bool:
    """Tell whether two frames can have been cut from, or merged into, the same: their identifications are in line."""
    apart, steps = ahead(b.sequence, a.sequence), (b.ip_id - a.ip_id + 0x8000) % 0x10000 - 0x8000
    if not steps:
        return True
    return apart % steps == 0 and apart // steps >= SMALLEST_SEGMENT


def belongs(journey: Journey, sighting: Sighting, span: Span) -> bool:
    """Tell whether bytes of a frame are this journey's, seen for the first time at their passage."""
    if not in_line(journey.sightings[0].frame, sighting.frame) or kinship(journey, sighting) == STRANGER:
        return False
    where = passage(sighting)
    parts = journey.parts.get(where) if journey.parts else None
    if parts is None:
        return seen_at(journey, where) is None
    return not parts.fragments and not parts.shows(*span)


def sent_again(journey: Journey, sighting: Sighting) -> bool:
    """Tell whether a frame's bytes had passed its tap in that direction as part of a journey: they were sent again."""
    if in_line(journey.sightings[0].frame, sighting.frame) or kinship(journey, sighting) == STRANGER:
        return False
    return seen_at(journey, passage(sighting)) is not None


def gaps(size: int, taken: Iterable[Span]) -> Iterator[Span]:
    """Yield what is left of `size` bytes."""
    at = 0
    for start, end in sorted(taken):
        if start > at:
            yield at, start
        at = max(at, end)
    if at < size:
        yield at, size
