"""The chain at a hook in which a packet was lost: its name, and the host's rules without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hostgw.fabric import NamespaceState
from hostgw.model.kernel import Filter
from hostgw.paths.netfilter import Decision, Flow, passages
from hostgw.wire import Section, key

NATIVE = "nftables"
MAX_BARRIERS = 6


def barriers(state: NamespaceState, flow: Flow) -> tuple[Decision, ...]:
    """Return each base chain that would lose a packet, in order: an accept in one does not save it from the next."""
    found: list[Decision] = []
    while len(found) < MAX_BARRIERS:
        passage = passages(state).forwarded(flow)
        decided = passage.decided
        if not passage.lost or decided is None or not base_chains(state, decided):
            break
        found.append(decided)
        state = without(state, decided)
    return tuple(found)


def accepted_elsewhere(state: NamespaceState, flow: Flow, decided: Decision) -> bool:
    """Tell whether, but for one base chain, a rule lets the packet pass."""
    passage = passages(without(state, decided)).forwarded(flow)
    return not passage.lost and passage.decided is not None and passage.decided.rule is not None


def base_chains(state: NamespaceState, decided: Decision) -> tuple[str, ...]:
    """Return the names of the chains at the hook of a decision, in its table and backend."""
    row = state.filters.get(decided.backend)
    if row is None:
        return ()
    if decided.backend == NATIVE:
        return tuple(str(chain["name"]) for chain in _native_bases(row, decided))
    return (decided.hook.upper(),)


def _native_bases(row: Filter, decided: Decision) -> Iterator[dict[str, Any]]:
    for entry in msgspec.json.decode(row.text)["nftables"]:
        chain = entry.get("chain", {})
        if chain.get("hook") == decided.hook and f"{chain.get('family')} {chain.get('table')}" == decided.table:
            yield chain


def without(state: NamespaceState, decided: Decision) -> NamespaceState:
    """Return the state as if the base chains of a decision were empty and accepted."""
    rows = {name: row for name, row in state.filters.items() if name != decided.backend}
    old = state.filters[decided.backend]
    change = _native_without if decided.backend == NATIVE else _saved_without
    rows[decided.backend] = msgspec.structs.replace(old, text=change(old, decided))
    table = {key(Section.FILTERS, row): row for row in rows.values()}
    return NamespaceState({**state.tables, Section.FILTERS: table})


def _native_without(row: Filter, decided: Decision) -> str:
    gone = [chain["name"] for chain in _native_bases(row, decided)]
    family, _, table = decided.table.partition(" ")

    def stays(entry: dict[str, Any]) -> bool:
        chain, rule = entry.get("chain", {}), entry.get("rule", {})
        for item, name in ((chain, "name"), (rule, "chain")):
            if (item.get("family"), item.get("table")) == (family, table) and item.get(name) in gone:
                return False
        return True

    kept = [entry for entry in msgspec.json.decode(row.text)["nftables"] if stays(entry)]
    return msgspec.json.encode({"nftables": kept}).decode()


def _saved_without(row: Filter, decided: Decision) -> str:
    chain, table, kept = decided.hook.upper(), "", []
    for line in row.text.splitlines():
        table = line[1:].strip() if line.startswith("*") else table
        mine = table == decided.table
        if mine and line.startswith(f":{chain} "):
            kept.append(f":{chain} ACCEPT [0:0]")
        elif not (mine and f" {line} ".find(f" -A {chain} ") >= 0 and line.startswith(("[", "-A"))):
            kept.append(line)
    return "\n".join(kept)
