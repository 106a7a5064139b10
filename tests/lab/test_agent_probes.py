"""The agent's listeners and ARP probes, and the counters of conntrack."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hostgw.wire import (
    ArpProbe,
    ArpProbeReply,
    Failure,
    Listen,
    ListenReply,
    Look,
    Probe,
    ProbeReply,
    Unlisten,
)
from tests.lab.agent_rig import Nets, Operator, operator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
TOKEN = 0xABCD0001


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=2)
        made.sysctl("h", "net.ipv4.ip_forward=1")
        made.exec("h", "iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE")
        yield made


@pytest.fixture(scope="module")
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def test_a_listener_sees_its_probe_before_and_behind_nat(nets: Nets, told: Operator) -> None:
    container = told.handle(nets.name("c1"))
    told.send(Listen(1, 0, TOKEN, 20.0))
    told.send(Listen(2, container, TOKEN, 20.0))
    told.ask(Probe(3, container, "10.9.0.2", 2, 10, 5000, token=TOKEN), ProbeReply)
    told.ask(Probe(4, container, "10.9.0.2", 1, 10, 5000, token=0x11110001), ProbeReply)
    told.ask(Probe(5, container, "10.9.0.2", 1, 10, 5000), ProbeReply)
    told.send(Unlisten(2))
    told.send(Unlisten(1))
    own = told.ask(Unlisten(1), ListenReply).sightings
    assert {s.token for s in own} == {TOKEN}
    assert [(s.device, s.outbound, s.ttl, s.source, s.count) for s in own if not s.reply] == [
        ("v1", False, 64, "10.200.1.11", 2),
        ("br0", False, 64, "10.200.1.11", 2),
        ("eth0", True, 63, "10.9.0.1", 2),
    ]
    assert {(s.device, s.outbound, s.ttl) for s in own if s.reply} >= {("eth0", False, 64), ("br0", True, 63)}
    inner = told.ask(Unlisten(2), ListenReply).sightings
    assert [(s.device, s.outbound, s.reply, s.ttl) for s in inner] == [
        ("eth0", True, False, 64),
        ("eth0", False, True, 63),
    ]


def test_a_listener_ends_by_itself(told: Operator) -> None:
    assert told.ask(Listen(10, 0, TOKEN, 0.05), ListenReply).sightings == ()


def test_what_cannot_be_listened_to(told: Operator) -> None:
    assert "no namespace 99" in told.ask(Listen(11, 99, TOKEN), Failure).detail
    assert "OSError" in told.ask(ArpProbe(12, 9999, ("10.9.0.2",)), Failure).detail
    assert "no Ethernet" in told.ask(ArpProbe(13, 1, ("10.9.0.2",)), Failure).detail


def test_arp_probes_hear_everybody(nets: Nets, told: Operator) -> None:
    index = nets.index("h", "eth0")
    (first,) = told.ask(ArpProbe(20, index, ("10.9.0.2", "10.9.0.77"), 100), ArpProbeReply).answers
    assert (first.address, first.mac) == ("10.9.0.2", nets.json("lan", "link show dev far0")[0]["address"])
    before = nets.json("h", "neigh show dev eth0")
    assert told.ask(ArpProbe(21, index, ("10.9.0.78",), 50), ArpProbeReply).answers == ()
    assert [row["dst"] for row in nets.json("h", "neigh show dev eth0")] == [row["dst"] for row in before]


def test_counters_of_conntrack(nets: Nets, told: Operator) -> None:
    told.send(Look(True))
    told.until(lambda: "ConntrackInsertFailed" in told.root.snmp)
    assert {"ConntrackDrop", "ConntrackEarlyDrop", "ConntrackInvalid"} <= set(told.root.snmp)
    assert "ConntrackEntries" not in told.root.snmp
    told.send(Look(False))
