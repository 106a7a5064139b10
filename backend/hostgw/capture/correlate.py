"""Recognises one packet at many taps, and the packet that answers it.

Two sightings are of one packet when all that routing and NAT leave alone is equal (see `Frame.invariants`), they are
less than a window apart, and at least one end of the flow is unchanged between them; only a router translates, so with
equal TTLs both ends are, but for br_netfilter, which puts a destination back inside a bridge. The same packet twice at
one tap in one direction is a second packet, except with a lower TTL: that is a loop. In and out at one tap is legal.

Pure: times come with the frames, and equal input gives equal output. Nothing here grows without bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from hostgw.capture.frames import REDIRECT, UDP, Frame
from hostgw.capture.journeys import Journey, JourneyView, Sighting, ordered
from hostgw.capture.pairing import Pairs

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
        self._open: dict[tuple[int, ...], list[Journey]] = {}
        self._ages: deque[tuple[int, tuple[int, ...]]] = deque()
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
        if rivals is None:
            rivals = self._open[key] = []
            return self._begin(key, sighting, rivals)
        journey = (
            rivals[0] if len(rivals) == 1 and self._follows(rivals[0], sighting) else self._match(rivals, sighting)
        )
        if journey is None:
            return self._begin(key, sighting, rivals)
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
        sightings = ordered(journey.sightings, orders)
        return JourneyView(journey.number, sightings, journey.request, journey.reply, journey.error, journey.ambiguous)

    def clear(self) -> None:
        """Forget every journey; numbers go on."""
        self._ring = [None] * self.capacity
        self._open.clear()
        self.answered.clear()
        self._ages.clear()
        self._pairs = Pairs()

    def _begin(self, key: tuple[int, ...], sighting: Sighting, rivals: list[Journey]) -> int:
        self.count += 1
        journey = Journey(self.count, [sighting], sighting.time_ns, passed=_bit(sighting))
        self._ring[self.count % self.capacity] = journey
        rivals.append(journey)
        self._ages.append((sighting.time_ns, key))
        if len(self._ages) > self.capacity:
            self._close_oldest()
        self._pair(journey, sighting)
        return self.count

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
