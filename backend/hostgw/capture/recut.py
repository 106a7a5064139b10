"""Packets that are cut differently at different taps: finds the open journeys that a frame holds bytes of."""

from __future__ import annotations

from hostgw.capture import fragments, ranges
from hostgw.capture.journeys import Journey, Sighting
from hostgw.capture.kinship import STRANGER
from hostgw.capture.open_index import OpenIndex

MOST_BLOCKS = 2
"""Blocks of sequence space that a journey touches, on average at most."""


class Recut:
    """The open journeys of datagrams that are or may be fragmented, and of TCP data."""

    def __init__(self, capacity: int, window_ns: int, most_sightings: int) -> None:
        self._window_ns, self._most_sightings = window_ns, most_sightings
        self._datagrams = OpenIndex(capacity)
        self._ranges = OpenIndex(capacity * MOST_BLOCKS)

    def datagram(self, sighting: Sighting) -> Journey | None:
        """Return the journey whose datagram a frame is of, unless two could be meant."""
        best, best_kin, equals = None, STRANGER, 0
        for journey in self._datagrams.at(fragments.datagram(sighting.frame)):
            kin = fragments.belongs(journey, sighting) if self._open(journey, sighting) else STRANGER
            if kin > best_kin:
                best, best_kin, equals = journey, kin, 0
            elif kin and kin == best_kin:
                equals += 1
        return None if equals else best

    def holds(self, sighting: Sighting) -> tuple[list[tuple[Journey, ranges.Span]], bool]:
        """Return the journeys of which a TCP frame holds bytes, and which, and whether others were sent again."""
        found, again, frame = [], False, sighting.frame
        for journey in self._near(sighting):
            span = ranges.overlap(journey, frame)
            if span is None or not self._open(journey, sighting):
                continue
            if ranges.belongs(journey, sighting, span):
                found.append((journey, span))
            elif ranges.sent_again(journey, sighting):
                again = True
        return found, again

    def note(self, journey: Journey, sighting: Sighting) -> None:
        """Enter a new journey."""
        frame = sighting.frame
        key = fragments.datagram(frame)
        if key >= 0:
            journey.total = fragments.total(frame)
            self._datagrams.note(key, sighting.time_ns, journey)
        for block in ranges.block_keys(journey.start, journey.size) if journey.size else ():
            self._ranges.note(block, sighting.time_ns, journey)

    def expire(self, before_ns: int) -> None:
        """Close journeys that began before a moment."""
        self._datagrams.expire(before_ns)
        self._ranges.expire(before_ns)

    def clear(self) -> None:
        """Forget all."""
        self._datagrams.clear()
        self._ranges.clear()

    def _near(self, sighting: Sighting) -> list[Journey]:
        """Return the journeys in the blocks that a frame touches, each once."""
        frame = sighting.frame
        keys = list(ranges.block_keys(frame.sequence, frame.payload))
        if len(keys) == 1:
            return list(self._ranges.at(keys[0]))
        return list({journey.number: journey for key in keys for journey in self._ranges.at(key)}.values())

    def _open(self, journey: Journey, sighting: Sighting) -> bool:
        in_time = abs(sighting.time_ns - journey.first_ns) <= self._window_ns
        return in_time and len(journey.sightings) < self._most_sightings
