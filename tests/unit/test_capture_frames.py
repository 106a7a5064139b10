from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostgw.capture.describe import describe, destination, protocol, source
from hostgw.capture.frames import Frame, decode
from tests.unit.capture_frames import arp, echo, ethernet, frame, ipv4, ipv6, mac, number, tcp, udp


def test_echo_request() -> None:
    found = decode(frame(ipv4(1, echo(3, identifier=9), ttl=63)))
    assert (found.source_mac, found.destination_mac, found.ethertype, found.version) == (mac(1), mac(2), 0x0800, 4)
    assert (found.source, found.destination) == (number("10.239.0.2"), number("10.239.1.2"))
    assert (found.ttl, found.ip_id, found.length, found.protocol) == (63, 77, 68, 1)
    assert (found.kind, found.code, found.icmp_id, found.sequence, found.payload) == (8, 0, 9, 3, 40)
    assert describe(found) == "echo request id 9 seq 3"


def test_tcp_and_udp() -> None:
    segment = decode(frame(ipv4(6, tcp(40000, 80, 7, 8, 24, b"GET / HTTP/1.1"))))
    assert (segment.source_port, segment.destination_port) == (40000, 80)
    assert (segment.sequence, segment.ack, segment.flags, segment.payload) == (7, 8, 24, 14)
    datagram = decode(frame(ipv4(17, udp(5000, 53))))
    assert (datagram.source_port, datagram.destination_port, datagram.payload) == (5000, 53, 5)
    assert (datagram.sequence, datagram.flags, datagram.icmp_id) == (-1, -1, -1)


def test_ethernet_padding_is_no_payload() -> None:
    short = ipv4(17, udp(1, 2, b"hi"))
    assert decode(frame(short)).invariants == decode(frame(short) + b"\xaa" * 16).invariants


def test_vlan_tags() -> None:
    body = ipv4(1, echo(1))
    plain, tagged = decode(frame(body)), decode(ethernet(0x0800, body, tags=(0x6007,)))
    assert (plain.vlan, tagged.vlan) == (-1, 7)
    assert plain.invariants == tagged.invariants
    assert decode(ethernet(0x0800, body, tags=(3, 9))).vlan == 3


def test_ip_options_move_the_transport_header() -> None:
    found = decode(frame(ipv4(17, udp(5, 6), options=b"\x01" * 8)))
    assert (found.source_port, found.destination_port) == (5, 6)


def test_fragments() -> None:
    first = decode(frame(ipv4(17, udp(5, 6, b"a" * 1000), more=1)))
    later = decode(frame(ipv4(17, b"b" * 1000, offset=1008)))
    assert (first.source_port, first.more, first.fragment) == (5, 1, 0)
    assert (later.source_port, later.more, later.fragment) == (-1, 0, 1008)
    assert describe(later) == "fragment at 1008 of id 77"


def test_arp() -> None:
    found = decode(arp(1, "10.239.0.2", "10.239.0.1"))
    assert (found.ethertype, found.kind, found.version, found.ttl) == (0x0806, 1, -1, -1)
    assert (found.source, found.destination) == (number("10.239.0.2"), number("10.239.0.1"))
    assert describe(found) == "who has 10.239.0.1? tell 10.239.0.2"
    assert (source(found), destination(found), protocol(found)) == ("10.239.0.2", "10.239.0.1", "ARP")
    assert describe(decode(arp(2, "10.239.0.1", "10.239.0.2"))) == "10.239.0.1 is at 02:00:00:00:00:01"


@pytest.mark.parametrize("keep", [8, 20])
def test_icmp_error_quotes_the_packet_it_speaks_of(keep: int) -> None:
    inner = ipv4(6, tcp(40000, 80, 7), ttl=1, ip_id=99)
    error = struct.pack(">BBHI", 11, 0, 0, 0) + inner[: 20 + keep]
    found = decode(frame(ipv4(1, error, "10.5.7.61", "10.239.0.2")))
    assert found.quoted is not None
    assert (found.quoted.ip_id, found.quoted.source_port, found.quoted.sequence) == (99, 40000, 7)
    assert describe(found) == "time exceeded in transit: TCP 10.239.0.2 → 10.239.1.2"


def test_icmp_error_is_the_same_after_its_quote_was_translated() -> None:
    def error(inner_source: str, destination: str) -> tuple[int, ...]:
        inner = ipv4(17, udp(5, 6), inner_source, ip_id=99)
        return decode(frame(ipv4(1, struct.pack(">BBHI", 3, 1, 0, 0) + inner, "10.5.7.1", destination))).invariants

    assert error("10.5.7.60", "10.5.7.60") == error("10.239.0.2", "10.239.0.2")


def test_ipv6() -> None:
    found = decode(ethernet(0x86DD, ipv6(58, echo(2, v6=True))))
    assert (found.version, found.ttl, found.kind, found.sequence, found.ip_id) == (6, 64, 128, 2, 0x12345)
    assert source(found) == "fd00::2"
    behind = decode(ethernet(0x86DD, ipv6(0, bytes([17, 0]) + bytes(6) + udp(5, 6))))
    assert (behind.protocol, behind.source_port) == (17, 5)


def test_what_nat_and_routing_change_is_no_part_of_the_key() -> None:
    before = decode(frame(ipv4(1, echo(3, identifier=77))))
    after = decode(frame(ipv4(1, echo(3, identifier=15567), "10.5.7.60", ttl=63), 5, 6))
    assert before.invariants == after.invariants
    ports = [decode(frame(ipv4(17, udp(port, 9)))) for port in (5600, 43241)]
    assert ports[0].invariants == ports[1].invariants


@pytest.mark.parametrize("body", [ipv4(1, echo(1)), ipv4(6, tcp(1, 2, 3)), ipv4(17, udp(1, 2)), ipv6(17, udp(1, 2))])
def test_every_cut_of_a_frame_decodes(body: bytes) -> None:
    whole = ethernet(0x86DD if body[0] >> 4 == 6 else 0x0800, body)
    for length in range(len(whole)):
        found = decode(whole[:length])
        assert isinstance(found, Frame)
        assert describe(found)
        if length >= 14 + len(body) - len(body) + 40:
            assert found.version in (4, 6)


@given(st.binary(max_size=120))
def test_random_bytes_never_raise(data: bytes) -> None:
    found = decode(data)
    assert len(found.invariants) == 10
    describe(found), source(found), destination(found), protocol(found)


@given(
    st.sampled_from([0x0800, 0x86DD, 0x0806, 0x8100]),
    st.sampled_from([0x45, 0x4F, 0x41, 0x60]),
    st.sampled_from([0, 1, 6, 17, 43, 44, 58, 60]),
    st.binary(max_size=120),
)
def test_random_headers_never_raise(ethertype: int, first: int, inner: int, data: bytes) -> None:
    body = bytes([first]) + data[:8] + bytes([inner]) + data[8:]
    found = decode(ethernet(ethertype, body))
    describe(found)
    assert all(isinstance(value, int) for value in found.invariants)
