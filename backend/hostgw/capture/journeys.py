"""What taps saw of one packet: sightings, the journey they make up, what changed between them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from hostgw.capture.frames import Frame
from hostgw.capture.parts import Parts, Passage

CONTAINER, PORT, BRIDGE, NIC = range(4)
"""Order of a tap: how far it stands from the containers of its host. A packet that leaves climbs, one that arrives
descends."""
UNORDERED = -1
"""Order of a tap of which the topology says nothing."""


class Change(StrEnum):
    """What differs between a sighting and the one before."""

    MAC = "mac"
    TTL = "ttl"
    SNAT = "snat"
    DNAT = "dnat"
    PORT = "port"
    ICMP_ID = "icmp-id"


class Verdict(StrEnum):
    """What became of a packet, as far as the taps can tell."""

    IN_FLIGHT = "in-flight"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    LOST = "lost"
    GAP = "gap"
    UNKNOWN = "unknown"


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """One frame at one tap. `serial` numbers the capture's frames; bytes and dissection are found by it."""

    tap: int
    time_ns: int
    outbound: bool
    frame: Frame
    serial: int


class Journey(msgspec.Struct, gc=False):
    """The sightings of one packet as they come in; the correlator's own, see `JourneyView` for everybody else."""

    number: int
    sightings: list[Sighting]
    first_ns: int
    request: int = 0
    reply: int = 0
    error: int = 0
    ambiguous: int = 0
    passed: int = 0
    """A bit for each tap and direction."""
    start: int = 0
    """Of TCP data: the sequence number of its first byte."""
    size: int = 0
    """Of TCP data: bytes."""
    total: int = 0
    """Of an IP datagram that is, or may be, cut into fragments: bytes of its payload; 0 while nobody has told."""
    retransmission: bool = False
    parts: dict[Passage, Parts] | None = None
    """What each passage has shown, where the packet was or may be in several frames; all of it where nothing stands."""


class JourneyView(NamedTuple):
    """A journey at one moment: its sightings in the order of the way, and the journeys it answers or is answered by."""

    number: int
    sightings: tuple[Sighting, ...]
    request: int = 0
    """Number of the journey that this one answers, or 0."""
    reply: int = 0
    """Number of the journey that answers this one, or 0."""
    error: int = 0
    """Number of the journey of an ICMP error that speaks of this packet's end, or 0."""
    ambiguous: int = 0
    """Sightings that another packet could have claimed as well."""
    pieces: tuple[int, ...] = ()
    """Parallel to `sightings`: in how many frames the packet was at that tap; empty when it was one everywhere."""
    partial: tuple[bool, ...] = ()
    """Parallel to `sightings`: some of the packet was not seen there; empty when all of it was seen everywhere."""
    retransmission: bool = False
    """TCP data that had passed a tap before, in another packet."""

    @property
    def first(self) -> Sighting:
        """Return the sighting nearest to where the packet came from."""
        return self.sightings[0]

    @property
    def last(self) -> Sighting:
        """Return the sighting nearest to where the packet went, of those that saw all of it if one did."""
        whole = (s for s, part in zip(self.sightings[::-1], self.partial[::-1], strict=False) if not part)
        return next(whole, self.sightings[-1])


def changes(previous: Sighting, sighting: Sighting) -> frozenset[Change]:
    """Return what a packet underwent between two sightings."""
    a, b = previous.frame, sighting.frame
    whole = a.fragment <= 0 and b.fragment <= 0  # later fragments have no transport header
    found = {
        Change.MAC: (a.source_mac, a.destination_mac) != (b.source_mac, b.destination_mac),
        Change.TTL: a.ttl != b.ttl,
        Change.SNAT: a.source != b.source,
        Change.DNAT: a.destination != b.destination,
        Change.PORT: whole and (a.source_port, a.destination_port) != (b.source_port, b.destination_port),
        Change.ICMP_ID: whole and a.icmp_id != b.icmp_id,
    }
    return frozenset(change for change, differs in found.items() if differs)


def ordered(sightings: Iterable[Sighting], orders: Mapping[int, int]) -> tuple[Sighting, ...]:
    """Return sightings in the order of the way.

    TTL first, for it falls at every router. Between two routers a packet climbs to the wire and descends from it, which
    the direction at each tap tells; so no clocks are compared, except between taps of equal place. A journey that
    passed a tap of unknown order is put by TTL and time.
    """
    found = list(sightings)
    if any(orders.get(s.tap, UNORDERED) == UNORDERED for s in found):
        return tuple(sorted(found, key=lambda s: (-s.frame.ttl, s.time_ns, not s.outbound)))
    return tuple(sorted(found, key=lambda s: (-s.frame.ttl, *_place(s, orders[s.tap]), s.time_ns)))


def _place(sighting: Sighting, order: int) -> tuple[bool, int]:
    """Return whether a packet descends here, and how far it has come on its way up or down.

    On the host's side of a port and at the bridge, what comes in climbs; at NICs and inside containers, what goes out.
    """
    climbs = sighting.outbound is (order in (CONTAINER, NIC))
    return not climbs, order if climbs else -order
