"""Lanes of a picture: which taps stand where, and what a packet's way looks like over them. Pure.

The first host's containers stand at the left and its NIC at the right; every other host is the mirror image, so that a
packet between two hosts goes straight from one side to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from hostgw.capture.describe import mac
from hostgw.capture.journey_rows import ErrorNs, Owner, brief, pieces_at
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, UNORDERED, Change, JourneyView, Sighting, changes
from hostgw.capture.tap_points import TapPoint

Points = Mapping[int, TapPoint]


class Lane(NamedTuple):
    """A place of the picture: one tap, or several that are folded."""

    host: str
    label: str
    """The interface, as ``br0``; inside a container ``c1/eth0``."""
    taps: tuple[int, ...]


class Stop(NamedTuple):
    """A packet at a lane."""

    lane: int
    ttls: tuple[int, ...]
    """Each different one, in the order of the way; empty where there is none, as with ARP."""
    changed: frozenset[Change]
    """What had changed when it was seen here."""
    pieces: int = 1


class Leap(NamedTuple):
    """A packet on its way from a lane to another."""

    start: int
    end: int
    time: str
    """Between the first sightings of both lanes, see `brief`."""
    owner: str = ""
    """Whom the frame is sent to, where that is another than before."""


class Way(NamedTuple):
    """A packet's way over the lanes."""

    stops: tuple[Stop, ...]
    """One for each lane that it was seen at, in the order of the way."""
    leaps: tuple[Leap, ...]
    end: int
    """The lane at which it was seen last."""
    heading: int
    """Where it would have gone from there: 1 to the right, -1 to the left."""


def lanes(points: Points, *, folded: bool) -> tuple[Lane, ...]:
    """Return the lanes of a capture's taps; folded, those of ports and containers are within their bridge's."""
    by_host: dict[str, dict[int, TapPoint]] = {}
    for tap, point in points.items():
        by_host.setdefault(point.host, {})[tap] = point
    found: list[Lane] = []
    for host, own in by_host.items():
        placed = sorted(own, key=lambda tap: _rank(own[tap]))
        made = _folded(host, placed, own) if folded else [Lane(host, _label(own[tap]), (tap,)) for tap in placed]
        found += _mirrored(made, own) if found else made
    return tuple(found)


def seen_lanes(all_lanes: Iterable[Lane], taps: frozenset[int]) -> tuple[Lane, ...]:
    """Return the lanes that hold one of these taps."""
    return tuple(lane for lane in all_lanes if not taps.isdisjoint(lane.taps))


def lane_numbers(all_lanes: Sequence[Lane]) -> dict[int, int]:
    """Return the number of the lane that each tap is drawn at."""
    return {tap: number for number, lane in enumerate(all_lanes) for tap in lane.taps}


def _rank(point: TapPoint) -> int:
    return NIC if point.order == UNORDERED else point.order


def _label(point: TapPoint) -> str:
    return f"{point.container}/{point.interface}" if point.container else point.interface


def _mirrored(made: Iterable[Lane], own: Points) -> list[Lane]:
    """Return lanes with the NIC first; those of equal rank keep their order."""
    return sorted(made, key=lambda lane: -max(_rank(own[tap]) for tap in lane.taps))


def _folded(host: str, placed: Sequence[int], own: Points) -> list[Lane]:
    """Return the lanes of a host, ports and containers within the bridge's; without a bridge they share one."""
    bridges = [tap for tap in placed if own[tap].order == BRIDGE]
    inner = [tap for tap in placed if own[tap].order in (CONTAINER, PORT)]
    homes = {tap: _bridge_of(own[tap], bridges, own) for tap in inner}
    made = [Lane(host, _label(own[b]), (b, *(t for t in inner if homes[t] == b))) for b in bridges]
    if inner and not bridges:
        more = f"+{len(inner) - 1}" if len(inner) > 1 else ""
        made.append(Lane(host, _label(own[inner[0]]) + more, tuple(inner)))
    rest = [tap for tap in placed if tap not in inner and tap not in bridges]
    return [*made, *(Lane(host, _label(own[tap]), (tap,)) for tap in rest)]


def _bridge_of(point: TapPoint, bridges: Sequence[int], own: Points) -> int | None:
    """Return the bridge that a port or container stands at: the one behind which its addresses live."""
    behind = (tap for tap in bridges if point.addresses & own[tap].addresses)
    return next(behind, bridges[0] if bridges else None)


def way(view: JourneyView, numbers: Mapping[int, int], points: Points, error_ns: ErrorNs, owner: Owner = str) -> Way:
    """Return a packet's way.

    Args:
        view: the packet, with the times of one clock (see `Timing`).
        numbers: the lane of each tap, see `lane_numbers`; sightings elsewhere are left out.
        points: the capture's taps.
        error_ns: how wrong the times of a tap may be.
        owner: names the owner of a MAC address.
    """
    visits = list(_visits(view, numbers))
    stops: dict[int, Stop] = {}
    for lane, places in visits:
        stop = _stop(view, lane, places)
        stops[lane] = _joined(stops[lane], stop) if lane in stops else stop
    leaps = [
        Leap(a, b, brief(view.sightings[p[0]], view.sightings[q[0]], points, error_ns), _handed(view, q[0], owner))
        for (a, p), (b, q) in pairwise(visits)
    ]
    end = visits[-1][0] if visits else 0
    return Way(tuple(stops.values()), tuple(leaps), end, _heading(view, visits, leaps, points))


def _visits(view: JourneyView, numbers: Mapping[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each stay at a lane, with the places of its sightings."""
    known = ((numbers[s.tap], place) for place, s in enumerate(view.sightings) if s.tap in numbers)
    for lane, group in groupby(known, key=lambda pair: pair[0]):
        yield lane, [place for _, place in group]


def _stop(view: JourneyView, lane: int, places: Sequence[int]) -> Stop:
    ttls = dict.fromkeys(view.sightings[place].frame.ttl for place in places)
    changed = [changes(view.sightings[place - 1], view.sightings[place]) for place in places if place]
    pieces = max(pieces_at(view, place) for place in places)
    return Stop(lane, tuple(ttl for ttl in ttls if ttl >= 0), frozenset().union(*changed), pieces)


def _joined(before: Stop, again: Stop) -> Stop:
    ttls = tuple(dict.fromkeys((*before.ttls, *again.ttls)))
    return Stop(before.lane, ttls, before.changed | again.changed, max(before.pieces, again.pieces))


def _handed(view: JourneyView, place: int, owner: Owner) -> str:
    """Return whom a frame is sent to, where its addresses are others than at the tap before."""
    if not place or Change.MAC not in changes(view.sightings[place - 1], view.sightings[place]):
        return ""
    return owner(mac(view.sightings[place].frame.destination_mac))


def _heading(view: JourneyView, visits: Sequence[tuple[int, list[int]]], leaps: Sequence[Leap], points: Points) -> int:
    """Return where a packet goes: as it went last, else as it climbs to the wire or descends from it."""
    if leaps:
        return 1 if leaps[-1].end > leaps[-1].start else -1
    if not visits:
        return 1
    sighting = view.sightings[visits[-1][1][-1]]
    first = next(iter(points.values())).host
    return 1 if climbs(sighting, points[sighting.tap]) is (points[sighting.tap].host == first) else -1


def climbs(sighting: Sighting, point: TapPoint) -> bool:
    """Tell whether a packet is on its way from a container to the wire at a tap, and not from the wire to one."""
    return sighting.outbound is (_rank(point) in (CONTAINER, NIC))
