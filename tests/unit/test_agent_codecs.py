"""The agent's codecs and parsers, without root: bytes in, rows out, and never an exception that ends it."""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw import wire
from hostgw.agent import links, names, neighbours, netlink, routes, stream
from hostgw.model.kernel import Route

ADDRESS = st.integers(1, 0xFFFFFFFE).map(lambda number: socket.inet_ntoa(number.to_bytes(4, "big")))
U32 = st.integers(0, 0xFFFFFFFF)


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)), st.integers(0, 3))
def test_attributes_round_trip(values: dict[int, bytes], skip: int) -> None:
    data = bytes(4 * skip) + b"".join(netlink.attribute(kind, value) for kind, value in values.items())
    assert netlink.attributes(data, 4 * skip) == values


@given(st.binary(max_size=200))
def test_broken_messages_do_not_raise(data: bytes) -> None:
    netlink.attributes(data, 0)
    for message, _ in netlink.split(data):
        routes.parse(message.body)
    routes.parse(data)
    routes._hops(data)


ROUTE = st.builds(
    lambda **fields: fields,
    dst=st.builds(
        lambda a, n: f"{socket.inet_ntoa((a >> (32 - n) << (32 - n) if n else 0).to_bytes(4, 'big'))}/{n}",
        U32,
        st.integers(0, 32),
    ),
    table=st.integers(1, 0xFFFFFFFF).filter(lambda number: number != 255),
    type=st.sampled_from(["unicast", "blackhole", "unreachable", "prohibit", "throw", "local"]),
    gateway=st.just("") | ADDRESS,
    oif=st.integers(0, 1 << 30),
    metric=U32,
    protocol=st.sampled_from(["kernel", "boot", "static", "bgp", "77"]),
    scope=st.sampled_from(["global", "link", "host", "site", "nowhere", "7"]),
    src=st.just("") | ADDRESS,
    tos=st.integers(0, 255),
    flags=st.sampled_from([[], ["onlink"]]),
    nexthops=st.just([]),
    nexthop_id=st.just(0),
    metrics=st.dictionaries(st.sampled_from(sorted(names.METRICS.values())), U32, max_size=4),
    position=st.just(0),
    via=st.just(""),
)
HOPS = st.lists(
    st.builds(
        lambda **fields: fields,
        oif=st.integers(1, 1 << 30),
        gateway=st.just("") | ADDRESS,
        weight=st.integers(1, 256),
        flags=st.sampled_from([[], ["onlink"]]),
    ),
    min_size=2,
    max_size=5,
)


@given(ROUTE)
@settings(max_examples=300)
def test_a_route_that_is_packed_reads_the_same(row: dict[str, Any]) -> None:
    assert routes.parse(routes.pack(row)) == row


@given(ROUTE, HOPS)
def test_a_multipath_route_too(row: dict[str, Any], hops: list[dict[str, Any]]) -> None:
    row = {**row, "gateway": "", "oif": 0, "nexthops": hops}
    assert routes.parse(routes.pack(row)) == row


@given(ROUTE)
def test_a_route_decodes_by_the_contract(row: dict[str, Any]) -> None:
    decoded = msgspec.json.decode(stream.encoded(row), type=Route)
    assert msgspec.to_builtins(decoded) == {**row, "flags": tuple(row["flags"]), "nexthops": ()}


@pytest.mark.parametrize("flag", ["realm", "encap", "congestion", "inet6"])
def test_what_cannot_be_put_back_is_not_packed(flag: str) -> None:
    plain = routes.parse(struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0))
    assert plain is not None
    with pytest.raises(ValueError, match=flag):
        routes.pack({**plain, "flags": [flag]})


class Out:
    """A pipe whose frames are read back."""

    def __init__(self) -> None:
        self.end, fd = os.pipe()
        self.output = stream.Output(fd)

    def messages(self) -> list[Any]:
        found = []
        data = os.read(self.end, 1 << 20)
        while data:
            length, kind = wire.HEADER.unpack_from(data)
            found.append(wire.decode(kind, data[wire.HEADER.size : 4 + length]))
            data = data[4 + length :]
        os.close(self.end)
        os.close(self.output.fd)
        return found


HOSTILE = [
    "\x1b]52;c;x\x07", "\u202e", "\udcff\udcfe", "\ud800", "a\0b", "💀", "\\udc80", '"', "[/]", "x" * 100_000,
    b"\xff\xfe", b"\xed\xa0\x80", b"ok",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name)[:12] for name in HOSTILE])
