"""How far the clocks of hosts are apart: by the SSH echo of each, and closer by packets that went between two and back.

A packet leaves a NIC before it comes in at another, and so does its answer: the two bound the difference of the clocks
from both sides, whatever the way is like. The closest bounds, ours by SSH among them, join the hosts of a journey to
the one where it begins; its clock is kept and the others are shown by it. Bounds that the SSH echoes contradict are not
believed. Pure: times come with the sightings. Nothing here grows without bound, and frames are left as they are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from msgspec.structs import replace

from hostgw.capture.journeys import NIC, JourneyView, Sighting
from hostgw.capture.tap_points import TapPoint
from hostgw.ssh.clock import drift_ns

MAX_ECHOES: Final = 256
"""Changes of a host's offset that are remembered; at one each 5 s, more than twenty minutes."""
MAX_PAIRS: Final = 500
SLOT_NS: Final = 10_000_000_000
"""Of all exchanges between two hosts in that time, the closest is kept."""
MAX_SLOTS: Final = 6
"""Of a pair: a minute with traffic. Older ones say little of clocks that drift."""
GRAIN_NS: Final = 1_000
"""Taps by way of tcpdump tell whole microseconds."""
OURS: Final = ""
"""Stands for the operator's clock among the hosts."""

Pair = tuple[str, str]
Exchange = tuple[JourneyView, JourneyView]
"""A packet and its answer."""
Point = Callable[[int], TapPoint]


class Clock(NamedTuple):
    """How far a clock is ahead of another, ours unless another is named, and how wrong that may be."""

    offset_ns: int = 0
    error_ns: int = 0


UNKNOWN: Final = Clock(0, 1 << 60)
"""Before the first echo: nothing can be said."""


class Crossing(NamedTuple):
    """What an exchange says of two clocks, at a moment of the capture's time."""

    offset_ns: int
    """The second host's clock minus the first one's."""
    error_ns: int
    at_ns: int

    def by(self, now_ns: int) -> Clock:
        """Return the same for another moment."""
        return Clock(self.offset_ns, self.error_ns + drift_ns(now_ns - self.at_ns))


class Timing(NamedTuple):
    """The times of a journey by one clock, that of the host where it begins."""

    times: Mapping[int, int]
    """By the sighting's serial number."""
    errors: Mapping[int, int]
    """By tap: how wrong its times may be against the first host's. Against those of a third, both errors together."""

    def applied(self, view: JourneyView) -> JourneyView:
        """Return a journey with these times."""
        return view._replace(sightings=tuple(self._one(sighting) for sighting in view.sightings))

    def _one(self, sighting: Sighting) -> Sighting:
        return replace(sighting, time_ns=self.times.get(sighting.serial, sighting.time_ns))

    def error_ns(self, tap: int) -> int:
        """Return how wrong the times of a tap may be."""
        return self.errors.get(tap, UNKNOWN.error_ns)


