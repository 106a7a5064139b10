"""Forwarding, reverse path and filter rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hostgw.checks.base_chains import NATIVE, base_chains
from hostgw.checks.docker import shut
from hostgw.checks.filtering import dropped
from hostgw.checks.nat import rulesets
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import ChainChange, NftRuleChange, SysctlChange
from hostgw.model.finding import Finding
from hostgw.model.iptables import Chain, Ruleset
from hostgw.paths.netfilter import Decision
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, accepts_held, own_subnet
from hostgw.plans.steps import step

USERS = "DOCKER-USER"
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_./-]{0,63}")


def _forwarding(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Writing ip_forward sets every conf/*/forwarding with it: the undo puts each back."""
    known = host.root.sysctls
    if finding.entry == "F2":
        path = next(path for path in known if path.replace("/", ".") == finding.subject)
        yield step(host, SysctlChange({path: "0"}, {path: "1"}), "let the host forward by this device", finding)
        return
    yield step(host, forwarding_change(host), "let the host forward", finding)


def forwarding_change(host: Host) -> SysctlChange:
    """Return the change that makes a router of a host."""
    known = host.root.sysctls
    before = {"net/ipv4/ip_forward": known.get("net/ipv4/ip_forward", "0")}
    before |= {path: value for path, value in known.items() if path.endswith("/forwarding") and "ipv4/conf" in path}
    return SysctlChange(before, dict.fromkeys(before, "1"))


def _loose(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """The larger of the settings of `all` and of the device counts: 2 for the device is loose whatever `all` says."""
    path = next((path for path in host.root.sysctls if path.replace("/", ".") == finding.subject), "")
    if path:
        change = SysctlChange({path: host.root.sysctls[path]}, {path: "2"})
        yield step(host, change, "take what comes in by this device from any source that is routed at all", finding)


def _forward(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Accept traffic inside the network at the head of every chain that drops it."""
    found = [drop for drop in dropped(host, mesh) if str(drop.subnet.prefix) == finding.subject]
    yield from _accepts(finding, host, mesh, (decided for drop in found for decided in drop.barriers))


def _direct(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Accept what the network sends to the own containers before Docker drops it."""
    found = [each for each in shut(host, mesh) if str(each.subnet.prefix) == finding.subject]
    yield from _accepts(finding, host, mesh, (decided for each in found for decided in each.barriers))


def _accepts(finding: Finding, host: Host, mesh: Mesh, barriers: Iterable[Decision]) -> Iterator[Step]:
    """Yield an accept per base chain: what one chain accepts, the next may still drop."""
    subnet = own_subnet(finding, host, mesh)
    if mesh.network is None or subnet is None:
        return
    summary = "accept traffic inside the network before it is dropped"
    network, done = str(mesh.network), set()
    for decided in barriers:
        place = (decided.backend, decided.table, decided.hook)
        if place in done:
            continue
        done.add(place)
        to = str(subnet.prefix) if decided.hook == "prerouting" else network
        for change in _heads(host, decided, network, to):
            yield step(host, change, summary, finding)


def _heads(host: Host, decided: Decision, source: str, to: str) -> Iterator[ChainChange | NftRuleChange]:
    if decided.backend == NATIVE:
        family, _, table = decided.table.partition(" ")
        for name in base_chains(host.root, decided):
            if _NAME.fullmatch(name) and _NAME.fullmatch(table):
                held = accepts_held(host, family, table, name, source, to)
                yield NftRuleChange(family, table, name, source, to, held, held + 1)
        return
    rules = next((rules for rules in rulesets(host) if rules.backend == decided.backend), None)
    chain = _head_chain(rules, decided) if rules else None
    if chain is not None:
        accept = f"-A {chain.name} -s {source} -d {to} -j ACCEPT"
        after = (accept, *(line for line in chain.lines if line != accept))
        yield ChainChange(decided.backend, decided.table, chain.name, chain.lines, after)


def _head_chain(rules: Ruleset, decided: Decision) -> Chain | None:
    """Return the chain for the accept: the built-in one, or the one that Docker leaves to us if it is met in time."""
    base = rules.chain(decided.table, decided.hook.upper())
    users = rules.chain(decided.table, USERS)
    if base is None or users is None or decided.hook != "forward":
        return base
    jump = next((i for i, rule in enumerate(base.rules) if rule.target == USERS and not rule.matches), None)
    if jump is None:
        return base
    before = base.rules[:jump]
    in_time = decided.rule not in before and decided.chain not in {rule.target for rule in before}
    return users if in_time else base


def _input(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Accept what comes in by the bridge at the head of INPUT."""
    for rules in rulesets(host):
        chain = rules.chain("filter", "INPUT")
        if chain is not None and (chain.rules or chain.policy == "DROP"):
            after = (f"-A INPUT -i {finding.subject} -j ACCEPT", *chain.lines)
            change = ChainChange(rules.backend, "filter", "INPUT", chain.lines, after)
            yield step(host, change, "accept what containers send to the host itself", finding)


RECIPES: dict[str, Recipe] = {
    "forwarding-off": _forwarding,
    "reverse-path-strict": _loose,
    "forward-dropped": _forward,
    "direct-access-dropped": _direct,
    "input-dropped": _input,
}
