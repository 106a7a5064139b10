"""Policy rules, neighbours and kernel settings, changed."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from hostgw.agent import neighbours, rules, sysctls
from hostgw.agent.netlink import CREATE, EXCL, REPLACE
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
_SETTABLE = ("permanent", "reachable", "stale", "noarp")
_RESOLVED = ("delay", "probe")


def same(first: Any, second: Any) -> bool:
    """Tell whether two states are equal."""
    return bool(first == second)


def same_rules(first: List[Row], second: List[Row]) -> bool:
    """Tell whether two lists are the same rules in the same order."""
    return [_rule(row) for row in first] == [_rule(row) for row in second]


def _rule(row: Row) -> Row:
    """Return a rule without its place, which the list says."""
    return {**row, "position": 0}


def read_rules(watch: Watch, change: Row) -> List[Row]:
    """Return the policy rules of a priority."""
    return [row for row in rules.read(watch.netlink) if row["priority"] == change["priority"]]


def make_rules(watch: Watch, _change: Row, before: List[Row], after: List[Row]) -> None:
    """Delete the rules that are too much, add those that are missing.

    The kernel puts a new rule behind those of its priority: what stands behind a new one goes and comes back.
    """
    stay = 0
    for row in before:
        if stay < len(after) and _rule(row) == _rule(after[stay]):
            stay += 1
        else:
            watch.netlink.ask(rules.DELRULE, rules.pack(row))
    for row in after[stay:]:
        watch.netlink.ask(rules.NEWRULE, rules.pack(row), CREATE | EXCL)


def read_neighbour(watch: Watch, change: Row) -> Optional[Row]:
    """Return an entry, or None; one that has no answer is none (a deleted one lingers like that)."""
    for row in neighbours.read(watch.netlink):
        if (row["index"], row["address"]) == (change["index"], change["address"]):
            return row if row["state"] in _SETTABLE + _RESOLVED else None
    return None


def same_neighbour(first: Optional[Row], second: Optional[Row]) -> bool:
    """Tell whether two entries are the same; a learned one changes its state all the time, goes and comes back."""
    if first is None or second is None:
        there = first or second
        return there is None or there["state"] != "permanent"
    pinned = "permanent" in (first["state"], second["state"])
    return bool(first["mac"] == second["mac"] and (first["state"] == second["state"] or not pinned))


def make_neighbour(watch: Watch, _change: Row, before: Optional[Row], after: Optional[Row]) -> None:
    """Delete or set an entry; one that was being resolved is left to be resolved anew."""
    if after is not None and after["state"] in _SETTABLE:
        watch.netlink.ask(neighbours.NEWNEIGH, neighbours.pack(after), CREATE | REPLACE)
    elif before is not None:
        watch.netlink.ask(neighbours.DELNEIGH, neighbours.pack({**before, "mac": "", "state": "none"}))


def read_sysctls(watch: Watch, change: Row) -> Dict[str, Any]:
    """Return the values of the settings that the change names; those that vanished with their device are left out."""
    _own_only(watch)
    values = {path: sysctls.value_of(path) for path in change["before"]}
    return {path: value for path, value in values.items() if value is not None}


def make_sysctls(watch: Watch, _change: Row, _before: Row, after: Dict[str, str]) -> None:
    """Write the values in the order given; one that is right by now is left alone."""
    _own_only(watch)
    for path, value in after.items():
        if sysctls.value_of(path) != value:
            sysctls.write(path, value)


def _own_only(watch: Watch) -> None:
    if watch.ns != 0:
        raise ValueError("settings of containers are not changed")
