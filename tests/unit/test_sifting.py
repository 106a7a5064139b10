"""The filter of the live list: what is typed, and what it matches."""

from __future__ import annotations

import pytest

from hostgw.capture.flows import flow_number, flows
from hostgw.capture.frames import decode
from hostgw.capture.sifting import Flows, parse, toggled_flow
from tests.unit.capture_frames import ethernet, number
from tests.unit.journey_views import back, outside, there


class Packet:
    """Facts of a lost echo request."""

    text = "0.100 10.239.0.2 10.239.1.2 icmp ✗ lost vm1/eth0 echo request 02:00:00:00:00:01"
    verdict = "lost"
    protocols = ("icmp",)
    hosts = frozenset({"vm1"})
    taps = frozenset({"vm1/br0", "vm1/eth0"})
    addresses = frozenset({(4, number("10.239.0.2")), (4, number("10.239.1.2"))})
    ports = frozenset({80})
    flows: Flows = flows(there())


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "echo", "ECHO request", "!reply", "verdict:lost", "verdict:lo", "proto:ICMP", "host:vm1", "!host:vm2",
        "tap:br0", "addr:10.239.1.2", "addr:10.239.0.0/16", "!addr:10.5.7.60", "!addr:fd00::/8", "port:80", "flow:1",
        "verdict:lost proto:icmp !host:vm2 echo", "!", "02:00:00:00:00:01", "!flow:3",
    ],
)  # fmt: skip
def test_matches(text: str) -> None:
    found = parse(text, lambda number: flows({1: there(), 3: outside()}[number]))
    assert found.matches(Packet())
    assert found.remark == ""


@pytest.mark.parametrize(
    "text",
    ["reply", "!echo", "verdict:answered", "!verdict:lost", "proto:tcp", "host:vm", "host:vm2", "tap:veth", "port:8",
     "addr:10.239.1.3", "addr:10.5.0.0/16", "verdict:lost host:vm2", "flow:3"],
)  # fmt: skip
def test_does_not_match(text: str) -> None:
    assert not parse(text, lambda _number: flows(outside())).matches(Packet())


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("verdit:lost", "no key verdit: did you mean verdict?"),
        ("zzz:1", "no key zzz: there are verdict, proto, host, tap, addr, port, flow"),
        ("verdict:x", "no verdict x"),
        ("verdict:", "verdict: needs a value"),
        ("addr:10.239.1", "10.239.1 is no address or prefix"),
        ("port:http", "http is no port"),
        ("port:70000", "70000 is no port"),
        ("flow:9", "packet 9 is not kept"),
        ("flow:x", "packet x is not kept"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_works(text: str, remark: str) -> None:
    found = parse(f"echo {text}")
    assert found.remark.startswith(remark)
    assert found.matches(Packet())
    assert not parse(f"nothing {text}").matches(Packet())


def test_flow_by_a_key() -> None:
    assert toggled_flow("", 12) == "flow:12"
    assert toggled_flow("proto:icmp", 12) == "proto:icmp flow:12"
    assert toggled_flow("proto:icmp flow:3", 12) == "proto:icmp"


def test_a_flow_is_the_same_both_ways_and_through_snat() -> None:
    assert flows(there()) == flows(back())
    assert flow_number(there(), 6) == flow_number(back(), 6)
    assert len(flows(outside())) == 2
    assert flows(there()).isdisjoint(flows(outside()))


def test_what_is_cut_has_a_flow_too() -> None:
    assert len(flows(there()._replace(sightings=there().sightings[:1]))) == 1
    view = there()
    cut = view.first.__class__(0, 0, False, decode(ethernet(0x88CC, b"")), 1)
    assert flow_number(view._replace(sightings=(cut,)), 6) in range(6)
