"""Routes, policy rules, neighbours and forwarding databases, from `ip -j` and `bridge -j`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from hostgw.model.kernel import FdbEntry, Neighbour, NextHop, Route, Rule

Json = Mapping[str, Any]
TABLES = {"default": 253, "main": 254, "local": 255}
LATELY_S = 60
_MODELLED = frozenset(
    {
        *("priority", "src", "srclen", "dst", "dstlen", "table", "protocol", "iif", "oif", "fwmark", "fwmask", "tos"),
        *("not", "l3mdev", "suppress_prefixlen", "goto", "action", "iif_detached", "oif_detached", "unresolved"),
    }
)


def routes(entries: Iterable[Json], index: Mapping[str, int]) -> tuple[Route, ...]:
    """Return the routes of all tables but `local`; `index` has the ifindex of each device's name."""
    places: Counter[tuple[object, ...]] = Counter()
    found = []
    for entry in entries:
        table = _table(entry.get("table", "main"))
        if table == TABLES["local"]:
            continue
        route = _route(entry, table, index)
        slot = (table, route.dst, route.tos, route.metric)
        found.append(_placed(route, places[slot]))
        places[slot] += 1
    return tuple(found)


def _placed(route: Route, position: int) -> Route:
    return replace(route, position=position) if position else route


def _route(entry: Json, table: int, index: Mapping[str, int]) -> Route:
    hops = tuple(_hop(each, index) for each in entry.get("nexthops", ()))
    return Route(
        dst=_prefix(entry["dst"]),
        table=table,
        type=entry.get("type", "unicast"),
        gateway=entry.get("gateway", ""),
        oif=index.get(entry.get("dev", ""), 0),
        metric=entry.get("metric", 0),
        protocol=entry.get("protocol", "boot"),
        scope=entry.get("scope", "global"),
        src=entry.get("prefsrc", ""),
        tos=_number(entry.get("tos", 0)),
        flags=tuple(entry.get("flags", ())),
        nexthops=hops,
        nexthop_id=entry.get("nhid", 0),
        metrics={name: value for each in entry.get("metrics", ()) for name, value in each.items() if _whole(value)},
        via=entry.get("via", {}).get("host", "") if isinstance(entry.get("via"), dict) else "",
    )


def _hop(each: Json, index: Mapping[str, int]) -> NextHop:
    flags = tuple(each.get("flags", ())) + (("inet6",) if "via" in each else ())
    return NextHop(index.get(each.get("dev", ""), 0), each.get("gateway", ""), each.get("weight", 1), flags)


def rules(entries: Iterable[Json]) -> tuple[Rule, ...]:
    """Return the policy rules in the kernel's order."""
    places: Counter[int] = Counter()
    found = []
    for entry in entries:
        priority = entry.get("priority", 0)
        found.append(_rule(entry, priority, places[priority]))
        places[priority] += 1
    return tuple(found)


def _rule(entry: Json, priority: int, position: int) -> Rule:
    mark = _number(entry.get("fwmark", 0))
    action = entry.get("action", "goto" if "goto" in entry else "lookup")
    return Rule(
        priority=priority,
        table=_table(entry.get("table", "0")),
        action="lookup" if action == "to_tbl" else action,
        src=_selector(entry, "src"),
        dst=_selector(entry, "dst"),
        iif=entry.get("iif", ""),
        oif=entry.get("oif", ""),
        mark=mark,
        mask=_number(entry.get("fwmask", 0xFFFFFFFF if "fwmark" in entry else 0)),
        tos=_number(entry.get("tos", 0)),
        inverted="not" in entry,
        l3mdev="l3mdev" in entry,
        suppress_prefixlength=entry.get("suppress_prefixlen", -1),
        goto=_number(entry.get("goto", 0)),
        protocol=entry.get("protocol", "unspec"),
        other=tuple(sorted(entry.keys() - _MODELLED)),
        position=position,
    )


def neighbours(entries: Iterable[Json], index: Mapping[str, int]) -> tuple[Neighbour, ...]:
    """Return the ARP entries of devices that are known."""
    return tuple(
        Neighbour(index[entry["dev"]], entry["dst"], entry.get("lladdr", ""), _state(entry), _unanswered(entry))
        for entry in entries
        if entry.get("dev") in index and _state(entry) != "noarp"
    )


def _state(entry: Json) -> str:
    return str((*entry.get("state", ()), "none")[0]).lower()


def _unanswered(entry: Json) -> bool:
    if _state(entry) == "incomplete":
        return _number(entry.get("probes", 0)) >= 2
    return _state(entry) == "failed" and _number(entry.get("updated", LATELY_S)) < LATELY_S


def fdb(entries: Iterable[Json], index: Mapping[str, int]) -> tuple[FdbEntry, ...]:
    """Return what bridges have learnt, and their own addresses."""
    found = {
        (entry["ifname"], entry["mac"], entry.get("vlan", 0)): FdbEntry(
            index[entry["ifname"]],
            entry["mac"],
            index[entry["master"]],
            entry.get("vlan", 0),
            entry.get("state") == "permanent",
        )
        for entry in entries
        if entry.get("master") in index and entry.get("ifname") in index
    }
    return tuple(found.values())


def _prefix(text: str) -> str:
    if text == "default":
        return "0.0.0.0/0"
    return text if "/" in text else f"{text}/32"


def _selector(entry: Json, name: str) -> str:
    text = entry.get(name, "all")
    if text in ("all", ""):
        return ""
    return f"{text}/{entry.get(f'{name}len', 32)}"


def _table(text: object) -> int:
    """Return a table's number; one with a name of its own in rt_tables is none that we could know."""
    return TABLES.get(str(text), _number(text))


def _number(value: object) -> int:
    text = str(value)
    try:
        return int(text, 0)
    except ValueError:
        return 0


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
