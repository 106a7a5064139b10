"""Drops that a kernel tells of: which line is one, and which of them fits a lost packet."""

from __future__ import annotations

import pytest

from hostgw.agent.drops import drop
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, NIC, Sighting
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.witness import Dropped, fitting, said
from tests.unit.capture_frames import echo, frame, ipv4

AT = 1_000_000_000_000
MS = 1_000_000
PACKET = decode(frame(ipv4(1, echo(1), "10.239.0.2", "10.239.1.2")))
INSIDE, LEFT = Sighting(0, AT, False, PACKET, 1), Sighting(1, AT, True, PACKET, 1)
BR0, ETH0 = TapPoint("vm1", 0, 2, "br0", None, BRIDGE), TapPoint("vm1", 0, 3, "eth0", None, NIC)


def dropped(ms: float, reason: str = "NETFILTER_DROP", host: str = "vm1") -> Dropped:
    return Dropped(host, AT + int(ms * MS), reason, "nft_do_chain")


def test_a_line_of_the_trace_is_read() -> None:
    line = (
        "            ping-4242    [001] ..s2.  7078.813082: kfree_skb: skbaddr=00000000aa rx_sk=0000000000000000 "
        "protocol=2048 location=nft_do_chain+0x4b1/0x5f0 reason: NETFILTER_DROP"
    )
    row = drop(line)
    assert row is not None
    assert row[1:] == ["NETFILTER_DROP", "nft_do_chain"]
    assert row[0] > 0


@pytest.mark.parametrize("line", ["", "# tracer: nop", "CPU:1 [LOST 5 EVENTS]", "kfree_skb: reason: X", "\x1b[2J"])
def test_other_lines_are_none(line: str) -> None:
    assert drop(line) is None


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        ([dropped(0.02)], True),
        ([dropped(-0.5)], True),
        ([dropped(-20)], False),
        ([dropped(80)], False),
        ([dropped(0.02, host="vm2")], False),
        ([dropped(3000, "NEIGH_FAILED")], True),
        ([dropped(6000, "NEIGH_FAILED")], False),
        ([], False),
    ],
)
def test_a_drop_fits_by_host_and_time(found: list[Dropped], fits: bool) -> None:
    assert (fitting(found, INSIDE, BR0) is not None) is fits


def test_the_nearest_of_several_fits() -> None:
    found = [dropped(30, "IP_RPFILTER"), dropped(0.1), dropped(12, "IP_INHDR")]
    assert fitting(found, INSIDE, BR0) == found[1]


def test_what_has_left_by_the_nic_was_not_dropped_by_a_rule() -> None:
    assert fitting([dropped(0.1)], LEFT, ETH0) is None
    assert fitting([dropped(0.1, "QDISC_DROP")], LEFT, ETH0) is not None


def test_a_drop_in_words() -> None:
    assert said(dropped(0)) == "likely a filter rule drops it (NETFILTER_DROP in nft_do_chain on vm1)"
    assert said(dropped(0, "SOMETHING_NEW")) == "likely the kernel drops it (SOMETHING_NEW in nft_do_chain on vm1)"
