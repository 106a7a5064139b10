from __future__ import annotations

import random
import struct
from collections import Counter

import pytest

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, Change, Verdict, changes
from hostgw.capture.verdicts import verdict
from tests.unit.capture_frames import arp, echo, ethernet, frame, ipv4, ipv6, tcp, udp

S = 1_000_000_000
WAY = [
    (0, True, 64, 1, 2), (1, False, 64, 1, 2), (2, False, 64, 1, 2), (3, True, 63, 3, 4),
    (4, False, 63, 3, 4), (5, True, 62, 5, 6), (6, True, 62, 5, 6), (7, False, 62, 5, 6),
]  # fmt: skip
"""Tap, outbound, TTL, source and destination MAC: facts 6.1."""
TAPS = dict(enumerate([CONTAINER, PORT, BRIDGE, NIC, NIC, BRIDGE, PORT, CONTAINER]))


def add(c: Correlator, tap: int, time_ns: int, outbound: bool, body: bytes, macs: tuple[int, int] = (1, 2)) -> int:
    return c.add(tap, time_ns, outbound, decode(frame(body, *macs)))


def walk(c: Correlator, time_ns: int, body: bytes, *, back: bool = False) -> set[int]:
    """Send a packet over all eight taps; return the numbers of the journeys it became."""
    found = set()
    for step, (tap, outbound, ttl, *macs) in enumerate(WAY):
        place = 7 - tap if back else tap
        routed = body[:8] + bytes([ttl]) + body[9:]
        found.add(add(c, place, time_ns + step * 10_000, outbound, routed, (macs[0], macs[1])))
    return found


def test_one_packet_over_eight_taps_is_one_journey_in_order() -> None:
    c = Correlator()
    assert walk(c, S, ipv4(1, echo(1))) == {1}
    assert walk(c, 2 * S, ipv4(1, echo(1, reply=True), "10.239.1.2", "10.239.0.2", ip_id=5), back=True) == {2}
    request, reply = (c.view(journey, TAPS) for journey in c.newest(2))
    assert [s.tap for s in request.sightings] == list(range(8))
    assert [s.tap for s in reply.sightings] == list(range(7, -1, -1))
    assert (request.reply, reply.request, request.request, reply.reply) == (2, 1, 0, 0)
    changed = [changes(a, b) for a, b in zip(request.sightings, request.sightings[1:], strict=False)]
    routed = {Change.MAC, Change.TTL}
    assert changed == [set(), set(), routed, set(), routed, set(), set()]


@pytest.mark.parametrize("seed", range(5))
def test_order_of_arrival_does_not_matter(seed: int) -> None:
    """Taps tell their frames in bursts, and an answer may be heard of before its request."""
    c, shuffled = Correlator(), random.Random(seed)
    request, reply = ipv4(1, echo(1)), ipv4(1, echo(1, reply=True), "10.239.1.2", "10.239.0.2", ip_id=5)
    events = []
    for step, (tap, outbound, ttl, *macs) in enumerate(WAY):
        for body, place, time_ns in ((request, tap, S + step), (reply, 7 - tap, S + 100 + step)):
            events.append((place, time_ns, outbound, body[:8] + bytes([ttl]) + body[9:], (macs[0], macs[1])))
    shuffled.shuffle(events)
    for event in events:
        add(c, *event)
    views = {view.first.frame.kind: view for view in (c.view(j, TAPS) for j in c.newest(9))}
    assert len(views) == c.count == 2
    assert [s.tap for s in views[8].sightings] == list(range(8))
    assert [s.tap for s in views[0].sightings] == list(range(7, -1, -1))
    assert (views[8].reply, views[0].request) == (views[0].number, views[8].number)


def test_order_without_topology_is_by_ttl_then_time() -> None:
    c = Correlator()
    walk(c, S, ipv4(1, echo(1)))
    (journey,) = c.newest(1)
    assert [s.frame.ttl for s in c.view(journey, {}).sightings] == [64, 64, 64, 63, 63, 62, 62, 62]


def test_equal_ttls_and_stamps_are_ordered_by_direction() -> None:
    """Inside one host the TTL stays; veth and bridge even share a stamp on the way in."""
    c = Correlator()
    bridged = [(0, True), (1, False), (6, True), (7, False)]
    for sequence, taps in enumerate(([(1, False), (2, False)], [(2, True), (1, True)], bridged)):
        for tap, outbound in reversed(taps):
            add(c, tap, S, outbound, ipv4(1, echo(sequence), ip_id=sequence + 1))
        assert [(s.tap, s.outbound) for s in c.view(next(c.newest(1)), TAPS).sightings] == taps


