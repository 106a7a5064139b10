"""`check` for people: each cause with its effects briefly below it."""

from __future__ import annotations

from hostgw.checks.words import finding
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.report.check import check_text
from hostgw.report.model import SCHEMA, CheckReport, FindingReport, FixReport, HostReport

HOST = HostReport("vm2", Role.OWNER, HostState.UP, None, ("10.239.1.0/24",), None)
ROOT = "bridge-down/vm2/br0"


def reported(code: str, subject: str, summary: str, *caused_by: str) -> FindingReport:
    f = finding(code, "vm2", subject, summary, "", (f"seen {subject}",), "", caused_by)
    facts = (f.id, f.code, f.entry, f.severity, f.host, f.subject, f.summary, f.effect, f.evidence, f.caused_by)
    return FindingReport(*facts, FixReport(1, ()))


def text(*findings: FindingReport) -> list[str]:
    return list(check_text(CheckReport(SCHEMA, None, (), (HOST,), findings)))


def test_effects_stand_briefly_below_their_cause() -> None:
    root = reported("bridge-down", "br0", "br0 is down")
    other = reported("forwarding-off", "net.ipv4.ip_forward", "vm2 does not forward")
    effect = reported("subnet-unrouted", "10.239.1.0/24", "no route to the own subnet", ROOT)
    assert text(root, other, effect)[2:] == [
        "",
        "ERROR bridge-down (L2) on vm2",
        "  br0 is down",
        "  seen: seen br0",
        "  explains 1 more:",
        "    error subnet-unrouted (R22) on vm2: no route to the own subnet",
        "",
        "ERROR forwarding-off (F1) on vm2",
        "  vm2 does not forward",
        "  seen: seen net.ipv4.ip_forward",
        "",
        "3 findings, 2 of them root causes",
    ]


def test_of_a_host_that_was_never_read_nothing_is_claimed() -> None:
    away = HostReport("vm9", Role.OWNER, HostState.UNREACHABLE, None, (), "no such host")
    bare = HostReport("vm3", Role.OWNER, HostState.UP, None, (), None)
    lines = list(check_text(CheckReport(SCHEMA, None, (), (away, bare, HOST), ())))
    assert lines[1:5] == [
        "  vm9: unreachable",
        "    no such host",
        "  vm3: up · no underlay · no container subnet",
        "  vm2: up · no underlay · 10.239.1.0/24",
    ]


def test_what_nothing_listed_explains_is_told_in_full() -> None:
    alone = reported("subnet-unrouted", "10.239.1.0/24", "no route to the own subnet", "gone/vm2/x")
    lines = text(alone)
    assert "  seen: seen 10.239.1.0/24" in lines
    assert lines[-1] == "1 finding"
