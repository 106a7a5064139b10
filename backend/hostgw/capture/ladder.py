"""A packet and what answers it in one picture: every tap on the way there and back, and what had changed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from hostgw.capture.clocks import UNKNOWN, Timing
from hostgw.capture.describe import address, mac
from hostgw.capture.journey_rows import ErrorNs, Owner, duration, elapsed, one_stamp, pieces_at
from hostgw.capture.journeys import Change, JourneyView, Sighting, changes
from hostgw.capture.tap_points import TapPoint


class Role(StrEnum):
    """What a packet is within an exchange."""

    REQUEST = "request"
    REPLY = "reply"
    ERROR = "error"


class Exchanged(NamedTuple):
    """A packet, its answer and the ICMP error about it, as far as there are any; all with the times of one clock."""

    packets: tuple[tuple[Role, JourneyView], ...]
    errors: Mapping[int, int]
    """By tap: how wrong its times may be against those of the host where the request begins."""

    @property
    def taps(self) -> frozenset[int]:
        """All taps that saw any of it."""
        return frozenset(s.tap for _, view in self.packets for s in view.sightings)

    def error_ns(self, tap: int) -> int:
        """Return how wrong the times of a tap may be."""
        return self.errors.get(tap, UNKNOWN.error_ns)


class Rung(NamedTuple):
    """A packet's arrival at a tap."""

    role: Role
    packet: int
    """Its number."""
    place: int
    """Which of its sightings."""
    sighting: Sighting
    start: int | None
    """The tap it comes from; None for the first."""
    since_ns: int
    """Since the request was first seen."""
    delta: str
    """Since the tap before, with the clocks' error; see `hop_rows`."""
    changed: tuple[str, ...]
    """What changed on the way from there, in words."""
    pieces: int = 1


class Source(Protocol):
    """What is asked of a capture."""

    def journey(self, number: int, /) -> JourneyView | None:
        """Return a journey that is still kept."""

    def timing(self, view: JourneyView, /) -> Timing:
        """Return the times of a journey and of what it answers or is answered by."""


def exchanged(source: Source, view: JourneyView, points: Mapping[int, TapPoint]) -> Exchanged:
    """Return what belongs to a packet, whichever of the three the packet is."""
    request = (source.journey(view.request) if view.request else None) or view
    numbers = sorted({request.reply, request.error, view.number} - {0, request.number})
    others = [found for number in numbers if (found := view if number == view.number else source.journey(number))]
    told = source.timing(others[0] if others and not request.reply else request)
    timing = _rebased(told, request.first, points)
    errors = dict(timing.errors)
    packets = [(Role.REQUEST, timing.applied(request))]
    for packet in others:
        role = Role.ERROR if packet.first.frame.quoted is not None else Role.REPLY
        packets.append((role, _timed(source, request, packet, timing, errors, points)))
    return Exchanged(tuple(packets), errors)


def _timed(
    source: Source,
    request: JourneyView,
    packet: JourneyView,
    timing: Timing,
    errors: dict[int, int],
    points: Mapping[int, TapPoint],
) -> JourneyView:
    """Return a packet by the clock of the host where its request begins; what is not told by it is shifted to it."""
    if all(sighting.serial in timing.times for sighting in packet.sightings):
        return timing.applied(packet)
    own = _rebased(source.timing(packet), request.first, points)
    first = request.first
    shift = timing.times.get(first.serial, first.time_ns) - own.times.get(first.serial, first.time_ns)
    for tap, error in own.errors.items():
        errors.setdefault(tap, error)
    return Timing({serial: time + shift for serial, time in own.times.items()}, own.errors).applied(packet)


def _rebased(timing: Timing, first: Sighting, points: Mapping[int, TapPoint]) -> Timing:
    """Return times with their errors against the host where the request begins; at worst those of both add up."""
    home = points[first.tap].host
    at_home = timing.error_ns(first.tap)
    errors = {tap: 0 if points[tap].host == home else error + at_home for tap, error in timing.errors.items()}
    return Timing(timing.times, errors)


def rungs(found: Exchanged, points: Mapping[int, TapPoint], owner: Owner) -> list[Rung]:
    """Return every arrival at a tap: of the request, then of what came back."""
    began = found.packets[0][1].first.time_ns
    return [rung for role, view in found.packets for rung in _packet(role, view, began, points, owner, found.error_ns)]


def _packet(
    role: Role, view: JourneyView, began: int, points: Mapping[int, TapPoint], owner: Owner, error_ns: ErrorNs
) -> Iterator[Rung]:
    previous: Sighting | None = None
    for place, here in enumerate(view.sightings):
        delta, changed = "", tuple[str, ...]()
        if previous is not None:
            told = elapsed(previous, here, points, error_ns)
            delta = "=" if one_stamp(previous, here, points) else told
            changed = tuple(changed_words(previous, here, owner))
        start = previous.tap if previous else None
        since = here.time_ns - began
        yield Rung(role, view.number, place, here, start, since, delta, changed, pieces_at(view, place))
        previous = here


def changed_words(before: Sighting, here: Sighting, owner: Owner) -> Iterator[str]:
    """Yield what changed between two taps, with both values."""
    a, b, found = before.frame, here.frame, changes(before, here)
    if Change.TTL in found:
        yield f"TTL {a.ttl}→{b.ttl}"
    if Change.MAC in found:
        yield f"MAC {owner(mac(b.source_mac))}→{owner(mac(b.destination_mac))}"
    if Change.SNAT in found:
        yield f"SNAT {address(a.source, a.version)}→{address(b.source, b.version)}"
    if Change.DNAT in found:
        yield f"DNAT {address(a.destination, a.version)}→{address(b.destination, b.version)}"
    if Change.PORT in found:
        yield f"port {a.source_port}:{a.destination_port}→{b.source_port}:{b.destination_port}"
    if Change.ICMP_ID in found:
        yield f"ICMP id {a.icmp_id}→{b.icmp_id}"


def clock_words(found: Exchanged, points: Mapping[int, TapPoint]) -> str:
    """Return how wrong the times of each other host may be; empty when there is one host."""
    home = points[found.packets[0][1].first.tap].host
    by_host = {points[tap].host: found.error_ns(tap) for tap in sorted(found.taps) if points[tap].host != home}
    told = (f"{host} ±{'?' if error >= UNKNOWN.error_ns else duration(error)}" for host, error in by_host.items())
    return f"by {home}'s clock; " + ", ".join(told) if by_host else ""
