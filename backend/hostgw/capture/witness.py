"""What the kernel says of packets it dropped, and which of it fits a lost packet. Pure.

The tracepoint names neither packet nor namespace, and it is the machine's: a drop counts only where it comes from the
host that saw the packet last, soon after that, and for a reason that there can be; it is never more than likely.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from hostgw.capture.journeys import NIC, Sighting
from hostgw.capture.tap_points import TapPoint

SOON_NS: Final = 50_000_000
"""What is not dropped for lack of a neighbour is dropped at once; the rest is for stamps of several CPUs."""
BEFORE_NS: Final = 1_000_000
NEIGHBOUR_NS: Final = 5_000_000_000
"""ARP is tried three times, a second apart (arp(7), mcast_solicit and ucast_solicit)."""


class Dropped(NamedTuple):
    """One packet that a kernel dropped."""

    host: str
    time_ns: int
    """By the clock of the capture, as sightings have it."""
    reason: str
    """As the kernel calls it (include/net/dropreason-core.h)."""
    place: str
    """The kernel's function."""


WORDS: Final = {
    "NETFILTER_DROP": "a filter rule drops it",
    "IP_RPFILTER": "the reverse path filter (rp_filter) drops it: its source would be answered by another device",
    "IP_INADDRERRORS": "it is not forwarded: forwarding is off, or its address has no route",
    "IP_OUTNOROUTES": "there is no route for it",
    "IP_INNOROUTES": "there is no route for it",
    "IP_INHDR": "its header is refused, or its TTL is used up",
    "IP_CSUM": "its IP checksum is wrong",
    "IP_NOPROTO": "nobody there speaks its protocol",
    "IP_LOCAL_SOURCE": "its source is an address of the host itself",
    "IP_INVALID_SOURCE": "its source address is no valid one",
    "IP_INVALID_DEST": "its destination is no valid one",
    "NEIGH_FAILED": "nobody answers ARP for its next hop",
    "NEIGH_QUEUEFULL": "too many packets wait for the answer to ARP for its next hop",
    "NEIGH_DEAD": "the neighbour entry of its next hop went away",
    "PKT_TOO_BIG": "it is too long for the MTU",
    "PKT_TOO_SMALL": "it is cut",
    "QDISC_DROP": "the queue of the device is full",
    "FULL_RING": "the queue of the device is full",
    "TC_INGRESS": "a tc filter drops it as it comes in",
    "TC_EGRESS": "a tc filter drops it as it goes out",
    "XDP": "an XDP program drops it",
    "CPU_BACKLOG": "the host is too slow: its backlog is full",
    "DEV_READY": "the device is not up",
    "UDP_CSUM": "its UDP checksum is wrong",
    "TCP_CSUM": "its TCP checksum is wrong",
    "SOCKET_RCVBUFF": "the program reads too slowly: its buffer is full",
    "BRIDGE_INGRESS_STP_STATE": "the port of the bridge does not forward",
    "NOMEM": "the host has no memory left for it",
}
"""A reason in words; others are told by their own name."""
NEIGHBOUR: Final = frozenset({"NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_DEAD", "NEIGH_CREATEFAIL"})
BEHIND_THE_NIC: Final = frozenset({"QDISC_DROP", "FULL_RING", "TC_EGRESS", "DEV_READY", "PKT_TOO_BIG", "NOMEM", "XDP"})
"""What can still happen on a host to a packet that was seen leaving it."""


def fitting(dropped: Iterable[Dropped], last: Sighting, point: TapPoint) -> Dropped | None:
    """Return the drop that fits a packet which was seen last at a tap; of several the one nearest in time."""
    left = last.outbound and point.order == NIC
    found = [
        drop
        for drop in dropped
        if drop.host == point.host
        and -BEFORE_NS <= drop.time_ns - last.time_ns <= (NEIGHBOUR_NS if drop.reason in NEIGHBOUR else SOON_NS)
        and (not left or drop.reason in BEHIND_THE_NIC)
    ]
    return min(found, key=lambda drop: abs(drop.time_ns - last.time_ns), default=None)


def said(drop: Dropped) -> str:
    """Return a drop in words."""
    words = WORDS.get(drop.reason, "the kernel drops it")
    return f"likely {words} ({drop.reason} in {drop.place} on {drop.host})"
