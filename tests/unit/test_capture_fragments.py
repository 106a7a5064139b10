"""Fragments, whole datagrams and other fragments of one packet are one journey; those of others are not."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, Change, JourneyView, changes
from tests.unit.capture_frames import echo, ethernet, fragmented, fragmented6, frame, ipv4, ipv6, tcp, udp

S = 1_000_000_000
TAPS = dict(enumerate([CONTAINER, PORT, BRIDGE, NIC, NIC, BRIDGE, PORT, CONTAINER]))
WAY = [(0, True, 64), (1, False, 64), (2, False, 64), (3, True, 63), (4, False, 63), (5, True, 62), (6, True, 62),
       (7, False, 62)]  # fmt: skip
WHOLE = 65535
LONG = echo(1, payload=bytes(range(250)) * 16)
NETFILTERED = (1500, 1500, WHOLE, 1500, 1500, 1500, 1500, 1500)
"""Facts 6.3: conntrack shows br0 the datagram whole."""

Event = tuple[int, int, bool, bytes]


def routed(packet: bytes, ttl: int) -> bytes:
    return packet[:8] + bytes([ttl]) + packet[9:]


def events(packet: bytes, mtus: tuple[int, ...] = NETFILTERED, start_ns: int = S) -> list[Event]:
    """Return what eight taps tell of a packet, each in frames of its own size."""
    return [
        (tap, start_ns + step * 10_000 + place, outbound, piece)
        for step, ((tap, outbound, ttl), mtu) in enumerate(zip(WAY, mtus, strict=True))
        for place, piece in enumerate(fragmented(routed(packet, ttl), mtu))
    ]


def told(found: list[Event]) -> Correlator:
    c = Correlator()
    for tap, time_ns, outbound, piece in found:
        c.add(tap, time_ns, outbound, decode(frame(piece)))
    return c


def views(c: Correlator) -> list[JourneyView]:
    return [c.view(journey, TAPS) for journey in c.newest(9999)]


@pytest.mark.parametrize(
    ("mtus", "pieces"),
    [
        (NETFILTERED, (3, 3, 1, 3, 3, 3, 3, 3)),
        ((WHOLE,) * 3 + (1500,) * 2 + (WHOLE,) * 3, (1, 1, 1, 3, 3, 1, 1, 1)),
        ((1500,) * 5 + (1000,) * 3, (3, 3, 3, 3, 3, 5, 5, 5)),
        ((1500,) * 8, (3,) * 8),
        ((WHOLE,) * 8, ()),
    ],
)
@pytest.mark.parametrize("body", [(1, LONG), (17, udp(5, 9, LONG)), (6, tcp(5, 9, 1, payload=LONG))])
def test_cut_and_put_together_on_the_way(
    mtus: tuple[int, ...], pieces: tuple[int, ...], body: tuple[int, bytes]
) -> None:
    (view,) = views(told(events(ipv4(*body), mtus)))
    assert [s.tap for s in view.sightings] == list(range(8))
    assert (view.pieces, view.partial) == (pieces, ())
    allowed = {Change.TTL}
    assert all(changes(a, b) <= allowed for a, b in zip(view.sightings, view.sightings[1:], strict=False))


@pytest.mark.parametrize("seed", range(20))
def test_order_of_arrival_does_not_matter(seed: int) -> None:
    """Each tap tells its frames in order, but hosts tell theirs when they like."""
    rng, queues = random.Random(seed), {}
    for event in events(ipv4(1, LONG)):
        queues.setdefault(event[0], []).append(event)
    mixed = []
    while queues:
        tap = rng.choice(list(queues))
        mixed.append(queues[tap].pop(0))
        if not queues[tap]:
            del queues[tap]
    (view,) = views(told(mixed))
    assert [s.tap for s in view.sightings] == list(range(8))
    assert (view.pieces, view.partial) == ((3, 3, 1, 3, 3, 3, 3, 3), ())
    assert all(s.frame.kind == 8 for s in view.sightings)


def test_last_fragment_first() -> None:
    """As some stacks send them: the first fragment stands for its passage all the same, and the answer is linked."""
    found = [e for tap in range(8) for e in reversed([e for e in events(ipv4(1, LONG)) if e[0] == tap])]
    c = told(found)
    answer = ipv4(1, echo(1, reply=True), "10.239.1.2", "10.239.0.2", ip_id=5)
    c.add(7, S + 200_000, True, decode(frame(answer)))
    request, reply = views(c)
    assert {s.frame.kind for s in request.sightings} == {8}
    assert (request.pieces[0], request.reply, reply.request) == (3, 2, 1)


def test_answer_in_fragments() -> None:
    back = ipv4(1, echo(1, reply=True, payload=LONG), "10.239.1.2", "10.239.0.2", ip_id=5)
    mirrored = [(7 - tap, time_ns, outbound, piece) for tap, time_ns, outbound, piece in events(back, start_ns=S + 900)]
    request, reply = views(told(events(ipv4(1, LONG)) + mirrored))
    assert (request.reply, reply.request) == (2, 1)


def test_what_is_missing_is_told() -> None:
    lost = [e for e in events(ipv4(1, LONG)) if not (e[0] >= 4 and decode(frame(e[3])).fragment == 1480)]
    (view,) = views(told(lost))
    assert view.partial == (False,) * 4 + (True,) * 4
    assert view.pieces == (3, 3, 1, 3, 2, 2, 2, 2)
    assert view.last.tap == 3


def test_translated_fragments() -> None:
    """Later fragments carry no ports and no ICMP id; two containers ping one machine through MASQUERADE."""
    c = Correlator()
    for n, source in enumerate(("10.239.0.2", "10.239.0.3")):
        inside = ipv4(1, echo(1, identifier=7, payload=LONG), source, "192.0.2.9", ip_id=100 + n)
        outside = ipv4(1, echo(1, identifier=900 + n, payload=LONG), "10.5.7.60", "192.0.2.9", ip_id=100 + n, ttl=63)
        for tap, outbound, packet, mtu in (
            (1, False, inside, 1500),
            (2, False, inside, WHOLE),
            (3, True, outside, 1500),
        ):
            for piece in fragmented(packet, mtu):
                c.add(tap, S + tap, outbound, decode(frame(piece)))
    assert [view.pieces for view in views(c)] == [(3, 1, 3)] * 2


def test_equal_ids_of_two_containers_are_never_mixed() -> None:
    """Through MASQUERADE later fragments of both look alike: what fits two journeys joins none."""
    c, truth = Correlator(), {}
    sources, serial = ("10.239.0.2", "10.239.0.3"), 0
    for tap, outbound, ttl in ((2, False, 64), (3, True, 63), (4, False, 63)):
        cut = [
            fragmented(ipv4(1, echo(1, identifier=7 + n, payload=bytes([n]) * 4000),
                            source if tap == 2 else "10.5.7.60", "192.0.2.9", ttl=ttl), 1500)
            for n, source in enumerate(sources)
        ]  # fmt: skip
        for place in range(3):
            for n in range(2):
                serial += 1
                truth[serial] = n
                c.add(tap, S + tap, outbound, decode(frame(cut[n][place])), serial)
    for view in views(c):
        assert len({truth[s.serial] for s in view.sightings}) == 1


def test_another_datagram_is_another_journey() -> None:
    base = fragmented(ipv4(1, LONG), 1500)
    others = [
        fragmented(ipv4(1, LONG, ip_id=78), 1500),
        fragmented(ipv4(17, udp(1, 2, LONG)), 1500),
        fragmented(ipv4(1, LONG, "10.239.0.9", "10.239.1.9", ttl=63), 1500),
        fragmented(ipv4(1, LONG, "10.239.0.9"), 1500),
        [ipv4(1, echo(2, payload=LONG))],
    ]
    for other in others:
        c = told([(2, S, False, piece) for piece in base] + [(3, S + 1, True, piece) for piece in other])
        assert c.count == 2


def test_the_same_datagram_twice_at_one_tap_is_a_second_packet() -> None:
    pieces = [(2, S + n, False, piece) for n in range(2) for piece in fragmented(ipv4(1, LONG), 1500)]
    found = views(told(pieces))
    assert len(found) == 2
    assert [view.pieces for view in found] == [(3,), (3,)]


def test_a_loop_of_fragments_is_one_journey() -> None:
    laps = [(3, S + n, n % 2 == 0, piece) for n in range(10) for piece in fragmented(ipv4(1, LONG, ttl=64 - n), 1500)]
    (view,) = views(told(laps))
    assert view.pieces == (3,) * 10


def test_ipv6_fragments_by_their_identification() -> None:
    c = Correlator()
    for n in range(2):
        packet = ipv6(58, echo(n, payload=LONG, v6=True))
        for tap, ttl in ((2, 64), (3, 63)):
            for piece in fragmented6(packet[:7] + bytes([ttl]) + packet[8:], 1500, 70 + n):
                c.add(tap, S, tap == 3, decode(ethernet(0x86DD, piece)))
    assert [view.pieces for view in views(c)] == [(3, 3)] * 2


def test_error_that_quotes_a_fragment() -> None:
    """Of a packet first seen whole: a router behind quotes what it got."""
    packet = ipv4(17, udp(5, 9, LONG))
    c = told([(2, S, False, packet)] + [(3, S + 1, True, piece) for piece in fragmented(routed(packet, 63), 1500)])
    quoted = fragmented(routed(packet, 63), 1500)[0][:28]
    error = struct.pack(">BBHI", 11, 0, 0, 0) + quoted
    c.add(3, S + 2, False, decode(frame(ipv4(1, error, "10.239.0.1", "10.239.0.2", ip_id=50))))
    assert [view.error for view in views(c)] == [2, 0]


def test_many_datagrams_none_joined_wrongly() -> None:
    rng, truth, found = random.Random(4), {}, []
    for n in range(400):
        source, mtus = f"10.239.0.{2 + n % 3}", rng.choice([NETFILTERED, (WHOLE,) * 3 + (1500,) * 5])
        packet = ipv4(17, udp(5600 + n % 2, 9, bytes(3000 + n % 5 * 8)), source, ip_id=1 + n // 3)
        found += [(n, event) for event in events(packet, mtus, S + n * 50_000)]
    c = Correlator()
    for serial, (n, (tap, time_ns, outbound, piece)) in enumerate(
        sorted(found, key=lambda e: (e[1][1] // 200_000, e[1]))
    ):
        truth[serial] = n
        c.add(tap, time_ns, outbound, decode(frame(piece)), serial)
    owners = [Counter(truth[s.serial] for s in view.sightings) for view in views(c)]
    assert all(len(owner) == 1 for owner in owners)
    assert c.count == 400
    assert all(not view.partial for view in views(c))


def test_fragments_without_end_are_bounded() -> None:
    c = Correlator(capacity=50)
    for n in range(3000):
        piece = ipv4(17, bytes(8), offset=8 * (n * 7 % 8000), more=1, ip_id=n % 5)
        c.add(n % 9, S + n, False, decode(frame(piece)))
    assert len(c._recut._datagrams) <= 50
    assert all(len(j.parts or ()) <= 300 for j in c.newest(99))
