"""The conntrack table: how full it is, and whether source ports clash (catalogue 3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.masquerading import outward
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.iptables import FilterRule
from hostgw.paths.netfilter import Decision

COUNT, MOST = "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"
FULL_PERCENT = 90
INSERT_FAILED = "ConntrackInsertFailed"
RANDOM = "--random-fully"


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what of a host's table is worth a word."""
    yield from _full(host)
    yield from _clashes(host, mesh)


def _full(host: Host) -> Iterator[Finding]:
    count, most = (host.root.sysctls.get(path, "") for path in (COUNT, MOST))
    if not (count.isdigit() and most.isdigit() and int(most)) or int(count) * 100 < int(most) * FULL_PERCENT:
        return
    percent = int(count) * 100 // int(most)
    summary = f"{host.name} tracks at least {int(count):,} flows of at most {int(most):,} ({percent} %)"
    effect = f"when the table is full, {host.name} drops the first packet of every new flow, its containers' too"
    evidence = (f"net.netfilter.nf_conntrack_count >= {count}", f"net.netfilter.nf_conntrack_max = {most}")
    yield finding("conntrack-full", host.name, "net.netfilter.nf_conntrack_max", summary, effect, evidence)


def _clashes(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """The kernel picks source ports in order: two flows that start at once may pick the same, and one is lost."""
    failed = host.root.snmp.get(INSERT_FAILED, 0)
    orderly = [decision for decision in outward(host, mesh) if picks_in_order(decision)] if failed else []
    if not orderly:
        return
    summary = f"{host.name} lost {failed:,} new flows because another one took their source port first"
    effect = "now and then a new connection of a container to the outside waits 1, 3 or 5 s"
    evidence = (f"conntrack insert_failed = {failed}", *(decision.text for decision in orderly))
    yield finding("source-ports-clash", host.name, "insert_failed", summary, effect, evidence)


def picks_in_order(decision: Decision) -> bool:
    """Tell whether an iptables rule masquerades without choosing source ports at random."""
    rule = decision.rule
    return isinstance(rule, FilterRule) and rule.target == "MASQUERADE" and rule.option(RANDOM) is None
