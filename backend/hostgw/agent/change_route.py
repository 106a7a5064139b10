"""All routes to one prefix in one table, made to be exactly these, in this order.

The kernel sorts equal prefixes by tos and metric; routes that are equal in those too (a slot) stay in the order in
which they were added: NLM_F_APPEND puts one behind, none of the flags in front. So what may stay, stays; what stands
before it is prepended backwards, what stands behind it is appended.

A deletion takes the first route that fits, and fits loosely: what is not said (a source, metrics, a metric of 0) fits
any. Where a deletion could hit an earlier route that stays, nothing in that route's slot stays: then all of it is
deleted from the first on, which is exact, and added anew.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple

from hostgw.agent import routes
from hostgw.agent.netlink import APPEND, CREATE
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
Slot = Tuple[int, int]
DELETE, PREPEND, ADD_BEHIND = "delete", "prepend", "append"
_IGNORED = ("position",)
_VOLATILE_FLAGS = frozenset({"linkdown", "dead", "offload", "trap"})


def brief(rows: List[Row]) -> str:
    """Return routes in the words of ip-route(8): what is in the way when they are not as they were."""
    return "; ".join(_words(row) for row in rows)[:300] or "gone"


def _words(row: Row) -> str:
    kind = "" if row["type"] == "unicast" else f"{row['type']} "
    words = [f"{kind}{row['dst']}", *(f"nexthop via {hop['gateway']}" for hop in row["nexthops"])]
    told = {"via": row["gateway"], "proto": row["protocol"], "metric": row["metric"]}
    return " ".join([*words, *(f"{word} {value}" for word, value in told.items() if value)])


def read(watch: Watch, change: Row) -> List[Row]:
    """Return the routes that the change is about, in order."""
    return [row for row in routes.read(watch.netlink) if (row["table"], row["dst"]) == (change["table"], change["dst"])]


def same(first: List[Row], second: List[Row]) -> bool:
    """Tell whether two lists are the same routes in the same order."""
    return [_core(row) for row in _sorted(first)] == [_core(row) for row in _sorted(second)]


def _slot(row: Row) -> Slot:
    return -row["tos"], row["metric"]


def _sorted(rows: List[Row]) -> List[Row]:
    return sorted(rows, key=_slot)


def _core(row: Row) -> Row:
    """Return what makes a route: without its place and without what the kernel alone decides."""
    core = {name: value for name, value in row.items() if name not in _IGNORED}
    core["flags"] = sorted(set(row["flags"]) - _VOLATILE_FLAGS)
    core["nexthops"] = [{**hop, "flags": sorted(set(hop["flags"]) - _VOLATILE_FLAGS)} for hop in row["nexthops"]]
    if row["type"] != "unicast":
        core["oif"] = 0  # since 6.x the kernel shows lo for a blackhole, before it showed none
    if row["nexthop_id"]:
        core.update(gateway="", via="", oif=0, nexthops=[])
    elif core["scope"] == "global" and row["type"] == "unicast" and row["oif"] and not (row["gateway"] or row["via"]):
        core["scope"] = "link"  # the scope that ip(8) and the kernel give a route without a gateway
    return core


def make(watch: Watch, _change: Row, before: List[Row], after: List[Row]) -> None:
    """Delete what is too much, add what is missing, each at its place."""
    for verb, row in steps(before, after):
        body = routes.pack(_sendable(row))
        if verb == DELETE:
            watch.netlink.ask(routes.DELROUTE, body)
        else:
            watch.netlink.ask(routes.NEWROUTE, body, CREATE | (APPEND if verb == ADD_BEHIND else 0))


def steps(before: List[Row], after: List[Row]) -> List[Tuple[str, Row]]:
    """Return what to do, in order, that the kernel's list becomes `after`."""
    old, new = _sorted(before), _sorted(after)
    slots = {_slot(row) for row in [*old, *new]}
    stay = {slot: _run(_of(old, slot), _of(new, slot)) for slot in slots}
    while unclear := _unclear(old, new, stay):
        stay.update(dict.fromkeys(unclear, (0, 0)))
    found = [(DELETE, row) for row in old if not _stays(row, new, stay)]
    for slot in sorted(slots):
        wanted, (start, count) = _of(new, slot), stay[slot]
        if count:
            found += [(PREPEND, row) for row in reversed(wanted[:start])]
        found += [(ADD_BEHIND, row) for row in wanted[start + count if count else 0 :]]
    return found


def _of(rows: List[Row], slot: Slot) -> List[Row]:
    return [row for row in rows if _slot(row) == slot]


def _run(old: List[Row], new: List[Row]) -> Tuple[int, int]:
    """Return start and length of the longest piece of `new` that stands in `old` in the same order."""
    had, wanted = [_core(row) for row in old], [_core(row) for row in new]
    best = (0, 0)
    for start in range(len(wanted)):
        count, left = 0, iter(had)
        while start + count < len(wanted) and wanted[start + count] in left:  # `in` goes on behind what it found
            count += 1
        if count > best[1]:
            best = (start, count)
    return best


def _stays(row: Row, new: List[Row], stay: Dict[Slot, Tuple[int, int]]) -> bool:
    start, count = stay[_slot(row)]
    return _core(row) in [_core(kept) for kept in _of(new, _slot(row))[start : start + count]]


def _unclear(old: List[Row], new: List[Row], stay: Dict[Slot, Tuple[int, int]]) -> Set[Slot]:
    """Return the slots of routes that stay, and that the deletion of one behind them could hit."""
    staying = [_stays(row, new, stay) for row in old]
    return {
        _slot(other)
        for place, row in enumerate(old)
        if not staying[place]
        for other, stays in zip(old[:place], staying)
        if stays and may_hit(row, other)
    }


def may_hit(row: Row, other: Row) -> bool:
    """Tell whether the deletion of `row` could take `other` (fib_table_delete, fib_nh_match, fib_metrics_match)."""
    if any(row[name] != other[name] for name in ("tos", "protocol")):
        return False
    if (row["metric"] and row["metric"] != other["metric"]) or (row["src"] and row["src"] != other["src"]):
        return False
    if _core(row)["scope"] != _core(other)["scope"] or row["type"] != other["type"]:
        return False
    if not set(row["metrics"].items()) <= set(other["metrics"].items()):
        return False
    return _may_go_the_same_way(row, other)


def _may_go_the_same_way(row: Row, other: Row) -> bool:
    if row["nexthop_id"]:
        return bool(row["nexthop_id"] == other["nexthop_id"])
    mine, theirs = _first_way(row), _first_way(other)
    if other["nexthop_id"]:
        return not any(mine)
    return all(not wanted or wanted == found for wanted, found in zip(mine, theirs))


def _first_way(row: Row) -> Tuple[int, str, str]:
    hop = row["nexthops"][0] if row["nexthops"] and not row["nexthop_id"] else row
    oif = hop["oif"] if row["type"] == "unicast" else 0
    return oif, hop["gateway"], row["via"]


def _sendable(row: Row) -> Row:
    """Return the route as the kernel takes it: a blackhole has no device, a route without gateway is of link scope."""
    if row["nexthop_id"] and row["type"] == "blackhole":
        return {**row, "type": "unicast"}  # it only looks so, for its nexthop object is one
    if row["type"] != "unicast":
        return {**row, "oif": 0, "gateway": ""}
    return {**row, "scope": _core(row)["scope"]}