class Clocks:
    """The offsets that a capture has applied, and what answered packets say beyond them. Not thread-safe."""

    def __init__(self) -> None:
        self._echoes: dict[str, _Echoes] = {}
        self._crossings: dict[Pair, dict[int, Crossing]] = {}

    def heard(self, host: str, clock: Clock, serial: int) -> None:
        """Note by what the times of a host are corrected, from the frame of this number on."""
        self._echoes.setdefault(host, _Echoes()).note(clock, serial)

    def learn(self, exchange: Exchange, point: Point) -> None:
        """Keep what a packet and its answer say, if it is the closest of its time."""
        for pair, found in self._said(exchange, point):
            if pair not in self._crossings and len(self._crossings) >= MAX_PAIRS:
                del self._crossings[next(iter(self._crossings))]
            slots = self._crossings.setdefault(pair, {})
            slot = found.at_ns // SLOT_NS
            if slot not in slots or found.error_ns < slots[slot].error_ns:
                slots[slot] = found
            if len(slots) > MAX_SLOTS:
                del slots[min(slots)]

    def timing(self, view: JourneyView, exchanges: Sequence[Exchange], point: Point) -> Timing:
        """Return the times of a journey, and those of the exchanges it is part of, by the first host's clock."""
        sightings = [s for each in (view, *(v for pair in exchanges for v in pair)) for s in each.sightings]
        first, hosts = view.first, {s.tap: point(s.tap).host for s in sightings}
        home = hosts[first.tap]
        serials = {hosts[s.tap]: s.serial for s in sightings} | {home: first.serial}
        echoes = {host: self._applied(host, serials.get(host)) for host in {*hosts.values(), *self._echoes}}
        found = _spread(home, _joined(echoes, self._closest(exchanges, point, first.time_ns)))
        at_home = echoes[home].offset_ns
        times = {s.serial: self._raw(s, hosts[s.tap]) - found[hosts[s.tap]].offset_ns - at_home for s in sightings}
        return Timing(times, {tap: found[host].error_ns for tap, host in hosts.items()})

    def _applied(self, host: str, serial: int | None = None) -> Clock:
        echoes = self._echoes.get(host)
        return echoes.at(serial) if echoes else UNKNOWN

    def _raw(self, sighting: Sighting, host: str) -> int:
        """Return what the host's own clock said."""
        return sighting.time_ns + self._applied(host, sighting.serial).offset_ns

    def _said(self, exchange: Exchange, point: Point) -> Iterator[tuple[Pair, Crossing]]:
        """Yield what an exchange says of each two hosts between which it went."""
        request, reply = exchange
        if request.ambiguous or reply.ambiguous:
            return
        back = {pair: (out, came) for pair, out, came in self._hops(reply, point)}
        for (here, there), left, came in self._hops(request, point):
            if (there, here) not in back:
                continue
            answered, returned = back[there, here]
            one_way, other_way = came - left, returned - answered
            if one_way + other_way >= 0 and came <= answered and left <= returned:
                error = (one_way + other_way + 1) // 2 + GRAIN_NS + drift_ns(returned - left)
                yield (here, there), Crossing((one_way - other_way) // 2, error, request.first.time_ns)

    def _hops(self, view: JourneyView, point: Point) -> Iterator[tuple[Pair, int, int]]:
        """Yield each way from a NIC of a host to one of another, with both hosts' own times."""
        for left, came in zip(view.sightings, view.sightings[1:], strict=False):
            here, there = point(left.tap), point(came.tap)
            wire = here.order == there.order == NIC and left.outbound and not came.outbound
            if wire and here.host != there.host:
                yield (here.host, there.host), self._raw(left, here.host), self._raw(came, there.host)

    def _closest(self, exchanges: Sequence[Exchange], point: Point, now_ns: int) -> dict[Pair, Clock]:
        """Return what is known best of each pair at a moment: from the exchanges themselves, and from others."""
        known = [(pair, found) for pair, slots in self._crossings.items() for found in slots.values()]
        known += [said for exchange in exchanges for said in self._said(exchange, point)]
        best: dict[Pair, Clock] = {}
        for pair, crossing in known:
            clock = crossing.by(now_ns)
            if pair not in best or clock.error_ns < best[pair].error_ns:
                best[pair] = clock
        return best


class _Echoes:
    """Offsets of a host, each with the number of the first frame that it was applied to."""

    def __init__(self) -> None:
        self._serials: list[int] = []
        self._clocks: list[Clock] = []

    def note(self, clock: Clock, serial: int) -> None:
        if self._clocks and self._clocks[-1].offset_ns == clock.offset_ns:
            self._clocks[-1] = max(self._clocks[-1], clock)
            return
        self._serials.append(serial)
        self._clocks.append(clock)
        if len(self._clocks) > MAX_ECHOES:
            del self._serials[0], self._clocks[0]

    def at(self, serial: int | None) -> Clock:
        """Return what was applied to a frame; the newest without one, the oldest when it is no longer known."""
        place = len(self._clocks) if serial is None else bisect_right(self._serials, serial)
        return self._clocks[max(0, place - 1)]


def _joined(echoes: Mapping[str, Clock], crossings: Mapping[Pair, Clock]) -> dict[str, list[tuple[str, Clock]]]:
    """Return each host's neighbours with how far their clocks are ahead; every host is a neighbour of ours."""
    joined: dict[str, list[tuple[str, Clock]]] = {host: [] for host in (OURS, *echoes)}
    for host, clock in echoes.items():
        _join(joined, OURS, host, clock)
    for (here, there), clock in crossings.items():
        if here in echoes and there in echoes and _believable(clock, echoes[here], echoes[there]):
            _join(joined, here, there, clock)
    return joined


def _join(joined: dict[str, list[tuple[str, Clock]]], here: str, there: str, clock: Clock) -> None:
    joined[here].append((there, clock))
    joined[there].append((here, clock._replace(offset_ns=-clock.offset_ns)))


def _believable(clock: Clock, here: Clock, there: Clock) -> bool:
    """Tell whether the SSH echoes allow for what an exchange says."""
    return abs(clock.offset_ns - (there.offset_ns - here.offset_ns)) <= here.error_ns + there.error_ns


def _spread(root: str, joined: Mapping[str, Sequence[tuple[str, Clock]]]) -> dict[str, Clock]:
    """Return how far every clock is ahead of the root's, by the ways with the least error (Dijkstra)."""
    found: dict[str, Clock] = {}
    reached = [(0, root, 0)]
    while reached:
        error, here, offset = heappop(reached)
        if here in found:
            continue
        found[here] = Clock(offset, error)
        for there, edge in joined[here]:
            heappush(reached, (error + edge.error_ns, there, offset + edge.offset_ns))
    return found
