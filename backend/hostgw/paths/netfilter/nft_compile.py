"""Native nftables rules as a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from hostgw.model.nftables import NftChain, NftRule, NftRuleset, TableName, parse
from hostgw.paths.netfilter.nft_operands import Compared, Sets
from hostgw.paths.netfilter.nft_statements import Statements
from hostgw.paths.netfilter.program import Base, Program, ProgramRule

SEEN: Final = {"ip": "", "inet": "", "netdev": "", "bridge": "bridge "}
"""Families whose chains an IPv4 packet may meet; the hooks of bridge tables are called apart."""


@lru_cache(maxsize=512)
def compiled(text: str) -> Program:
    """Return the program of `nft -j list ruleset`."""
    return program(parse(text))


def program(rules: NftRuleset) -> Program:
    """Return the program of all tables that an IPv4 packet may meet."""
    compared = Compared()
    bases: list[Base] = []
    for table, chains in rules.chains.items():
        if table.family in SEEN:
            statements = Statements(Sets(rules.sets.get(table, {}), compared), compared)
            bases += _bases(table, chains, statements)
    return Program(
        tuple(bases),
        frozenset(compared.sources),
        frozenset(compared.destinations),
        compared.precise,
        compared.looks_back,
        problems=rules.problems,
    )


def _bases(table: TableName, chains: Mapping[str, NftChain], statements: Statements) -> Iterator[Base]:
    if not any(chain.hook for chain in chains.values()):
        return
    held = {name: tuple(_rule(rule, statements) for rule in chain.rules) for name, chain in chains.items()}
    for chain in chains.values():
        if chain.hook:
            yield Base(
                SEEN[table.family] + chain.hook,
                chain.priority,
                chain.name,
                "nftables",
                str(table),
                chain.kind,
                chain.policy == "drop",
                f"chain {chain.name} policy {chain.policy}",
                devices=frozenset(chain.devices),
                chains=held,
            )


def _rule(rule: NftRule, statements: Statements) -> ProgramRule:
    steps = [statements.step(statement) for statement in rule.statements]
    return ProgramRule(tuple(step for step in steps if step), rule, rule.text, rule.packets)
