"""Fragments of one IP datagram are one packet, whether a tap saw them, the whole datagram, or fragments of other sizes.

A router may cut a datagram on the way, and conntrack puts one together: with bridge-nf-call-iptables a bridge shows it
whole, before and after it fragments (net/ipv4/netfilter/nf_defrag_ipv4.c, net/bridge/br_netfilter_hooks.c). What
identifies it is protocol, identification and addresses (RFC 791, RFC 8200 4.5); later fragments carry no ports, so
where those of two datagrams could be meant, none is taken.
"""

from __future__ import annotations

from hostgw.capture.frames import ICMP, ICMPV6, TCP, UDP, Frame
from hostgw.capture.journeys import Journey, Sighting
from hostgw.capture.kinship import SAME, STRANGER, kinship, passage, seen_at

SMALLEST = 576
"""Every link carries datagrams of so many bytes whole (RFC 791); in practice no router cuts smaller ones."""
TOGETHER_NS = 250_000_000
"""Fragments of one datagram pass a tap within so long, also where a queue holds them up."""
_TRANSPORT = 4
"""Where in a frame's invariants the transport header begins; a first fragment has it as the whole datagram does."""
_HEADER = {ICMP: 8, ICMPV6: 8, UDP: 8}


def is_fragment(frame: Frame) -> bool:
    """Tell whether a frame holds part of a datagram."""
    return frame.more > 0 or frame.fragment > 0


def datagram(frame: Frame) -> int:
    """Return a number that all frames of a datagram share, or -1 when a frame is no fragment and never becomes one.

    A whole IPv6 packet has no identification; of IPv4, none that counts when it is 0 (RFC 6864).
    """
    if not is_fragment(frame) and (frame.version != 4 or frame.length <= SMALLEST or not frame.ip_id):
        return -1
    return frame.version << 40 | frame.protocol << 32 | frame.ip_id


def extent(frame: Frame) -> tuple[int, int]:
    """Return which bytes of the datagram's payload a frame holds."""
    start = max(frame.fragment, 0)
    if start:
        return start, start + frame.payload
    if frame.protocol == TCP:
        return 0, frame.length - (20 if frame.version == 4 else 48)
    return 0, frame.payload + _HEADER.get(frame.protocol, 0)


def total(frame: Frame) -> int:
    """Return how many bytes the datagram's payload has, as far as a frame tells, or 0."""
    return 0 if frame.more > 0 else extent(frame)[1]


def belongs(journey: Journey, sighting: Sighting) -> int:
    """Tell how sure it is that a frame is of a journey's datagram: STRANGER, TRANSLATED or SAME."""
    frame = sighting.frame
    if not (is_fragment(frame) or _in_fragments(journey)) or not _fits(journey, sighting):
        return STRANGER
    head = _head(journey)
    if not frame.fragment and head is not None and head.invariants[_TRANSPORT:] != frame.invariants[_TRANSPORT:]:
        return STRANGER
    kin = kinship(journey, sighting)
    unsure = not is_fragment(frame) and head is None
    return STRANGER if unsure and kin < SAME else kin


def _fits(journey: Journey, sighting: Sighting) -> bool:
    """Tell whether a frame lies within the datagram, and shows bytes that its passage has not shown yet."""
    start, end = extent(sighting.frame)
    size, told = journey.total, total(sighting.frame)
    if size and (end > size or told not in (0, size)):
        return False
    where = passage(sighting)
    parts = journey.parts.get(where) if journey.parts else None
    if parts is None:
        return seen_at(journey, where) is None
    return parts.fragments and not parts.shows(start, end) and abs(sighting.time_ns - parts.time_ns) <= TOGETHER_NS


def _in_fragments(journey: Journey) -> bool:
    return journey.parts is not None and any(parts.fragments for parts in journey.parts.values())


def _head(journey: Journey) -> Frame | None:
    """Return a frame of a journey that has the transport header."""
    return next((s.frame for s in journey.sightings if not s.frame.fragment), None)
