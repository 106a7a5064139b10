"""NAT as rows: verdicts of representative packets, rules with counters and words, tracked flows."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from hostgw.checks.nat import Case, cases, rulesets, spared_by
from hostgw.clean import clean
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.ip import address_text
from hostgw.model.iptables import Chain, FilterRule, Ruleset
from hostgw.model.kernel import ConntrackEntry
from hostgw.paths.netfilter import Decision, Verdict
from hostgw_tui.host.rates import Rates, count, size
from hostgw_tui.host.rows import spark
from hostgw_tui.look import Line, Part, Row, Sign, Tone, cell, heading, line
from hostgw_tui.nat.words import meaning

MAX_NAMED = 3
SPARK = 14
OUTWARD = "container to outside"
BUILT_IN = {"nat": ("POSTROUTING", "PREROUTING", "OUTPUT", "INPUT"), "filter": ("FORWARD",)}


def case_rows(host: Host, view: View) -> list[Row]:
    """Return a row per representative packet; those to other hosts that fare alike share one."""
    groups: dict[tuple[str, Sign, str], list[Case]] = {}
    for case in cases(host, view.mesh):
        groups.setdefault((_kind(case), verdict(case), decided_by(case, host)), []).append(case)
    return [_case_row(sign, decided, found) for (_, sign, decided), found in groups.items()]


def _kind(case: Case) -> str:
    return case.name.partition(" to ")[0] + ("" if "'s " not in case.name else " to others")


def _case_row(sign: Sign, decided: str, found: list[Case]) -> Row:
    name = found[0].name
    if "'s containers" in name:
        owners = sorted({case.name.partition(" to ")[2].removesuffix("'s containers") for case in found})
        shown = ", ".join(owners[:MAX_NAMED]) + (
            f" and {len(owners) - MAX_NAMED} more" if len(owners) > MAX_NAMED else ""
        )
        name = f"{name.partition(' to ')[0]} to containers of {shown}"
    flow = f"{address_text(found[0].flow.source)} → {address_text(found[0].flow.destination)}"
    return Row(f"{name} {decided}", (cell(name), sign.cell, cell(decided, Tone.DIM), cell(flow, Tone.DIM)))


def decided_by(case: Case, host: Host) -> str:
    """Return what decided: what is not known, a rule by its number, a policy; else the rule that sent it back."""
    if case.verdict is Verdict.UNKNOWN:
        return ", ".join(case.passage.unknown) or "not known"
    if case.decision is not None:
        return _place(case.decision, host)
    spared = spared_by(host, case)
    return _numbered(spared, "nat", host) if spared else "no rule concerns it"


def _place(decided: Decision, host: Host) -> str:
    if decided.rule is None:
        return f"policy of {decided.table} {decided.chain}"
    if isinstance(decided.rule, FilterRule):
        return _numbered(decided.rule, decided.table, host)
    return f"{clean(decided.table, 40)} {clean(decided.chain, 40)}: {clean(decided.text, 80)}"


def _numbered(rule: FilterRule, table: str, host: Host) -> str:
    chains = (rules.chain(table, rule.chain) for rules in rulesets(host))
    place = next((i for chain in chains if chain for i, other in enumerate(chain.rules, 1) if other == rule), 0)
    return f"rule {place} of {rule.chain}"


def verdict(case: Case) -> Sign:
    """Return whether what becomes of the packet is right."""
    found = case.verdict
    inside = case.name.startswith("container to ") and case.name != OUTWARD
    if found is Verdict.UNKNOWN:
        return Sign("?", "unknown", Tone.WARN)
    if found is Verdict.SNAT:
        return Sign("✗", "SNAT", Tone.BAD) if inside else Sign("⇄", "SNAT", Tone.OK)
    if found in (Verdict.DROP, Verdict.REJECT):
        return Sign("✗", found.value, Tone.BAD)
    if case.name == OUTWARD:
        return Sign("▲", "no SNAT", Tone.WARN)
    return Sign("✓", "source kept", Tone.OK) if found is Verdict.ACCEPT else Sign("⇄", found.value, Tone.NOTE)


def totals(host: Host) -> dict[object, tuple[int, ...]]:
    """Return packets and bytes of each rule, by its place."""
    return {
        key: (rule.packets, rule.bytes)
        for rules in rulesets(host)
        for table in BUILT_IN
        for chain in rules.tables.get(table, {}).values()
        for key, rule in _placed(rules, table, chain)
    }


def _placed(rules: Ruleset, table: str, chain: Chain) -> Iterator[tuple[str, FilterRule]]:
    seen: dict[str, int] = {}
    for rule in chain.rules:
        seen[rule.text] = seen.get(rule.text, 0) + 1
        yield f"{rules.backend} {table} {chain.name} {rule.text} {seen[rule.text]}", rule


def rule_rows(host: Host, mesh: Mesh, rates: Rates, with_filter: bool) -> list[Row]:
    """Return the rules, chain by chain: built-in chains first, then those that hold rules."""
    rows: list[Row] = []
    for rules in rulesets(host):
        for table in ("nat", "filter") if with_filter else ("nat",):
            for chain in _chains(rules, table):
                rows += _chain_rows(rules, table, chain, host, mesh, rates)
    for backend, held in host.root.filters.items():
        if held.error:
            rows.append(heading(f"error {backend}", f"✗ {backend}: {held.error}", Tone.BAD))
    return rows


def _chains(rules: Ruleset, table: str) -> Iterator[Chain]:
    chains = rules.tables.get(table, {})
    first = BUILT_IN[table]
    yield from (chains[name] for name in first if name in chains and (chains[name].rules or name == first[0]))
    reached = _reached(chains[name] for name in first if name in chains)
    for name, chain in chains.items():
        if name not in first and chain.rules and (table == "nat" or name in reached):
            yield chain


def _reached(chains: Iterable[Chain]) -> frozenset[str]:
    return frozenset(rule.target for chain in chains for rule in chain.rules)


def _chain_rows(rules: Ruleset, table: str, chain: Chain, host: Host, mesh: Mesh, rates: Rates) -> Iterator[Row]:
    policy = f", policy {chain.policy}" if chain.policy != "-" else ""
    tone = Tone.WARN if chain.policy == "DROP" else Tone.STRONG
    yield heading(f"{rules.backend} {table} {chain.name}", f"{table} {chain.name} ({rules.backend}){policy}", tone)
    for place, (key, rule) in enumerate(_placed(rules, table, chain), 1):
        found = rates.per_second(key)
        cells = (
            cell(place, Tone.DIM),
            cell(count(rule.packets), Tone.PLAIN if rule.packets else Tone.DIM),
            cell(size(rule.bytes), Tone.PLAIN if rule.bytes else Tone.DIM),
            cell(f"{count(found[0])}/s" if found else "", Tone.OK if found and found[0] else Tone.DIM),
            spark(rates.recent(key, 0), SPARK),
            cell(meaning(rule, mesh, host.name)),
            cell(rule.text.partition(f"-A {chain.name} ")[2], Tone.CODE),
        )
        yield Row(key, cells)


def rule_lines(rule_key: str, host: Host, mesh: Mesh) -> Iterator[Line]:
    """Yield a rule in full."""
    if found := _rule(rule_key, host):
        backend, table, rule = found
        yield line(Part("means     ", Tone.DIM), meaning(rule, mesh, host.name))
        yield line(Part("rule      ", Tone.DIM), Part(f"-t {table} {rule.text}", Tone.CODE))
        yield line(Part("counted   ", Tone.DIM), f"{rule.packets:,} packets, {rule.bytes:,} bytes")
        yield line(Part("backend   ", Tone.DIM), backend)


def rule_command(rule_key: str, host: Host) -> str:
    """Return what makes a rule, to be pasted: a comment in it is anybody's text, and quoted; empty for a heading."""
    if not (found := _rule(rule_key, host)):
        return ""
    backend, table, rule = found
    return shlex.join([f"iptables-{backend}", "-t", table, *shlex.split(rule.text)])


