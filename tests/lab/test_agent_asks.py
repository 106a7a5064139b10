"""What an operator can ask: probes, look-ups, flows, counters."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hostgw.model.kernel import Counters
from hostgw.wire import (
    Conntrack,
    ConntrackReply,
    Count,
    CountReply,
    Look,
    Lookup,
    LookupReply,
    Probe,
    ProbeReply,
    Section,
    Suspects,
    SuspectsReply,
)
from tests.lab.agent_rig import Nets, Operator, operator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=2)
        made.add("far")
        made.pair("lan", "far1", "far", "eth0")
        made.ip("lan", "addr add 10.8.0.1/24 dev far1")
        made.ip("far", "addr add 10.8.0.2/24 dev eth0")
        made.sysctl("h", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        made.sysctl("lan", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        made.ip("lan", "route add prohibit 10.66.0.0/16")
        made.ip("lan", "route add 10.67.0.0/16 via 10.9.0.1")
        made.batch(
            "h",
            [
                "route add 10.66.0.0/16 via 10.9.0.2",
                "route add 10.67.0.0/16 via 10.9.0.2",
                "route add 10.8.0.0/24 via 10.9.0.2",
                "route add blackhole 10.68.0.0/16",
                "route add unreachable 10.69.0.0/16",
                "nexthop add id 5 via 10.9.0.2 dev eth0",
                "route add 10.72.0.0/16 nhid 5",
                "route add 10.73.0.0/16 via 10.9.0.2 table 99",
                "rule add pref 50 from 10.200.1.0/24 iif br0 lookup 99",
            ],
        )
        made.exec("h", "iptables-nft", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        yield made


@pytest.fixture(scope="module")
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


number = iter(range(1000, 2000))


def probe(told: Operator, destination: str, **fields: object) -> ProbeReply:
    settings = {"ns": 0, "count": 2, "interval_ms": 20, "timeout_ms": 5000, **fields}
    return told.ask(Probe(next(number), destination=destination, **settings), ProbeReply)  # type: ignore[arg-type]


def test_a_reply(told: Operator) -> None:
    answers = probe(told, "10.9.0.2").answers
    assert [(a.sequence, a.kind, a.source, a.ttl) for a in answers] == [
        (1, "reply", "10.9.0.2", 64),
        (2, "reply", "10.9.0.2", 64),
    ]
    assert all(0 < a.rtt_ns < 5e9 for a in answers)


def test_from_a_container(nets: Nets, told: Operator) -> None:
    answers = probe(told, "10.200.1.12", ns=told.handle(nets.name("c1")), count=1).answers
    assert [(a.kind, a.source) for a in answers] == [("reply", "10.200.1.12")]


def test_refused_on_the_way(told: Operator) -> None:
    (answer,) = probe(told, "10.66.1.1", count=1).answers
    assert (answer.kind, answer.source, answer.code) == ("unreachable", "10.9.0.2", 13)


def test_a_loop(nets: Nets, told: Operator) -> None:
    (answer,) = probe(told, "10.67.1.1", count=1, ns=told.handle(nets.name("c1"))).answers
    assert answer.kind == "time-exceeded"


def test_silence_and_no_route(nets: Nets, told: Operator) -> None:
    nets.exec("far", "iptables-nft", "-A", "INPUT", "-j", "DROP")
    assert [a.kind for a in probe(told, "10.8.0.2", timeout_ms=100).answers] == ["timeout", "timeout"]
    assert [a.kind for a in probe(told, "10.69.1.1", count=1).answers] == ["unreachable"]
    assert [a.kind for a in probe(told, "10.9.0.99", count=1).answers] == ["unreachable"]


def test_too_large_a_packet(told: Operator) -> None:
    (answer,) = probe(told, "10.9.0.2", count=1, size=3000, dont_fragment=True).answers
    assert answer.kind == "unreachable"
    (answer,) = probe(told, "10.9.0.2", count=1, size=3000).answers
    assert answer.kind == "reply"


@pytest.mark.parametrize("dst", ["10.8.0.2", "10.66.3.4", "10.72.1.1", "10.9.0.2", "10.200.1.11", "10.9.0.1"])
def test_lookup_is_what_ip_route_get_says(nets: Nets, told: Operator, dst: str) -> None:
    (row,) = nets.json("h", f"-4 route get fibmatch {dst}")
    reply = told.ask(Lookup(next(number), dst), LookupReply)
    assert reply.errno == 0
    assert reply.route is not None
    expected = row["dst"] if "/" in row["dst"] else f"{row['dst']}/32"
    assert (reply.route.dst, reply.route.gateway) == (expected, row.get("gateway", ""))
    assert told.root.name_of(reply.route.oif) == row["dev"]


def test_lookup_by_rule_and_refusals(nets: Nets, told: Operator) -> None:
    bridge = nets.index("h", "br0")
    reply = told.ask(Lookup(next(number), "10.73.1.1", "10.200.1.11", bridge), LookupReply)
    assert reply.route is not None
    assert (reply.route.table, reply.route.dst) == (99, "10.73.0.0/16")
    assert told.ask(Lookup(next(number), "10.73.1.1"), LookupReply).errno == 101
    assert told.ask(Lookup(next(number), "10.68.1.1"), LookupReply).errno == 22
    assert told.ask(Lookup(next(number), "10.69.1.1"), LookupReply).errno == 113
    inner = told.ask(Lookup(next(number), "10.9.0.2", ns=told.handle(nets.name("c1"))), LookupReply)
    assert inner.route is not None
    assert inner.route.dst == "0.0.0.0/0"


def test_flows(nets: Nets, told: Operator) -> None:
    nets.exec("c1", "ping", "-c", "1", "-W", "5", "10.9.0.2")
    reply = told.ask(Conntrack(next(number), "10.200.1.11"), ConntrackReply)
    assert reply.error == ""
    flow = next(f for f in reply.entries if f.protocol == "icmp" and f.destination == "10.9.0.2")
    assert (flow.source, flow.reply_source, flow.reply_destination) == ("10.200.1.11", "10.9.0.2", "10.200.1.11")
    assert reply.total >= len(reply.entries) > 0
    assert not told.ask(Conntrack(next(number), "10.200.1.17"), ConntrackReply).entries
    few = told.ask(Conntrack(next(number), "", 1), ConntrackReply)
    assert len(few.entries) == 1
    inner = told.ask(Conntrack(next(number), "", ns=told.handle(nets.name("c1"))), ConntrackReply)
    assert inner.entries == ()


def totals(nets: Nets, index: int) -> Counters:
    row = next(row for row in nets.json("h", "-s link") if row["ifindex"] == index)
    words = [(way, what) for way in ("rx", "tx") for what in ("packets", "bytes", "dropped", "errors")]
    return Counters(index, **{f"{way}_{what}": row["stats64"][way][what] for way, what in words})


def test_counters_only_while_somebody_looks(nets: Nets, told: Operator) -> None:
    assert not told.root.table(Section.COUNTERS)
    told.send(Look(True))
    told.until(lambda: told.root.counters and told.root.snmp)
    index = nets.index("h", "eth0")
    before = told.root.counters[index].tx_packets
    nets.exec("h", "ping", "-c", "3", "-i", "0.01", "10.9.0.2")
    told.until(lambda: told.root.counters[index].tx_packets >= before + 3)
    assert "IpForwDatagrams" in told.root.snmp
    told.until(lambda: totals(nets, index) == told.root.counters[index])  # quiet: by ip(8) and by us the same
    told.send(Look(False))
    probe(told, "10.9.0.2")
    count = len([d for d in told.deltas if d.section is Section.COUNTERS])
    probe(told, "10.9.0.2", count=12, interval_ms=100)
    assert len([d for d in told.deltas if d.section is Section.COUNTERS]) == count


def test_counting_leaves_the_picture_alone(nets: Nets, told: Operator) -> None:
    index = nets.index("h", "eth0")
    said = len(told.deltas)
    reply = told.ask(Count(next(number), (index, 9999)), CountReply)
    assert [row.index for row in reply.counters] == [index]
    assert 0 < reply.counters[0].tx_packets <= totals(nets, index).tx_packets
    rules = {row.backend: row.text for row in reply.filters}
    assert "ESTABLISHED -j ACCEPT" in rules["nft"]
    assert "\n[" in rules["nft"]
    assert all(d.section not in (Section.COUNTERS, Section.FILTERS) for d in told.deltas[said:])


FLOWS = (
    "-p udp -s 10.200.1.11 -d 10.200.2.5 --sport 4000 --dport 53 --src-nat 10.9.0.1",
    "-p udp -s 10.200.1.11 -d 10.200.2.5 --sport 4001 --dport 53 --src-nat 10.9.0.1",
    "-p tcp -s 10.200.1.12 -d 10.200.2.6 --sport 4000 --dport 80 --state ESTABLISHED --src-nat 10.9.0.1",
    "-p icmp -s 10.200.1.12 -d 10.200.2.7 --icmp-type 8 --icmp-code 0 --icmp-id 77 --src-nat 10.9.0.1",
    "-p udp -s 10.200.1.11 -d 10.200.2.8 --sport 4000 --dport 53",
    "-p udp -s 10.200.1.11 -d 10.77.0.1 --sport 4000 --dport 53 --src-nat 10.9.0.1",
    "-p udp -s 10.200.1.11 -d 10.200.1.12 --sport 4000 --dport 53 --src-nat 10.9.0.1",
    "-p udp -s 10.9.0.2 -d 10.9.0.1 --sport 5000 --dport 53 --dst-nat 10.200.1.99",
    "-p udp -s 10.9.0.2 -d 10.9.0.1 --sport 5001 --dport 53 --dst-nat 10.200.1.99",
    "-p tcp -s 10.9.0.2 -d 10.9.0.1 --sport 5002 --dport 80 --state ESTABLISHED --dst-nat 10.200.1.98",
)


def test_suspicious_flows_are_picked_out(nets: Nets, told: Operator) -> None:
    nets.exec("h", "conntrack", "-F")
    for flow in FLOWS:
        nets.exec("h", "conntrack", "-I", "-t", "100", *flow.split())
    reply = told.ask(Suspects(next(number), ("10.200.1.0/24",), ("10.200.0.0/16",)), SuspectsReply)
    assert (reply.error, reply.whole, reply.crowds) == ("", True, ())
    assert reply.total >= len(FLOWS)
    rewritten = {(e.protocol, e.destination) for e in reply.entries if e.reply_destination == "10.9.0.1" != e.source}
    assert rewritten == {("udp", "10.200.2.5"), ("tcp", "10.200.2.6"), ("icmp", "10.200.2.7")}
    led = [e for e in reply.entries if e.reply_source != e.destination]
    assert [(e.reply_source, e.destination_port, e.state, e.status) for e in led] == [
        ("10.200.1.99", 53, "", ("UNREPLIED",))
    ]
    tcp = next(e for e in reply.entries if e.protocol == "tcp")
    assert (tcp.state, tcp.source_port, tcp.destination_port) == ("ESTABLISHED", 4000, 80)
    assert 0 < tcp.timeout <= 100
    few = told.ask(Suspects(next(number), ("10.200.1.0/24",), ("10.200.0.0/16",), limit=1), SuspectsReply)
    assert len(few.entries) == 2
