"""What became of a packet, judged by the taps that saw it, and by those that should have.

"Lost" is said only where a tap stands open that could not have missed the packet on its way, and no tap in question has
dropped frames about that time. Pure: taps and times come as arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hostgw.capture.frames import ARP, ECHO_REQUESTS, ICMP, ICMPV6, SOLICITATION, SYN, TCP, Frame
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, JourneyView, Sighting, Verdict
from hostgw.capture.tap_points import TapPoint

_ACK = 16


class TapSight(NamedTuple):
    """What a tap can tell."""

    point: TapPoint
    open: bool = True
    missed_ns: tuple[int, ...] = ()
    """When frames were dropped there, by the capture's time; only the newest of many."""


Taps = Mapping[int, TapSight]


def wants_answer(frame: Frame) -> bool:
    """Return whether silence after this packet means something: echo, ARP and neighbour requests, SYNs."""
    if frame.protocol == ICMPV6 and frame.kind == SOLICITATION:
        return frame.source != 0  # from no address, it asks that nobody answers (RFC 4862, 5.4)
    if frame.protocol in (ICMP, ICMPV6):
        return frame.kind in ECHO_REQUESTS
    if frame.ethertype == ARP:
        return frame.kind == 1 and frame.source != frame.destination
    return frame.protocol == TCP and frame.flags & (SYN | _ACK) == SYN


def verdict(view: JourneyView, now_ns: int, taps: Taps, window_ns: int) -> Verdict:
    """Judge a journey at a moment of the capture's time.

    Args:
        view: the journey.
        now_ns: the newest time that the taps have told.
        taps: what each tap of the capture can tell.
        window_ns: how long to wait for more.
    """
    if view.reply:
        return Verdict.ANSWERED
    here = arrived(view, taps)
    if view.error and not here:  # one that arrived was refused there, not lost
        return Verdict.LOST
    asks = wants_answer(view.first.frame)
    if now_ns - view.first.time_ns < window_ns and (asks or not here):
        return Verdict.IN_FLIGHT
    if here:
        gap = any(_passed_unseen(view, taps))
        return Verdict.UNANSWERED if asks else Verdict.GAP if gap else Verdict.DELIVERED
    should = tuple(_should_see(view.last, taps))
    if not should:
        return Verdict.UNANSWERED if asks else Verdict.UNKNOWN
    return Verdict.UNKNOWN if _blind(view, should, taps, window_ns) else Verdict.LOST


def arrived(view: JourneyView, taps: Taps) -> bool:
    """Tell whether all of a packet reached the namespace that holds its destination, as far as taps look into it."""
    partial = view.partial or (False,) * len(view.sightings)
    return any(not part and _is_at_end(sighting, taps) for sighting, part in zip(view.sightings, partial, strict=True))


def _is_at_end(sighting: Sighting, taps: Taps) -> bool:
    sight = taps.get(sighting.tap)
    if sight is None:
        return False
    target, point = sighting.frame.destination, sight.point
    if target in point.held and not sighting.outbound:
        return True
    if target not in point.addresses:
        return False
    return point.order == CONTAINER or (sighting.outbound and not any(_inner(target, point, taps)))


def _inner(target: int, point: TapPoint, taps: Taps) -> Iterator[TapSight]:
    """Yield the open taps of a host that stand nearer to a destination."""
    for sight in taps.values():
        other = sight.point
        if sight.open and other.host == point.host and other.order < point.order and target in other.addresses:
            yield sight


def _should_see(last: Sighting, taps: Taps) -> Iterator[TapSight]:
    """Yield the open taps that a packet would have had to pass after it was last seen."""
    sight, frame = taps.get(last.tap), last.frame
    if sight is None or frame.version != 4 or frame.destination_mac[:1] == b"" or frame.destination_mac[0] & 1:
        return
    home = sight.point
    local = frame.destination in home.near
    for other in taps.values():
        point = other.point
        if not other.open or other is sight:
            continue
        if frame.destination in point.addresses and (point.host == home.host) == local:
            if not local or point.order < BRIDGE:  # a bridge shows nothing of what goes between its own ports
                yield other
        elif point.host == home.host and point.only_exit and not local and _climbs(last, home):
            yield other


def _climbs(sighting: Sighting, point: TapPoint) -> bool:
    """Tell whether a packet is on its way out of a host, in front of the NIC."""
    return point.order != NIC and sighting.outbound is (point.order == CONTAINER)


def _passed_unseen(view: JourneyView, taps: Taps) -> Iterator[TapSight]:
    """Yield the open bridges that a routed packet passed without being seen there."""
    seen = {sighting.tap for sighting in view.sightings}
    ends = view.first.frame.source, view.last.frame.destination
    for tap, sight in taps.items():
        point = sight.point
        if point.order != BRIDGE or not sight.open or tap in seen or not point.addresses.intersection(ends):
            continue
        orders = {taps[s].point.order for s in seen if s in taps and taps[s].point.host == point.host}
        if NIC in orders and orders - {NIC}:
            yield sight


def _blind(view: JourneyView, should: tuple[TapSight, ...], taps: Taps, window_ns: int) -> bool:
    """Tell whether a tap in question dropped frames about that time; what is dropped is told within a second or so."""
    began, last = view.first.time_ns, taps.get(view.last.tap)
    sights = (*should, last) if last else should
    return any(abs(missed - began) <= window_ns for sight in sights for missed in sight.missed_ns)
