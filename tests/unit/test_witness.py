"""Counters as witnesses: what rose between two samples, and which findings that speaks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from msgspec import json

from hostgw.agent.sysctls import conntrack_counters
from hostgw.checks.catalogue import CODES
from hostgw.checks.run import run
from hostgw.checks.witness import COUNTERS, RULES, WITNESSED, counts, in_view, witnessed
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Sample
from hostgw.live import View
from hostgw.live.intake import Intake, Sampling
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, Severity, listed
from hostgw.model.kernel import Filter, Snmp, Sysctl
from hostgw.wire import Section
from tests.fabrics import altered, delta, healthy

DROP = "-A FORWARD -i eth0 -j DROP"


def saved(rule: int, policy: int) -> dict[str, Filter]:
    text = f"*filter\n:FORWARD DROP [{policy}:0]\n[{rule}:0] {DROP}\n[7:0] -A FORWARD -j MARK\nCOMMIT"
    return {"nft": Filter("nft", text)}


def native(packets: int) -> dict[str, Filter]:
    table = {"family": "inet", "table": "fw", "name": "fwd"}
    chain = {**table, "hook": "forward", "prio": 0, "type": "filter", "policy": "accept"}
    counted = [{"counter": {"packets": packets, "bytes": 0}}, {"drop": None}]
    rule = {"family": "inet", "table": "fw", "chain": "fwd", "handle": 3, "expr": counted}
    entries = [{"table": {"family": "inet", "name": "fw"}}, {"chain": chain}, {"rule": rule}]
    return {"nftables": Filter("nftables", json.encode({"nftables": entries}).decode())}


def sample(snmp: Mapping[str, int] = {}, filters: Mapping[str, Filter] = {}, at: float = 0.0) -> Sample:
    return Sample(at, snmp, filters)


def told(found: Finding, before: Sample, after: Sample, seconds: float = 2.0) -> Finding:
    (made,) = witnessed([found], {found.host: before}, {found.host: after}, seconds)
    assert made.id == found.id
    return made


def off(code: str = "forwarding-off", *evidence: str) -> Finding:
    return finding(code, "vm1", "net.ipv4.ip_forward", "", "", ("net.ipv4.ip_forward = 0", *evidence))


@pytest.mark.parametrize(("code", "name"), [(code, names[0]) for code, names in COUNTERS.items()])
def test_a_counter_that_rises_speaks_for_its_finding(code: str, name: str) -> None:
    made = told(off(code), sample({name: 5}), sample({name: 19}))
    assert made.evidence[-1] == f"dropping now: 14 packets in the last 2 s ({name})"


def test_what_stands_still_or_is_not_known_says_nothing() -> None:
    found = off()
    for before, after in (({"IpInAddrErrors": 5}, {"IpInAddrErrors": 5}), ({}, {"IpInAddrErrors": 5})):
        assert told(found, sample(before), sample(after)) == found
    assert told(found, sample({"IpInAddrErrors": 9}), sample({"IpInAddrErrors": 2})) == found  # it was restarted
    assert told(found, sample({"IpExtInNoRoutes": 1}), sample({"IpExtInNoRoutes": 2})) == found
    assert witnessed([found], {}, {"vm1": sample()}, 2.0) == (found,)


def test_the_very_rule_and_the_very_policy() -> None:
    dropped = off("forward-dropped", f"iptables (nf_tables), filter: {DROP} (3 packets so far)")
    made = told(dropped, sample(filters=saved(3, 9)), sample(filters=saved(4, 99)), 1.04)
    assert made.evidence[-1] == f"dropping now: 1 packet in the last 1 s ({DROP})"
    policy = off("forward-dropped", "iptables (nf_tables), filter: -P FORWARD DROP")
    assert told(policy, sample(filters=saved(3, 9)), sample(filters=saved(8, 9))) == policy
    made = told(policy, sample(filters=saved(3, 9)), sample(filters=saved(3, 1209)))
    assert made.evidence[-1] == "dropping now: 1,200 packets in the last 2 s (-P FORWARD DROP)"


def test_a_native_rule_and_one_that_masquerades() -> None:
    dropped = off("forward-dropped", "nftables, inet fw: counter drop")
    assert "counter drop" in counts(native(1))
    made = told(dropped, sample(filters=native(1)), sample(filters=native(3)))
    assert made.evidence[-1] == "dropping now: 2 packets in the last 2 s (counter drop)"
    text = "-A POSTROUTING -s 10.239.0.0/24 ! -o br0 -j MASQUERADE"
    rules = [{"nft": Filter("nft", f"*nat\n:POSTROUTING ACCEPT [0:0]\n[{n}:0] {text}\nCOMMIT")} for n in (1, 6)]
    found = off("masquerade-between-containers", f"10.239.0.2 to 10.239.1.2: {text}")
    made = told(found, sample(filters=rules[0]), sample(filters=rules[1]))
    assert made.evidence[-1] == f"rewriting now: 5 packets in the last 2 s ({text})"


def test_source_ports_that_clash_now_are_more_than_a_notice() -> None:
    """N12."""
    found = off("source-ports-clash")
    assert found.severity is Severity.NOTICE
    made = told(found, sample({"ConntrackInsertFailed": 4}), sample({"ConntrackInsertFailed": 5}))
    assert made.severity is Severity.WARNING


def test_every_code_is_known() -> None:
    assert set(CODES) >= WITNESSED
    assert not set(COUNTERS) & set(RULES)


def broken(fabric: Fabric) -> Fabric:
    return altered(fabric, "vm2", Section.SYSCTLS, lambda _: [Sysctl("net/ipv4/ip_forward", "0")])


def test_in_a_view_the_ends_of_the_samples_count() -> None:
    fabric = broken(healthy())
    samples = tuple(sample({"IpInAddrErrors": n}, at=float(n)) for n in (1, 2, 3))
    fabric = fabric.with_host(replace(fabric.hosts["vm2"], samples=samples))
    (found,) = listed(run(fabric, build(fabric)))
    assert found.evidence[-1] == "dropping now: 2 packets in the last 2 s (IpInAddrErrors)"
    early = fabric.with_host(replace(fabric.hosts["vm2"], samples=samples[:1]))
    assert in_view([found], early) == (found,)


def test_conntrack_counters_are_sums_over_processors() -> None:
    lines = ["entries  clashres found insert_failed early_drop", "0000ff 1 0 0000000a 2", "0000ff 1 1 00000001 0"]
    found = {row["name"]: row["value"] for row in conntrack_counters(lines)}
    assert found == {"ConntrackClashres": 2, "ConntrackFound": 1, "ConntrackInsertFailed": 11, "ConntrackEarlyDrop": 2}
    assert conntrack_counters([]) == []


def test_samples_are_kept_while_somebody_looks() -> None:
    fabric = broken(healthy())
    intake = Intake(tuple(fabric.hosts.values()), build)
    intake._synced |= set(fabric.hosts)
    intake.start()

    def count(number: int) -> View:
        intake.message("vm2", delta(Section.SNMP, [Snmp("IpInAddrErrors", number)]))
        intake.message("vm2", delta(Section.FILTERS, []))
        return intake.wait(lambda view: view.fabric.hosts["vm2"].root.snmp.get("IpInAddrErrors") == number, 5)

    def kept() -> list[int]:
        return [each.snmp["IpInAddrErrors"] for each in intake.view().fabric.hosts["vm2"].samples]

    try:
        count(1)
        for sampling, expected in ((Sampling.LATEST, [4, 5, 6]), (Sampling.WHOLE, [3, 6])):
            intake.sample(sampling)
            for number in range(3, 7):
                count(number)
            intake.wait(lambda _: kept() == expected, 5)  # noqa: B023
            assert kept() == expected
        intake.hold()
        count(9)
        assert kept() == [3, 6]
        intake.sample(Sampling.OFF)
        intake.wait(lambda _: kept() == [], 5)
        assert kept() == []
    finally:
        intake.stop()
