"""TCP data that offloading cuts and merges on its way is known by its bytes; what is sent again is another packet."""

from __future__ import annotations

import random

import pytest

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, Change, JourneyView, changes
from hostgw.capture.ranges import ahead, block_keys, gaps, in_line
from tests.unit.capture_frames import fragmented, frame, ipv4, segmented, tcp

S, MSS = 1_000_000_000, 1448
TAPS = dict(enumerate([CONTAINER, PORT, BRIDGE, NIC, NIC, BRIDGE, PORT, CONTAINER]))
WAY = [(0, True, 64), (1, False, 64), (2, False, 64), (3, True, 63), (4, False, 63), (5, True, 62), (6, True, 62),
       (7, False, 62)]  # fmt: skip
BIG = MSS * 45
WHOLE, CUT, MERGED = BIG, MSS, MSS * 17
GSO_OFF = (WHOLE,) * 3 + (CUT,) * 5
GRO = (WHOLE,) * 3 + (CUT,) * 2 + (MERGED,) * 3
SENDER_OFF = (CUT,) * 4 + (WHOLE,) * 4

Event = tuple[int, int, bool, bytes]


def data(size: int = BIG, sequence: int = 1000, ip_id: int = 100) -> bytes:
    return ipv4(6, tcp(40000, 80, sequence, 7, payload=bytes(size)), ip_id=ip_id)