def _rule(rule_key: str, host: Host) -> tuple[str, str, FilterRule] | None:
    """Return backend, table and rule of a row."""
    for rules in rulesets(host):
        for table in BUILT_IN:
            for chain in rules.tables.get(table, {}).values():
                rule = next((rule for key, rule in _placed(rules, table, chain) if key == rule_key), None)
                if rule is not None:
                    return rules.backend, table, rule
    return None


def flow_rows(entries: Iterable[ConntrackEntry]) -> list[Row]:
    """Return tracked flows: protocol, original pair, what NAT makes of it, state, seconds left."""
    return [_flow_row(place, entry) for place, entry in enumerate(entries)]


def _flow_row(place: int, entry: ConntrackEntry) -> Row:
    original = f"{_end(entry.source, entry.source_port)} → {_end(entry.destination, entry.destination_port)}"
    state = entry.state or ("unreplied" if "UNREPLIED" in entry.status else "")
    cells = (
        cell(clean(entry.protocol, 8)),
        cell(original),
        translation(entry),
        cell(clean(state, 12), Tone.WARN if state == "unreplied" else Tone.DIM),
        cell(f"{entry.timeout}s", Tone.DIM),
        cell(count(entry.packets) if entry.packets else "", Tone.DIM),
    )
    return Row(f"{place} {original}", cells)


def translation(entry: ConntrackEntry) -> Line:
    """Return what NAT makes of a flow: the reply goes to another address than the original came from."""
    parts = []
    if (entry.reply_destination, entry.reply_destination_port) != (entry.source, entry.source_port):
        parts.append(f"SNAT {_end(entry.reply_destination, entry.reply_destination_port)}")
    if (entry.reply_source, entry.reply_source_port) != (entry.destination, entry.destination_port):
        parts.append(f"DNAT {_end(entry.reply_source, entry.reply_source_port)}")
    return cell(" ".join(parts) or "none", Tone.NAME if parts else Tone.DIM)


def _end(address: str, port: int) -> str:
    return f"{clean(address, 45)}:{port}" if port else clean(address, 45)
