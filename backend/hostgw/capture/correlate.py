"""Recognises one packet at many taps, and the packet that answers it.

Two sightings are of one packet when all that routing and NAT leave alone is equal (see `Frame.invariants`), they are
less than a window apart, and at least one end of the flow is unchanged between them; only a router translates, so with
equal TTLs both ends are, but for br_netfilter, which puts a destination back inside a bridge. The same packet twice at
one tap in one direction is a second packet, except with a lower TTL: that is a loop. In and out at one tap is legal.

A packet may be one frame at one tap and several at another. Frames that are equal to nothing known, and fragments, are
compared by the bytes they hold (see `recut`); in doubt they begin a journey of their own.

Pure: times come with the frames, and equal input gives equal output. Nothing here grows without bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from hostgw.capture import fragments, ranges
from hostgw.capture.frames import REDIRECT, UDP, Frame, Invariants
from hostgw.capture.journeys import Journey, JourneyView, Sighting, ordered
from hostgw.capture.kinship import in_frames, lead, passage
from hostgw.capture.pairing import Pairs
from hostgw.capture.parts import Parts
from hostgw.capture.recut import Recut

WINDOW_NS = 2_000_000_000
CAPACITY = 20_000
MAX_SIGHTINGS = 256
"""Of one journey; a looping packet can live for 255 hops."""
MAX_RIVALS = 64
"""Open journeys with equal invariants that a sighting is compared with."""
MAX_ANSWERED = 500
"""Answered journeys that wait to be learned from; those that come when there are as many are passed over."""
SAME_ENDS = 9
"""Score of a sighting whose addresses, ports and ICMP id stand in the journey already; any other is less."""


class Correlator:
    """Sightings in, journeys out."""

    def __init__(self, capacity: int = CAPACITY, window_ns: int = WINDOW_NS) -> None:
        self.capacity, self.window_ns = capacity, window_ns
        self.now_ns = 0
        self.count = 0
        """Journeys so far; the newest has this number."""
        self.ambiguous = 0
        self.answered: deque[int] = deque()
        """Requests whose answer was seen; whoever learns from them takes them out."""
        self._ring: list[Journey | None] = [None] * capacity
        self._open: dict[Invariants, list[Journey]] = {}
        self._ages: deque[tuple[int, Invariants]] = deque()
        self._recut = Recut(capacity, window_ns, MAX_SIGHTINGS)
        self._pairs = Pairs()

    def add(self, tap: int, time_ns: int, outbound: bool, frame: Frame, serial: int = 0) -> int:
        """Take in a sighting; return the number of its journey."""
        if time_ns > self.now_ns:
            self.now_ns = time_ns
            if self._ages and self._ages[0][0] < time_ns - self.window_ns:
                self._expire(time_ns - self.window_ns)
        key = frame.invariants
        sighting = Sighting(tap, time_ns, outbound, frame, serial)
        rivals = self._open.get(key)
        if rivals is None:  # always so of fragments
            return self._add_new(key, sighting)
        journey = (
            rivals[0] if len(rivals) == 1 and self._follows(rivals[0], sighting) else self._match(rivals, sighting)
        )
        if journey is None:
            return self._add_new(key, sighting)
        self._join(journey, sighting)
        return journey.number

    def get(self, number: int) -> Journey | None:
        """Return a journey that is still in the ring."""
        journey = self._ring[number % self.capacity] if number > 0 else None
        return journey if journey is not None and journey.number == number else None

    def newest(self, limit: int) -> Iterator[Journey]:
        """Yield the newest journeys, oldest of them first."""
        for number in range(max(1, self.count - min(limit, self.capacity) + 1), self.count + 1):
            journey = self.get(number)
            if journey is not None:
                yield journey

    def view(self, journey: Journey, orders: Mapping[int, int]) -> JourneyView:
        """Return a journey as it is now, its sightings in order; `orders` tells the place of each tap."""
        j, sightings = journey, ordered(journey.sightings, orders)
        pieces, partial = in_frames(journey, sightings)
        links = j.request, j.reply, j.error, j.ambiguous
        return JourneyView(j.number, sightings, *links, pieces, partial, j.retransmission)

    def clear(self) -> None:
        """Forget every journey; numbers go on."""
        self._ring = [None] * self.capacity
        self._open.clear()
        self.answered.clear()
        self._ages.clear()
        self._recut.clear()
        self._pairs = Pairs()

    def _add_new(self, key: Invariants, sighting: Sighting) -> int:
        """Take in a frame that is equal to none before: another cut of a known packet, or a new one."""
        frame = sighting.frame
        fragment = fragments.is_fragment(frame)
        journey = self._recut.datagram(sighting)
        if journey is not None:
            self._join_datagram(journey, sighting)
            return journey.number
        if fragment:
            return self._begin_datagram(sighting)
        return self._add_data(key, sighting) if ranges.carries(frame) else self._begin(key, sighting).number

    def _add_data(self, key: Invariants, sighting: Sighting) -> int:
        """Take in TCP data: its bytes may be those of several journeys, and begin others where they are new."""
        frame = sighting.frame
        known, again = self._recut.holds(sighting)
        for journey, span in known:
            self._join_part(journey, sighting, span, journey.size)
        taken = [ranges.taken(journey, frame, span) for journey, span in known]
        numbers = [journey.number for journey, _ in known]
        for start, end in ranges.gaps(frame.payload, taken):
            begun = self._begin(None if known else key, sighting, frame.sequence + start, end - start)
            begun.retransmission = again
            numbers.append(begun.number)
        return numbers[0]

    def _begin_datagram(self, sighting: Sighting) -> int:
        journey = self._begin(None, sighting)
        parts = Parts(sighting.time_ns, True)
        parts.take(*fragments.extent(sighting.frame))
        journey.parts = {passage(sighting): parts}
        return journey.number

    def _join_datagram(self, journey: Journey, sighting: Sighting) -> None:
        journey.total = journey.total or fragments.total(sighting.frame)
        headless = all(known.frame.fragment > 0 for known in journey.sightings)
        self._join_part(journey, sighting, fragments.extent(sighting.frame), 0)
        if headless and not sighting.frame.fragment:
            self._pair(journey, sighting)

    def _join_part(self, journey: Journey, sighting: Sighting, span: ranges.Span, size: int) -> None:
        """Add a frame that holds some bytes of a packet; `size` tells how many would be all, of TCP data."""
        where, parts = passage(sighting), journey.parts or {}
        known = parts.get(where)
        if known is None:
            self._join(journey, sighting)
            if span == (0, size):
                return
            known = parts[where] = Parts(sighting.time_ns, not size)
            journey.parts = parts
        elif not sighting.frame.fragment:
            lead(journey, sighting)
        known.take(*span)
        if not sighting.frame.fragment:
            self._link(journey, self.get(self._pairs.quotable(journey.number, sighting.frame)))

    def _begin(self, key: Invariants | None, sighting: Sighting, start: int = 0, size: int = 0) -> Journey:
        """Begin a journey; with a key, frames that are equal find it quickly."""
        self.count += 1
        start %= 1 << 32
        journey = Journey(self.count, [sighting], sighting.time_ns, passed=_bit(sighting), start=start, size=size)
        self._ring[self.count % self.capacity] = journey
        if key is not None:
            self._open.setdefault(key, []).append(journey)
            self._ages.append((sighting.time_ns, key))
            if len(self._ages) > self.capacity:
                self._close_oldest()
        self._recut.note(journey, sighting)
        self._pair(journey, sighting)
        return journey

    def _join(self, journey: Journey, sighting: Sighting) -> None:
        last = journey.sightings[-1].frame
        journey.sightings.append(sighting)
        journey.passed |= _bit(sighting)
        frame = sighting.frame
        if last.source != frame.source or last.destination != frame.destination:
            self._pair(journey, sighting)

    def _pair(self, journey: Journey, sighting: Sighting) -> None:
        """Link a packet with the one it answers, as seen at this tap; a translated packet gets a second chance."""
        request, reply = self._pairs.meet(journey.number, sighting.frame, answers=not journey.request)
        if request:
            self._link(self.get(request), journey)
        if reply:
            self._link(journey, self.get(reply))

    def _link(self, request: Journey | None, reply: Journey | None) -> None:
        if request is None or reply is None or request is reply or reply.request:
            return
        if reply.sightings[0].frame.protocol == UDP and reply.first_ns < request.first_ns:
            request, reply = reply, request  # nothing but time tells which datagram asked
        reply.request = request.number
        frame = reply.sightings[0].frame
        if frame.quoted is None:
            request.reply = request.reply or reply.number
            if len(self.answered) < MAX_ANSWERED:
                self.answered.append(request.number)
        elif frame.kind != REDIRECT:
            request.error = request.error or reply.number

    def _follows(self, journey: Journey, sighting: Sighting) -> bool:
        """Tell the common case quickly: a tap that was not passed yet, and the ends are as they were last seen."""
        return (
            not journey.passed & _bit(sighting)
            and _ends(journey.sightings[-1].frame) == _ends(sighting.frame)
            and abs(sighting.time_ns - journey.first_ns) <= self.window_ns
        )

    def _match(self, rivals: list[Journey], sighting: Sighting) -> Journey | None:
        """Return the journey that a sighting belongs to: the one whose ends agree most, the oldest of equals."""
        best, best_score, equals = None, 0, 0
        for journey in rivals[-MAX_RIVALS:]:
            score = self._score(journey, sighting)
            if score > best_score:
                best, best_score, equals = journey, score, 0
            elif score and score == best_score:
                equals += 1
        if best is not None and equals:
            best.ambiguous += 1
            self.ambiguous += 1
        return best

    def _score(self, journey: Journey, sighting: Sighting) -> int:
        """Return how well a sighting fits; 0 when it cannot be of this packet."""
        if abs(sighting.time_ns - journey.first_ns) > self.window_ns or len(journey.sightings) >= MAX_SIGHTINGS:
            return 0
        best, frame = 0, sighting.frame
        ttl, ends = frame.ttl, _ends(frame)
        for other in journey.sightings:
            seen = other.frame
            if other.tap == sighting.tap and other.outbound == sighting.outbound and seen.ttl <= ttl:
                return 0
            if _ends(seen) == ends:
                best = SAME_ENDS
            elif seen.ttl == ttl and not _put_back(seen, frame):
                return 0
            elif best < SAME_ENDS:
                best = max(best, _likeness(seen, frame))
        return best

    def _expire(self, before_ns: int) -> None:
        """Close journeys that began before a moment; they stay in the ring, but no sighting joins them."""
        while self._ages and self._ages[0][0] < before_ns:
            self._close_oldest()
        self._recut.expire(before_ns)

    def _close_oldest(self) -> None:
        _, key = self._ages.popleft()
        rivals = self._open.get(key, [])
        del rivals[:1]
        if not rivals:
            self._open.pop(key, None)


def _bit(sighting: Sighting) -> int:
    return 1 << sighting.tap * 2 + sighting.outbound


def _ends(frame: Frame) -> tuple[int, int, int, int, int]:
    return frame.source, frame.destination, frame.source_port, frame.destination_port, frame.icmp_id


def _put_back(a: Frame, b: Frame) -> bool:
    """Tell whether only the destination differs, on one link: br_netfilter has put it back inside a bridge."""
    macs = a.source_mac == b.source_mac and a.destination_mac == b.destination_mac
    return macs and (a.source, a.source_port, a.icmp_id) == (b.source, b.source_port, b.icmp_id)


def _likeness(a: Frame, b: Frame) -> int:
    """Return how alike the ends of two frames are: 0 when both were changed, which no single translation does."""
    source, destination = a.source == b.source, a.destination == b.destination
    if not (source or destination):
        return 0
    ports = (a.source_port == b.source_port) + (a.destination_port == b.destination_port)
    return 1 + (source and destination) + ports + (a.icmp_id == b.icmp_id)