def test_clocks_of_two_hosts_do_not_disturb_the_order() -> None:
    c = Correlator()
    for tap, outbound, ttl, *macs in WAY:
        time_ns = S + tap * 1000 + (0 if tap < 4 else -900_000_000)
        add(c, tap, time_ns, outbound, ipv4(1, echo(1), ttl=ttl), (macs[0], macs[1]))
    assert [s.tap for s in c.view(next(c.newest(1)), TAPS).sightings] == list(range(8))


def test_masquerade_with_rewritten_icmp_id_and_port() -> None:
    c = Correlator()
    add(c, 2, S, False, ipv4(1, echo(1, identifier=77), "10.239.0.2", "192.0.2.9"))
    assert add(c, 3, S + 1, True, ipv4(1, echo(1, identifier=15567), "10.5.7.60", "192.0.2.9", ttl=63)) == 1
    back = echo(1, identifier=15567, reply=True)
    assert add(c, 3, S + 2, False, ipv4(1, back, "192.0.2.9", "10.5.7.60", ip_id=9)) == 2
    back = echo(1, identifier=77, reply=True)
    assert add(c, 2, S + 3, True, ipv4(1, back, "192.0.2.9", "10.239.0.2", ip_id=9, ttl=63)) == 2
    request, reply = (c.view(journey, TAPS) for journey in c.newest(2))
    assert (request.reply, reply.request) == (2, 1)
    assert changes(*request.sightings) == {Change.TTL, Change.SNAT, Change.ICMP_ID}
    assert changes(*reply.sightings) == {Change.TTL, Change.DNAT, Change.ICMP_ID}
    add(c, 2, S, False, ipv4(17, udp(5600, 9), "10.239.0.2", "192.0.2.9"))
    assert add(c, 3, S + 1, True, ipv4(17, udp(43241, 9), "10.5.7.60", "192.0.2.9", ttl=63)) == 3
    translated = c.get(3)
    assert translated is not None
    assert Change.PORT in changes(*c.view(translated, TAPS).sightings)


def test_reply_that_is_seen_only_where_the_request_was_translated() -> None:
    c = Correlator()
    add(c, 2, S, False, ipv4(1, echo(1, identifier=77), "10.239.0.2", "192.0.2.9"))
    add(c, 3, S + 1, True, ipv4(1, echo(1, identifier=99), "10.5.7.60", "192.0.2.9", ttl=63))
    add(c, 3, S + 2, False, ipv4(1, echo(1, identifier=99, reply=True), "192.0.2.9", "10.5.7.60", ip_id=9))
    request, reply = c.newest(2)
    assert (request.reply, reply.request) == (reply.number, request.number)


def test_two_flows_with_equal_payload_and_ip_id_zero_stay_apart() -> None:
    """Through MASQUERADE to one destination: only the kept source port tells them apart."""
    c = Correlator()
    flows = [("10.239.0.2", 5600), ("10.239.0.3", 5700)]
    for source, port in flows:
        add(c, 2, S, False, ipv4(17, udp(port, 9), source, "192.0.2.9", ip_id=0))
    for _, port in reversed(flows):
        add(c, 3, S + 1, True, ipv4(17, udp(port, 9), "10.5.7.60", "192.0.2.9", ip_id=0, ttl=63))
    for journey in c.newest(2):
        ports = {s.frame.source_port for s in journey.sightings}
        assert len(journey.sightings) == 2
        assert len(ports) == 1


def test_equal_packets_of_unrelated_ends_are_two_journeys() -> None:
    c = Correlator()
    add(c, 2, S, False, ipv4(17, udp(5, 9), "10.239.0.2", "192.0.2.9", ip_id=0))
    add(c, 3, S, True, ipv4(17, udp(5, 9), "10.239.0.3", "192.0.2.8", ip_id=0))
    assert c.count == 2


def test_same_packet_twice_at_one_tap_is_a_second_packet() -> None:
    c = Correlator()
    assert [add(c, 2, S + n, False, ipv4(17, udp(5, 9), ip_id=0)) for n in range(3)] == [1, 2, 3]
    assert [add(c, 3, S + n + 9, True, ipv4(17, udp(5, 9), ip_id=0, ttl=63)) for n in range(3)] == [1, 2, 3]
    assert c.ambiguous > 0


def test_hairpin_is_one_journey() -> None:
    c = Correlator()
    add(c, 3, S, False, ipv4(1, echo(1), "192.0.2.9", ttl=63))
    add(c, 3, S + 9, True, ipv4(1, echo(1), "10.5.7.60", ttl=62))
    (journey,) = c.newest(5)
    assert [s.outbound for s in c.view(journey, TAPS).sightings] == [False, True]


