"""`nat`: rules with counters and meaning, and the representative packets, as data and text."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.nat import Case, cases, rulesets, spared_by
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.ip import address_text, maybe_prefix
from hostgw.model.iptables import FilterRule, Option
from hostgw.paths.netfilter import Verdict
from hostgw.report.model import SCHEMA, NatCaseReport, NatReport, NatRuleReport

TARGETS = {
    "MASQUERADE": "rewrite the source to the address of the outgoing NIC",
    "SNAT": "rewrite the source",
    "DNAT": "rewrite the destination",
    "REDIRECT": "send to this host",
    "RETURN": "leave as it is",
    "ACCEPT": "leave as it is",
    "DROP": "drop",
    "REJECT": "refuse",
    "LOG": "log",
    "": "only count",
}


def nat_report(view: View, name: str | None = None) -> NatReport:
    """Return the NAT rules of all hosts, or of one, with the verdicts for the representative packets."""
    hosts = [host for host in view.fabric.readable if name in (None, host.name)]
    rules = tuple(row for host in hosts for row in _rules(host, view.mesh))
    return NatReport(SCHEMA, rules, tuple(row for host in hosts for row in _cases(host, view.mesh)))


def _rules(host: Host, mesh: Mesh) -> Iterator[NatRuleReport]:
    for ruleset in rulesets(host):
        for chain in ruleset.tables.get("nat", {}).values():
            for number, rule in enumerate(chain.rules, 1):
                yield NatRuleReport(
                    host.name,
                    ruleset.backend,
                    "nat",
                    chain.name,
                    number,
                    rule.text,
                    rule.packets,
                    rule.bytes,
                    meaning(rule, mesh),
                )


def _cases(host: Host, mesh: Mesh) -> Iterator[NatCaseReport]:
    for case in cases(host, mesh):
        yield NatCaseReport(
            host.name,
            case.decision.backend if case.decision else "",
            case.name,
            address_text(case.flow.source),
            address_text(case.flow.destination),
            case.verdict.value,
            _decided_by(case, host),
        )


def _decided_by(case: Case, host: Host) -> str:
    """Return what decided: what is not known, a rule, a policy; else the rule that sent the packet back."""
    if case.verdict is Verdict.UNKNOWN:
        return f"not known: {', '.join(case.passage.unknown)}"
    if case.decision is not None:
        return case.decision.text or f"policy of {case.decision.chain}"
    spared = spared_by(host, case)
    return spared.text if spared else "no rule"


def meaning(rule: FilterRule, mesh: Mesh) -> str:
    """Return in plain words what a rule does, with the mesh's names for its prefixes."""
    source, destination = _place(rule.option("-s"), mesh), _place(rule.option("-d"), mesh)
    parts = [f"{source or 'anything'} to {destination or 'anywhere'}"]
    if option := rule.option("-i"):
        parts.append(f"{'not ' if option.inverted else ''}in by {option.values[0]}")
    if option := rule.option("-o"):
        parts.append(f"{'not ' if option.inverted else ''}out by {option.values[0]}")
    known = {"-s", "-d", "-i", "-o", "--comment"}
    parts += [f"{'! ' if o.inverted else ''}{o.name} {' '.join(o.values)}" for o in rule.matches if o.name not in known]
    return f"{', '.join(parts)}: {TARGETS.get(rule.target, f'see chain {rule.target}')}"


def _place(option: Option | None, mesh: Mesh) -> str:
    if option is None:
        return ""
    wanted = maybe_prefix(option.values[0]) if option.values else None
    if wanted is None:
        return " ".join(option.values)
    if wanted == mesh.network:
        name = "containers"
    elif owner := mesh.owners.get(wanted):
        name = f"containers of {owner}"
    else:
        name = "multicast" if str(wanted) == "224.0.0.0/4" else str(wanted)
    return f"outside ({name} excepted)" if option.inverted else name


def nat_text(report: NatReport) -> Iterator[str]:
    """Yield the lines of a report for people."""
    for case in report.cases:
        yield f"{case.host:<10} {case.case:<32} {case.verdict:<8} {case.rule}"
    if report.cases:
        yield ""
    for rule in report.rules:
        where = f"{rule.host:<10} {rule.chain} {rule.number}"
        yield f"{where:<28} {rule.packets:>10} pkts  {rule.rule}"
        yield f"{'':<28} {'':>10}       {rule.meaning}"
