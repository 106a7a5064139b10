"""Journeys made by hand over the taps of two hosts and an external one, for the tests of pictures."""

from __future__ import annotations

from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, JourneyView, Sighting
from hostgw.capture.tap_points import TapPoint
from tests.unit.capture_frames import echo, frame, ipv4, number

S = 1_000_000_000
C1, C2, EXT = "10.239.0.2", "10.239.1.2", "192.0.2.9"
BEHIND = {1: frozenset({number(C1)}), 2: frozenset({number(C2)})}


def host(name: str, first: int, behind: frozenset[int], ns: int) -> dict[int, TapPoint]:
    """The taps of a host from NIC to container, as `tap_points` orders them."""
    return {
        first: TapPoint(name, 0, 2, "eth0", order=NIC, underlay=True),
        first + 1: TapPoint(name, 0, 3, "br0", order=BRIDGE, bridge=True, addresses=behind),
        first + 2: TapPoint(name, 0, 7, "veth-c1", order=PORT, addresses=behind),
        first + 3: TapPoint(name, ns, 2, "eth0", container="c1", order=CONTAINER, addresses=behind),
    }


POINTS = host("vm1", 0, BEHIND[1], 1) | host("vm2", 4, BEHIND[2], 1) | {8: TapPoint("ext", 0, 2, "eth0", order=NIC)}
NIC1, BR1, VETH1, IN1, NIC2, BR2, VETH2, IN2, NIC3 = range(9)
MACS = {IN1: (1, 2), VETH1: (1, 2), BR1: (1, 2), NIC1: (3, 4), NIC2: (3, 4), BR2: (5, 6), VETH2: (5, 6), IN2: (5, 6)}
OUT = (IN1, NIC1, BR2, VETH2)
"""Where a packet from vm1's container to vm2's goes out; elsewhere it comes in."""


def seen(
    tap: int, micros: int, ttl: int, *, out: bool, macs: tuple[int, int], source: str = C1, destination: str = C2,
    identifier: int = 77, reply: bool = False, sequence: int = 1,
) -> Sighting:  # fmt: skip
    """An echo at a tap."""
    body = echo(sequence, identifier=identifier, reply=reply)
    made = decode(frame(ipv4(1, body, source, destination, ttl=ttl), *macs))
    return Sighting(tap, S + micros * 1000, out, made, tap + 1)


def there(number: int = 1, upto: int = 8, **more: int) -> JourneyView:
    """From vm1's container to vm2's, over all eight taps or the first of them."""
    way = ((IN1, 0, 64), (VETH1, 9, 64), (BR1, 9, 64), (NIC1, 57, 63), (NIC2, 70, 63), (BR2, 94, 62), (VETH2, 95, 62),
           (IN2, 111, 62))  # fmt: skip
    sightings = tuple(seen(tap, us, ttl, out=tap in OUT, macs=MACS[tap]) for tap, us, ttl in way[:upto])
    return JourneyView(number, sightings, **more)


def back(number: int = 2, request: int = 1) -> JourneyView:
    """The answer, at bridges and NICs."""
    way = ((BR2, 130, 64, (6, 5)), (NIC2, 142, 63, (4, 3)), (NIC1, 155, 63, (4, 3)), (BR1, 160, 62, (2, 1)))
    sightings = tuple(
        seen(tap, us, ttl, out=tap in (NIC2, BR1), macs=macs, source=C2, destination=C1, reply=True)
        for tap, us, ttl, macs in way
    )
    return JourneyView(number, tuple(s.__class__(s.tap, s.time_ns, s.outbound, s.frame, 20 + s.tap) for s in sightings),
                       request)  # fmt: skip


def outside() -> JourneyView:
    """To the external host, with SNAT at the NIC."""
    inner = seen(BR1, 0, 64, out=False, macs=(1, 2), destination=EXT)
    sent = seen(NIC1, 254, 63, out=True, macs=(3, 9), source="10.5.7.60", destination=EXT, identifier=99)
    came = seen(NIC3, 277, 62, out=False, macs=(8, 9), source="10.5.7.60", destination=EXT, identifier=99)
    return JourneyView(5, (inner, sent, came))