def test_a_loop_is_one_journey() -> None:
    c = Correlator()
    for lap in range(20):
        add(c, 3 + lap % 2, S + lap, lap % 2 == 0, ipv4(1, echo(1), ttl=64 - lap // 2))
    assert c.count == 1


def test_retransmission_has_a_new_ip_id() -> None:
    c = Correlator()
    for ip_id in (1, 2):
        add(c, 2, S + ip_id, False, ipv4(6, tcp(5, 80, 100, payload=b"data"), ip_id=ip_id))
    assert c.count == 2


def test_tcp_data_is_answered_by_its_acknowledgement() -> None:
    c = Correlator()
    add(c, 2, S, False, ipv4(6, tcp(40000, 80, 100, 5, 24, b"data"), ip_id=1))
    add(c, 2, S + 1, True, ipv4(6, tcp(80, 40000, 5, 100, 16), "10.239.1.2", "10.239.0.2", ip_id=2))
    add(c, 2, S + 2, True, ipv4(6, tcp(80, 40000, 5, 104, 16), "10.239.1.2", "10.239.0.2", ip_id=3))
    add(c, 2, S + 3, False, ipv4(6, tcp(41000, 80, 100, 0, 2), ip_id=0))
    add(c, 2, S + 4, True, ipv4(6, tcp(80, 41000, 7, 101, 18), "10.239.1.2", "10.239.0.2", ip_id=0))
    assert [j.reply for j in c.newest(5)] == [3, 0, 0, 5, 0]


def test_udp_answer_goes_the_other_way() -> None:
    c = Correlator()
    for n in range(3):
        add(c, 2, S + n, False, ipv4(17, udp(5000, 53, b"q%d" % n), ip_id=n + 1))
    add(c, 2, S + 5, True, ipv4(17, udp(53, 5000, b"a"), "10.239.1.2", "10.239.0.2"))
    assert [j.reply for j in c.newest(4)] == [0, 0, 4, 0]


def test_udp_answer_heard_first() -> None:
    c = Correlator()
    add(c, 3, S + 5, True, ipv4(17, udp(53, 5000, b"a"), "10.239.1.2", "10.239.0.2", ip_id=8))
    add(c, 2, S, False, ipv4(17, udp(5000, 53, b"q")))
    assert [j.reply for j in c.newest(4)] == [0, 1]


def test_datagrams_to_and_fro_through_snat() -> None:
    """The translated answer to one datagram must not pass for a question that the next one answers."""
    c = Correlator()
    for n in range(3):
        at, ip_id = S + n * 1000, 10 + n
        add(c, 2, at, False, ipv4(17, udp(5600, 53, b"q"), "10.239.0.2", "192.0.2.9", ip_id=ip_id))
        add(c, 3, at + 1, True, ipv4(17, udp(40000, 53, b"q"), "10.5.7.60", "192.0.2.9", ttl=63, ip_id=ip_id))
        add(c, 3, at + 5, False, ipv4(17, udp(53, 40000, b"a"), "192.0.2.9", "10.5.7.60", ip_id=50 + n))
        add(c, 2, at + 6, True, ipv4(17, udp(53, 5600, b"a"), "192.0.2.9", "10.239.0.2", ttl=63, ip_id=50 + n))
    assert [(j.request, j.reply) for j in c.newest(9)] == [(0, 2), (1, 0), (0, 4), (3, 0), (0, 6), (5, 0)]


def test_a_neighbour_solicitation_is_answered_by_an_advertisement() -> None:
    c = Correlator()
    target = bytes(15) + b"\x01"
    ask = ipv6(
        58, struct.pack(">BBHI", 135, 0, 0, 0) + target + b"\1\1" + bytes(6), "fd00::2", "ff02::1:ff00:1", ttl=255
    )
    say = ipv6(58, struct.pack(">BBHI", 136, 0, 0, 0) + target + b"\2\1" + bytes(6), "fd00::1", "fd00::2", ttl=255)
    c.add(0, S, True, decode(ethernet(0x86DD, ask)))
    c.add(0, S + 9, False, decode(ethernet(0x86DD, say)))
    assert [(j.request, j.reply) for j in c.newest(5)] == [(0, 2), (1, 0)]


def test_arp_is_recognised_and_answered() -> None:
    c = Correlator()
    for tap in (0, 1, 2):
        c.add(tap, S, tap == 0, decode(arp(1, "10.239.0.2", "10.239.0.1")))
    c.add(2, S + 9, True, decode(arp(2, "10.239.0.1", "10.239.0.2", 2)))
    request, reply = c.newest(5)
    assert (len(request.sightings), request.reply, reply.request) == (3, 2, 1)


def test_icmp_error_is_tied_to_its_packet_and_a_redirect_is_no_loss() -> None:
    c = Correlator()
    for place, kind in enumerate((11, 5)):
        probe = ipv4(1, echo(place), ttl=1, ip_id=place + 1)
        add(c, 2, S, False, probe)
        error = struct.pack(">BBHI", kind, 0, 0, 0) + probe
        add(c, 2, S + 1, True, ipv4(1, error, "10.239.0.1", "10.239.0.2", ip_id=50 + place))
    expired, told, redirected, hint = (c.view(journey, TAPS) for journey in c.newest(4))
    assert (expired.error, expired.reply, told.request) == (2, 0, 1)
    assert (redirected.error, redirected.reply, hint.request) == (0, 0, 3)
    assert verdict(expired, S, {}, 2 * S) is Verdict.LOST
    assert verdict(redirected, S, {}, 2 * S) is Verdict.IN_FLIGHT


def test_what_br_netfilter_translates_inside_a_bridge_is_one_packet() -> None:
    c = Correlator()
    answer = echo(1, reply=True)
    add(c, 1, S, False, ipv4(1, answer, "10.239.0.2", "10.239.0.1"))
    add(c, 2, S + 3, False, ipv4(1, answer, "10.239.0.2", "10.239.1.2"))
    add(c, 3, S + 9, True, ipv4(1, answer, "10.239.0.2", "10.239.1.2", ttl=63), (3, 4))
    (journey,) = c.newest(5)
    assert [s.tap for s in journey.sightings] == [1, 2, 3]
    add(c, 2, S + 20, False, ipv4(1, answer, "10.239.0.2", "10.239.1.9"), (8, 2))
    assert c.count == 2


def test_window_closes() -> None:
    c = Correlator()
    add(c, 2, S, False, ipv4(1, echo(1)))
    add(c, 3, 4 * S, True, ipv4(1, echo(1), ttl=63))
    assert c.count == 2


def test_nothing_grows_without_bound() -> None:
    c = Correlator(capacity=100)
    for n in range(1000):
        add(c, 2, S, False, ipv4(17, udp(5, 9), ip_id=0))
        add(c, 2, S, False, ipv4(17, udp(5, 9), ip_id=n))
    assert len(list(c.newest(10_000))) == 100
    assert len(c._ages) <= 100
    assert sum(map(len, c._open.values())) <= 100
    assert c.get(1) is None
    assert c.get(c.count) is not None


def test_a_clock_that_jumped_stops_nothing() -> None:
    c = Correlator(capacity=50)
    add(c, 1, 10**15 * S, False, ipv4(1, echo(1)))
    for n in range(200):
        add(c, 2, S, False, ipv4(1, echo(n), ip_id=n))
        assert add(c, 3, S, True, ipv4(1, echo(n), ip_id=n, ttl=63)) == c.count


def test_no_wrong_join_in_a_mixed_stream_with_masquerade() -> None:
    """Facts 7.2: two containers, identical payloads, equal ICMP ids and starting IP IDs, four taps each."""
    c, rng, truth = Correlator(), random.Random(1), {}
    events = []
    for n in range(3000):
        source, port = (("10.239.0.2", 5600), ("10.239.0.3", 5601))[n % 2]
        body = udp(port, 9, b"same") if n % 3 else echo(n // 2 & 0xFFFF, identifier=7 + n % 2, payload=b"same" * 8)
        kind = 17 if n % 3 else 1
        for tap, ttl, address in ((n % 2, 64, source), (2, 64, source), (3, 63, "10.5.7.60"), (4, 63, "10.5.7.60")):
            packet = ipv4(kind, body, address, "192.0.2.9", ttl=ttl, ip_id=n // 2 & 0xFFFF)
            events.append((S + n * 250_000 + tap * 1000 + rng.randrange(500), tap, n, packet))
    for serial, (time_ns, tap, n, packet) in enumerate(sorted(events)):
        truth[serial] = n
        c.add(tap, time_ns, tap == 3, decode(frame(packet)), serial)
    owners = [Counter(truth[s.serial] for s in journey.sightings) for journey in c.newest(9999)]
    assert c.count == 3000
    assert [owner for owner in owners if len(owner) != 1 or set(owner.values()) != {4}] == []