def cut(packet: bytes, size: int) -> list[bytes]:
    """Return frames of at most `size` bytes of data, with the identifications that segments of one MSS have."""
    found = segmented(packet, size)
    (first,) = {int.from_bytes(packet[4:6], "big")}
    steps = [(first + n * (size // MSS)) % 2**16 for n in range(len(found))]
    return [each[:4] + step.to_bytes(2, "big") + each[6:] for each, step in zip(found, steps, strict=True)]


def events(packet: bytes, sizes: tuple[int, ...], start_ns: int = S) -> list[Event]:
    return [
        (tap, start_ns + step * 10_000 + place, outbound, piece[:8] + bytes([ttl]) + piece[9:])
        for step, ((tap, outbound, ttl), size) in enumerate(zip(WAY, sizes, strict=True))
        for place, piece in enumerate(cut(packet, size))
    ]


def told(found: list[Event]) -> Correlator:
    c = Correlator()
    for tap, time_ns, outbound, piece in found:
        c.add(tap, time_ns, outbound, decode(frame(piece)))
    return c


def views(c: Correlator) -> list[JourneyView]:
    return [c.view(journey, TAPS) for journey in c.newest(9999)]


def complete(view: JourneyView) -> bool:
    return [s.tap for s in view.sightings] == list(range(8)) and not view.partial and not view.retransmission


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [(GSO_OFF, (1, 1, 1, 45, 45, 45, 45, 45)), (GRO, (1, 1, 1, 45, 45, 3, 3, 3)), ((WHOLE,) * 8, ())],
)
def test_one_frame_becomes_many(sizes: tuple[int, ...], pieces: tuple[int, ...]) -> None:
    (view,) = views(told(events(data(), sizes)))
    assert complete(view)
    assert view.pieces == pieces
    assert all(changes(a, b) <= {Change.TTL} for a, b in zip(view.sightings, view.sightings[1:], strict=False))


def test_many_become_one() -> None:
    """Each of the packets passed the taps where they were one frame: it is a sighting of all."""
    found = views(told(events(data(), SENDER_OFF)))
    assert len(found) == 45
    assert all(complete(view) and not view.pieces for view in found)


def test_boundaries_need_not_align() -> None:
    """What is received is merged as it comes: across what the sender took for two packets."""
    first, second = data(BIG), data(BIG, 1000 + BIG, 145)
    merged = [data(30 * MSS, 1000 + n * 30 * MSS, 100 + n * 30) for n in range(3)]
    found = [e for packet in (first, second) for e in events(packet, GSO_OFF) if e[0] < 5]
    found += [
        (tap, S + 90_000, outbound, piece[:8] + bytes([ttl]) + piece[9:])
        for tap, outbound, ttl in WAY[5:]
        for piece in merged
    ]
    one, two = views(told(found))
    assert complete(one)
    assert complete(two)
    assert (one.pieces[-1], two.pieces[-1]) == (2, 2)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sizes", [GSO_OFF, GRO, SENDER_OFF])
def test_order_of_arrival_leaves_nothing_incomplete(seed: int, sizes: tuple[int, ...]) -> None:
    """How many packets they become depends on what is heard of first; every byte is seen at every tap all the same."""
    rng, queues = random.Random(seed), {}
    packets = [data(BIG, 1000 + n * BIG, 100 + n * 45) for n in range(2)]
    for event in (e for n, packet in enumerate(packets) for e in events(packet, sizes, S + n * 1000)):
        queues.setdefault(event[0], []).append(event)
    mixed: list[Event] = []
    while queues:
        tap = rng.choice(list(queues))
        burst = rng.randrange(1, 50)
        mixed += queues[tap][:burst]
        queues[tap] = queues[tap][burst:]
        if not queues[tap]:
            del queues[tap]
    c = told(mixed)
    assert all(complete(view) for view in views(c))
    assert sum(journey.size for journey in c.newest(9999)) == 2 * BIG


def test_sequence_numbers_wrap() -> None:
    (view,) = views(told(events(data(BIG, 2**32 - 5000, 65530), GRO)))
    assert complete(view)


def test_through_masquerade() -> None:
    c = Correlator()
    inside, outside = data(), ipv4(6, tcp(61000, 80, 1000, 7, payload=bytes(BIG)), "10.5.7.60", ip_id=100, ttl=63)
    c.add(2, S, False, decode(frame(inside)))
    for piece in cut(outside, MSS):
        c.add(3, S + 1, True, decode(frame(piece[:8] + b"?" + piece[9:])))
    (view,) = views(c)
    assert view.pieces == (1, 45)


def test_another_flow_with_equal_numbers_is_another_packet() -> None:
    for source, destination, ports, ttl in (
        ("10.239.0.9", "10.239.1.2", (40000, 80), 64),
        ("10.239.0.2", "10.239.1.2", (40001, 80), 64),
        ("10.239.0.9", "10.239.1.9", (40000, 80), 63),
        ("10.239.0.9", "10.239.1.2", (40000, 81), 63),
    ):
        packet = ipv4(6, tcp(*ports, 1000, 7, payload=bytes(MSS)), source, destination, ip_id=100, ttl=ttl)
        assert told([(2, S, False, data()), (3, S + 1, True, packet)]).count == 2


def test_what_is_sent_again_is_a_packet_of_its_own() -> None:
    """One segment of many is lost between the hosts, and comes again with a new identification."""
    lost = 1000 + 7 * MSS
    found = [e for e in events(data(), GSO_OFF) if not (e[0] >= 4 and decode(frame(e[3])).sequence == lost)]
    again = events(data(MSS, lost, 260), (CUT,) * 8, S + 50_000_000)
    first, second = views(told(found + again))
    assert first.partial == (False,) * 4 + (True,) * 4
    assert (first.last.tap, first.retransmission) == (3, False)
    assert [s.tap for s in second.sightings] == list(range(8))
    assert (second.partial, second.pieces, second.retransmission) == ((), (), True)


def test_several_segments_sent_again_in_one_frame() -> None:
    again = events(data(3 * MSS, 1000 + 7 * MSS, 260), GSO_OFF, S + 50_000_000)
    first, second = views(told(events(data(), GSO_OFF) + again))
    assert complete(first)
    assert second.retransmission
    assert (second.pieces, second.partial) == ((1, 1, 1, 3, 3, 3, 3, 3), ())


def test_small_segments_sent_again() -> None:
    c = Correlator()
    for ip_id in (1, 2, 3):
        c.add(2, S + ip_id, False, decode(frame(ipv4(6, tcp(5, 80, 100, payload=b"data"), ip_id=ip_id))))
        c.add(3, S + ip_id, True, decode(frame(ipv4(6, tcp(5, 80, 100, payload=b"data"), ip_id=ip_id, ttl=63))))
    assert [view.retransmission for view in views(c)] == [False, True, True]
    assert all(len(view.sightings) == 2 for view in views(c))


def test_the_same_frame_twice_is_a_second_packet_but_no_retransmission() -> None:
    found = views(told([(2, S, False, data()), (2, S + 1, False, data())]))
    assert [view.retransmission for view in found] == [False, False]


def test_acknowledgement_of_all_answers() -> None:
    c = told(events(data(), GSO_OFF))
    for ack in (1000 + 10 * MSS, 1000 + BIG):
        answer = ipv4(6, tcp(80, 40000, 7, ack), "10.239.1.2", "10.239.0.2", ip_id=ack % 999)
        c.add(7, S + 200_000, True, decode(frame(answer)))
    assert views(c)[0].reply == 3


def test_segments_in_fragments() -> None:
    """A router cuts what may be cut: TCP without path MTU discovery."""
    c = Correlator()
    packet = data(MSS)
    c.add(2, S, False, decode(frame(packet)))
    for piece in fragmented(packet[:8] + b"?" + packet[9:], 1000):
        c.add(3, S + 1, True, decode(frame(piece)))
    assert [view.pieces for view in views(c)] == [(1, 2)]


def test_identifications_in_line() -> None:
    def segment(offset: int, ip_id: int) -> bytes:
        return frame(data(MSS, (5000 + offset) % 2**32, ip_id % 2**16))

    base = decode(segment(0, 65535))
    right = [(0, 0), (MSS, 1), (10 * MSS, 10), (-3 * MSS, -3), (MSS, 0)]
    wrong = [(0, 1), (MSS, 3), (MSS, -1), (10 * MSS, 11), (-3 * MSS, 3), (MSS, 1000)]
    assert [in_line(base, decode(segment(at, 65535 + step))) for at, step in right] == [True] * 5
    assert [in_line(base, decode(segment(at, 65535 + step))) for at, step in wrong] == [False] * 6


def test_blocks_and_gaps() -> None:
    assert list(block_keys(2**32 - 1, 2)) == [2**18 - 1, 0]
    assert [len(list(block_keys(at, 65212))) for at in (0, 16383)] == [4, 5]
    assert (ahead(5, 2**32 - 5), ahead(2**32 - 5, 5)) == (10, -10)
    assert list(gaps(10, [(4, 6), (-3, 2), (5, 12)])) == [(2, 4)]
    assert list(gaps(10, [])) == [(0, 10)]


def test_data_without_end_is_bounded() -> None:
    c, rng = Correlator(capacity=50), random.Random(1)
    for n in range(3000):
        size = rng.randrange(1, 3000)
        c.add(n % 9, S + n, False, decode(frame(data(size, rng.randrange(20_000), rng.randrange(50)))))
    assert len(c._recut._ranges) <= 100
