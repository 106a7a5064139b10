"""The JSON of `nft -j list ruleset` as typed tables, chains, rules, sets and maps.

Expressions stay as the JSON has them: who evaluates them must expect any form. Source: libnftables-json(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from hostgw.clean import clean
from hostgw.model.nft_text import rule_text

MAX_ENTRIES = 1 << 18
MAX_NAME = 256
Json = Any


class TableName(NamedTuple):
    """A table: families have tables of their own."""

    family: str
    name: str

    def __str__(self) -> str:
        """Return ``inet firewalld``."""
        return f"{self.family} {self.name}"


@dataclass(frozen=True, slots=True)
class NftRule:
    """A rule of a native chain. `text` is the rule as nft would list it, without counters."""

    table: TableName
    chain: str
    handle: int
    text: str
    statements: tuple[Json, ...] = field(default=(), compare=False, repr=False)
    packets: int = -1
    """What its counter says; -1 for a rule without one."""


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain; a base chain has a `hook`."""

    table: TableName
    name: str
    kind: str = "filter"
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    devices: tuple[str, ...] = ()
    """Of netdev and inet ingress chains; nft 1.0 does not tell them in JSON."""
    rules: tuple[NftRule, ...] = ()


@dataclass(frozen=True, slots=True)
class NftSet:
    """A set or map and its elements; of a map, each is a list of key and value."""

    table: TableName
    name: str
    kind: Json = ""
    """The type of its keys as nft tells it: a name, a list of names, or for typeof more than that."""
    is_map: bool = False
    elements: tuple[Json, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class NftRuleset:
    """Everything that nft listed."""

    chains: Mapping[TableName, Mapping[str, NftChain]] = field(default_factory=dict)
    sets: Mapping[TableName, Mapping[str, NftSet]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What could not be read."""


@lru_cache(maxsize=512)
def parse(text: str) -> NftRuleset:
    """Return what `text` describes; entries of no known form are named in `problems`."""
    try:
        entries = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))["nftables"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return NftRuleset(problems=("the JSON of nft",) if text else ())
    if not isinstance(entries, list):
        return NftRuleset(problems=("the JSON of nft",))
    reader = _Reader()
    for kind, item in _items(entries[:MAX_ENTRIES]):
        try:
            reader.take(kind, item)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
            reader.problems.append(f"an nft {clean(kind, 32)}")
    if len(entries) > MAX_ENTRIES:
        reader.problems.append("more nft rules than are read")
    return reader.ruleset()


def _items(entries: list[Json]) -> Iterator[tuple[str, Json]]:
    for entry in entries:
        if isinstance(entry, dict):
            yield from entry.items()


class _Reader:
    def __init__(self) -> None:
        self._chains: dict[tuple[TableName, str], NftChain] = {}
        self._rules: dict[tuple[TableName, str], list[NftRule]] = {}
        self._sets: dict[TableName, dict[str, NftSet]] = {}
        self.problems: list[str] = []

    def take(self, kind: str, item: Json) -> None:
        """Take one entry in; kinds that no packet meets are passed over."""
        if kind == "chain":
            chain = _chain(item)
            self._chains[chain.table, chain.name] = chain
        elif kind == "rule":
            rule = _rule(item)
            self._rules.setdefault((rule.table, rule.chain), []).append(rule)
        elif kind in ("set", "map"):
            found = _set(item, kind == "map")
            self._sets.setdefault(found.table, {})[found.name] = found

    def ruleset(self) -> NftRuleset:
        """Return what was taken in."""
        chains: dict[TableName, dict[str, NftChain]] = {}
        for (table, name), rules in self._rules.items():
            self._chains.setdefault((table, name), NftChain(table, name))
            self._chains[table, name] = replace(self._chains[table, name], rules=tuple(rules))
        for (table, name), chain in self._chains.items():
            chains.setdefault(table, {})[name] = chain
        return NftRuleset(chains, self._sets, tuple(dict.fromkeys(self.problems)))


def _name(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("no name")
    return clean(value, MAX_NAME)


def _table(item: Json, key: str = "table") -> TableName:
    return TableName(_name(item["family"]), _name(item[key]))


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _chain(item: Json) -> NftChain:
    devices = item.get("dev", ())
    listed = (devices,) if isinstance(devices, str) else devices
    return NftChain(
        _table(item),
        _name(item["name"]),
        _name(item.get("type", "filter")),
        _name(item.get("hook", "")),
        _number(item.get("prio", 0)),
        _name(item.get("policy", "accept")),
        tuple(_name(device) for device in listed),
    )


def _rule(item: Json) -> NftRule:
    statements = item.get("expr", [])
    if not isinstance(statements, list):
        raise TypeError("no statements")
    counters = (s["counter"] for s in statements if isinstance(s, dict) and isinstance(s.get("counter"), dict))
    packets = next((found["packets"] for found in counters if isinstance(found.get("packets"), int)), -1)
    text = clean(rule_text(statements, item.get("comment", "")), 1024)
    return NftRule(_table(item), _name(item["chain"]), _number(item.get("handle", 0)), text, tuple(statements), packets)


def _set(item: Json, is_map: bool) -> NftSet:
    elements = item.get("elem", [])
    if not isinstance(elements, list):
        raise TypeError("no elements")
    return NftSet(_table(item), _name(item["name"]), item.get("type", ""), is_map, tuple(elements))
