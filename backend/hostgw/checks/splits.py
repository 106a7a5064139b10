"""Rules in both iptables backends, and rules that hide what stands behind them (catalogue 3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.nat import rulesets
from hostgw.checks.words import counted, finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.iptables import Chain, FilterRule, Ruleset

STARTS = {"nat": ("PREROUTING", "POSTROUTING"), "filter": ("FORWARD",)}
"""Where what containers send and get begins its way through the tables."""
NAMES = {"nft": "iptables-nft", "legacy": "iptables-legacy"}
LOSING = frozenset({"DROP", "REJECT"})


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is odd about the rules of a host as a whole."""
    found = list(rulesets(host))
    yield from _split(host, found)
    for rules in found:
        yield from _hiding(host, rules)


def _split(host: Host, found: list[Ruleset]) -> Iterator[Finding]:
    """A legacy table that is merely loaded, and chains without rules, harm nobody."""
    counts = {rules.backend: sum(len(chain.rules) for chain in concerned(rules)) for rules in found}
    if len(counts) < 2 or not all(counts.values()):
        return
    told = " and ".join(f"{NAMES[backend]} ({counted(count, 'rule')})" for backend, count in sorted(counts.items()))
    summary = f"{host.name} has rules for containers' traffic in both backends: {told}"
    effect = "each program sees and puts in order the rules of its own backend only, and the kernel obeys both"
    evidence = tuple(
        f"{NAMES[rules.backend]}: {chain.rules[0].text}" for rules in found for chain in concerned(rules) if chain.rules
    )
    yield finding("iptables-split", host.name, "legacy", summary, effect, evidence[:6])


def concerned(rules: Ruleset) -> Iterator[Chain]:
    """Yield the chains that forwarded packets can come to."""
    for table, starts in STARTS.items():
        chains = rules.tables.get(table, {})
        todo, seen = list(starts), set(starts)
        while todo:
            chain = rules.chain(table, todo.pop())
            if chain is None:
                continue
            yield chain
            called = {rule.target for rule in chain.rules if rule.target in chains} - seen
            seen |= called
            todo += sorted(called)


def _hiding(host: Host, rules: Ruleset) -> Iterator[Finding]:
    """Yield chains in which a drop of everything stands before other rules: it may have lost its match."""
    chain = next((chain for chain in concerned(rules) if _hides(chain)), None)
    if chain is not None:
        place = next(i for i, rule in enumerate(chain.rules) if _loses_all(rule))
        behind = len(chain.rules) - place - 1
        summary = f"rule {place + 1} of {chain.name} on {host.name} drops everything: {behind} behind it never count"
        effect = "a rule loses its match when an iptables of another version writes it; what comes here is lost"
        evidence = (chain.rules[place].text, chain.rules[place + 1].text)
        yield finding("rule-without-match", host.name, chain.name, summary, effect, evidence)


def _hides(chain: Chain) -> bool:
    return any(_loses_all(rule) for rule in chain.rules[:-1])


def _loses_all(rule: FilterRule) -> bool:
    return rule.target in LOSING and all(option.name == "--comment" for option in rule.matches)
