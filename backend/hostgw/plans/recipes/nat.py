"""NAT rules and tracked flows."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.base_chains import NATIVE, base_chains
from hostgw.checks.flows import keeps_snat
from hostgw.checks.masquerading import outward, to_hosts
from hostgw.checks.nat import Case, exemption_behind, internal_cases, rulesets
from hostgw.checks.tracking import MOST, RANDOM, picks_in_order
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import ChainChange, ConntrackChange, NftRuleChange, SysctlChange
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.iptables import Chain, FilterRule, Ruleset
from hostgw.paths.netfilter import Decision
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, accepts_held, own_subnet
from hostgw.plans.steps import step

MAX_HOSTS = 16
"""Hosts that are exempted one by one; the segment as a whole also holds machines that know no way to containers."""
ANYWHERE = "0.0.0.0/0"


def _exempt(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Put the exemption before what masquerades (made if there is none), and forget the flows decided otherwise."""
    inside = [c for c in internal_cases(host, mesh) if c.masqueraded and str(c.subnet.prefix) == finding.subject]
    if mesh.network is None or not inside:
        return
    network = str(mesh.network)
    for backend in dict.fromkeys(case.passage.snat.backend for case in inside if case.passage.snat):
        mine = [case for case in inside if case.passage.snat and case.passage.snat.backend == backend]
        for change in _exemptions(host, backend, mine, network):
            yield step(host, change, "exempt traffic inside the network before it is masqueraded", finding)
    forget = ConntrackChange(finding.subject, network, snat=True)
    yield step(host, forget, "forget flows whose source was already rewritten", finding)


def _exemptions(host: Host, backend: str, cases: list[Case], network: str) -> Iterator[ChainChange | NftRuleChange]:
    decided = [case.passage.snat for case in cases if case.passage.snat]
    if backend == NATIVE:
        yield from _native(host, decided, network)
        return
    rules = next(rules for rules in rulesets(host) if rules.backend == backend)
    chain = rules.chain("nat", "POSTROUTING")
    if chain is None:
        return
    behind = exemption_behind(host, cases[0])
    line = f"-A POSTROUTING -s {network} -d {network} -j RETURN"
    if behind is not None and behind.chain == "POSTROUTING":
        line = behind.text
    yield inserted(backend, chain, line, min(leading(rules, chain, each) for each in decided))


def _native(host: Host, decided: list[Decision], network: str) -> Iterator[NftRuleChange]:
    """An accept ends but the chain that it stands in: that is what an exemption is there."""
    for each in {(d.table, d.hook): d for d in decided}.values():
        family, _, table = each.table.partition(" ")
        for name in base_chains(host.root, each):
            held = accepts_held(host, family, table, name, network, network)
            yield NftRuleChange(family, table, name, network, network, held, held + 1)


def inserted(backend: str, chain: Chain, line: str, place: int) -> ChainChange:
    """Return the change that puts a rule at a place of a chain, and takes it away where else it stands."""
    before = tuple(other for other in chain.lines[:place] if other != line)
    behind = tuple(other for other in chain.lines[place:] if other != line)
    return ChainChange(backend, "nat", chain.name, chain.lines, (*before, line, *behind))


def leading(rules: Ruleset, chain: Chain, decided: Decision) -> int:
    """Return the place of the first rule of a chain that is, or leads to, what decided."""
    for place, rule in enumerate(chain.rules):
        if (decided.chain == chain.name and rule == decided.rule) or _leads(rules, rule, decided.chain, 0):
            return place
    return 0


def _leads(rules: Ruleset, rule: FilterRule, wanted: str, depth: int) -> bool:
    called = rules.chain("nat", rule.target)
    if called is None or depth > 8:
        return False
    return called.name == wanted or any(_leads(rules, inner, wanted, depth + 1) for inner in called.rules)


def _masquerade(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Masquerade what leaves the network, behind the rules that are there."""
    subnet = own_subnet(finding, host, mesh)
    if subnet is None:
        return
    found = next((r for r in rulesets(host) if "nat" in r.tables), None)
    chain = found.chain("nat", "POSTROUTING") if found else None
    before = chain.lines if chain else ()
    line = f"-A POSTROUTING -s {subnet.prefix} ! -d {mesh.network or subnet.prefix} -j MASQUERADE {RANDOM}"
    backend = found.backend if found else "nft"
    missing = "" if chain else "before"
    change = ChainChange(backend, "nat", "POSTROUTING", before, (*before, line), missing=missing)
    yield step(host, change, "masquerade what containers send to the outside", finding)


def _exempt_hosts(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    others = [m for m in mesh.members.values() if m.underlay and m.name != host.name]
    if subnet is None or not 0 < len(others) <= MAX_HOSTS:
        return
    found = [
        (a, d) for m in others if m.underlay for a in m.underlay.addresses if (d := to_hosts(host, subnet, a, mesh))
    ]
    for rules in rulesets(host):
        mine = [(address, decided) for address, decided in found if decided.backend == rules.backend]
        chain = rules.chain("nat", "POSTROUTING")
        if chain is None or not mine:
            continue
        place = min(leading(rules, chain, decided) for _, decided in mine)
        lines = tuple(f"-A POSTROUTING -s {subnet.prefix} -d {address_text(a)}/32 -j RETURN" for a, _ in mine)
        after = (*chain.lines[:place], *lines, *chain.lines[place:])
        change = ChainChange(rules.backend, "nat", chain.name, chain.lines, after)
        yield step(host, change, "exempt traffic to the other hosts before it is masqueraded", finding)


def _random_ports(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    for decided in {d.text: d for d in outward(host, mesh) if picks_in_order(d)}.values():
        rules = next((rules for rules in rulesets(host) if rules.backend == decided.backend), None)
        chain = rules.chain("nat", decided.chain) if rules else None
        if chain is not None:
            after = tuple(f"{line} {RANDOM}" if line == decided.text else line for line in chain.lines)
            change = ChainChange(decided.backend, "nat", chain.name, chain.lines, after)
            yield step(host, change, "choose source ports at random", finding)


def _larger_table(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    now = host.root.sysctls.get(MOST, "")
    if now.isdigit():
        change = SysctlChange({MOST: now}, {MOST: str(2 * int(now))})
        yield step(host, change, "let the table hold twice as many flows", finding)


def _forget_sources(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    flows = host.tracked.flows if host.tracked else ()
    if subnet is None:
        return
    kept = (address_number(flow.destination) for flow in flows if keeps_snat(host, flow, subnet, mesh))
    for to in dict.fromkeys(_range(number, mesh) for number in kept):
        change = ConntrackChange(finding.subject, to, snat=True)
        yield step(host, change, "forget flows whose source older rules rewrote", finding)


def _range(number: int, mesh: Mesh) -> str:
    if mesh.network and mesh.network.contains(number):
        return str(mesh.network)
    return next((str(s.prefix) for s in mesh.subnets if s.prefix.contains(number)), f"{address_text(number)}/32")


def _forget_dead(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    change = ConntrackChange(ANYWHERE, ANYWHERE, protocol="udp", dnat_to=finding.subject)
    yield step(host, change, f"forget flows that are led to {finding.subject}", finding)


RECIPES: dict[str, Recipe] = {
    "masquerade-between-containers": _exempt,
    "masquerade-missing": _masquerade,
    "node-traffic-masqueraded": _exempt_hosts,
    "flow-keeps-snat": _forget_sources,
    "flow-to-dead-address": _forget_dead,
    "conntrack-full": _larger_table,
    "source-ports-clash": _random_ports,
}