def test_any_text_reaches_the_operator(name: str | bytes) -> None:
    out = Out()
    out.output.message({"type": "failure", "id": 1, "detail": name})
    (message,) = out.messages()
    assert isinstance(message, wire.Failure)
    if isinstance(name, str) and name.isascii():
        assert message.detail == name
    assert message.detail.encode()


def test_a_name_that_is_no_utf8_shows_its_bytes() -> None:
    text = os.fsdecode(b"a\xff")
    assert json.loads(stream.encoded({"name": text, "list": [text, "💀"]})) == {
        "name": "a\\xff",
        "list": ["a\\xff", "💀"],
    }
    assert names.shown(b"a\xff") == "a\\xff"


def fill(output: stream.Output) -> None:
    for _ in range(1000):
        output.frame(stream.JSON, bytes(100_000))


def test_long_messages_are_compressed_and_captures_give_way() -> None:
    out = Out()
    out.output.message({"type": "failure", "id": 1, "detail": "x" * 10_000})
    assert out.messages()[0].detail == "x" * 10_000
    read, write = os.pipe()
    output = stream.Output(write)
    for _ in range(200):
        output.frame(stream.CAPTURE, bytes(100_000))
    assert output.dropped > 50
    assert output.behind
    with pytest.raises(stream.Gone):
        fill(output)
    os.close(read)
    os.close(write)


def read_on(source: stream.Input, found: list[dict[str, Any]]) -> None:
    while True:
        found += source.read()


@given(st.lists(st.binary(min_size=0, max_size=50), max_size=5), st.lists(st.integers(1, 40), max_size=20))
@settings(max_examples=50)
def test_requests_in_pieces(bodies: list[bytes], cuts: list[int]) -> None:
    requests = [{"type": "x", "n": body.hex()} for body in bodies]
    packed = [json.dumps(request).encode() for request in requests]
    data = b"".join(wire.HEADER.pack(len(body) + 1, 0) + body for body in packed)
    read, write = os.pipe()
    source = stream.Input(read)
    found: list[dict[str, Any]] = []
    for cut in [*cuts, len(data)]:
        os.write(write, data[:cut])
        data = data[cut:]
        found += source.read() if cut else []
        if not data:
            break
    os.close(write)
    with pytest.raises(stream.Gone, match="end of input"):
        read_on(source, found)
    os.close(read)
    assert found == requests


def port_message(index: int, *vlans: tuple[int, int], told: bool = True) -> netlink.Message:
    """A port in a dump of bridges; `vlans` are (flags, id)."""
    info = b"".join(netlink.attribute(2, struct.pack("=HH", *vlan)) for vlan in vlans)
    spec = netlink.attribute(26 | 0x8000, info) if told else b""
    return netlink.Message(links.NEWLINK, 0, struct.pack("=BxHiII", 7, 0, index, 0, 0) + spec)


def test_the_vlan_of_untagged_frames() -> None:
    untagged, pvid = 4, 2
    messages = [
        port_message(4, (untagged | pvid, 1), (0, 20)),
        port_message(5, (0, 20), (0, 30)),
        port_message(6),
        port_message(7, told=False),
    ]
    assert links.pvids(messages) == {4: 1, 5: 0, 6: 0}


class Dumped:
    """A socket that lists these messages."""

    def __init__(self, *messages: netlink.Message) -> None:
        self.messages = list(messages)

    def dump(self, _kind: int, _body: bytes) -> list[netlink.Message]:
        return self.messages


@pytest.mark.parametrize(
    ("state", "updated", "probes", "unanswered"),
    [
        ("incomplete", 0, 0, False),
        ("incomplete", 0, 2, True),
        ("failed", 300, 6, True),
        ("failed", 360_000, 6, False),
        ("reachable", 0, 2, False),
    ],
)
def test_a_neighbour_that_does_not_answer(state: str, updated: int, probes: int, unanswered: bool) -> None:
    codes = {name: code for code, name in names.NEIGHBOUR_STATES.items()}
    body = struct.pack("=BxxxiHBB", socket.AF_INET, 2, codes[state], 0, 0)
    body += netlink.attribute(1, socket.inet_aton("10.5.7.61"))
    body += netlink.attribute(3, struct.pack("=IIII", 0, 0, updated, 1)) + netlink.attribute(4, netlink.u32(probes))
    (row,) = neighbours.read(Dumped(netlink.Message(neighbours.NEWNEIGH, 0, body)))  # type: ignore[arg-type]
    assert (row["state"], row["unanswered"]) == (state, unanswered)
