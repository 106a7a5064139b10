"""What a change is about: the names of its objects, how they are in the present picture, when two states are equal.

It compares as the host does (`agent/changer.py`): what a host would call stale is refused in the preview already. A
kind that the picture does not show is left to the host.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from msgspec import structs

from hostgw.checks.nat import rulesets
from hostgw.fabric import Host, NamespaceState
from hostgw.model.change import (
    AddressChange,
    AttachmentChange,
    BridgeChange,
    ChainChange,
    Change,
    ConntrackChange,
    FileChange,
    LinkChange,
    LinkState,
    NeighbourChange,
    NftRuleChange,
    RouteChange,
    RuleChange,
    ServiceChange,
    SysctlChange,
)
from hostgw.model.kernel import Address, Neighbour, Route, Rule
from hostgw.plans.recipes.parts import accepts_held

UNSEEN = "unseen"
"""The state of an object that the picture does not show: it equals every other."""
GONE = "gone"
"""The state of a device that is not there any more, or is another one of the same name."""
RUNS, RESTARTED = "runs", "restarted"
"""A daemon, which is restarted once however many of its files come back."""
MAIN = 254
VOLATILE = frozenset({"linkdown", "dead", "offload", "trap"})
RESOLVED = frozenset({"permanent", "reachable", "stale", "noarp", "delay", "probe"})
SAME_ADDRESS = ("address", "length", "scope", "noprefixroute", "peer", "metric")


# ---- names ----


def objects(change: Change) -> tuple[str, ...]:
    """Return the names of what a change alters, as a person would say them."""
    if isinstance(change, SysctlChange):
        return tuple(path for path in change.after if change.before.get(path) != change.after[path])
    return () if isinstance(change, ServiceChange) else (_name(change),)


def stands_on(change: Change) -> tuple[str, ...]:
    """Return the names of what must stay as long as a change does."""
    return (f"bridge {change.bridge}",) if isinstance(change, AttachmentChange) else ()


def slot(change: Change) -> str:
    """Return a name that is the same for changes that one change can do together."""
    return "settings" if isinstance(change, SysctlChange) else _name(change)


@singledispatch
def _name(change: object) -> str:
    told = {name: value for name, value in structs.asdict(change).items() if name not in ("before", "after")}  # type: ignore[arg-type]
    return " ".join(map(str, (type(change).__name__, *told.values())))


@_name.register
def _route_name(change: RouteChange) -> str:
    return f"the route to {change.dst}{'' if change.table == MAIN else f' in table {change.table}'}"


@_name.register
def _rule_name(change: RuleChange) -> str:
    return f"policy rule {change.priority}"


@_name.register
def _link_name(change: LinkChange) -> str:
    return f"device {change.name}"


@_name.register
def _bridge_name(change: BridgeChange) -> str:
    return f"bridge {change.name}"


@_name.register
def _attachment_name(change: AttachmentChange) -> str:
    return f"the veth pair {change.name}"


@_name.register
def _address_name(change: AddressChange) -> str:
    return f"the addresses of {change.name}"


@_name.register
def _neighbour_name(change: NeighbourChange) -> str:
    return f"neighbour {change.address} on {change.name}"


@_name.register
def _chain_name(change: ChainChange) -> str:
    return f"chain {change.chain} of {change.table} ({change.backend})"


@_name.register
def _nft_name(change: NftRuleChange) -> str:
    where = f"{change.family} {change.table} {change.chain}"
    return f"the accept of {change.source} to {change.destination} in {where}"


@_name.register
def _file_name(change: FileChange) -> str:
    return f"the file {change.path}"


# ---- the present ----


@singledispatch
def present(change: object, host: Host, ns: int) -> Any:
    """Return how the object of a change is now, in the form of its `before` and `after`."""
    return UNSEEN


def _state(host: Host, ns: int) -> NamespaceState:
    return host.snapshot.state(ns) if host.snapshot else host.root


@present.register
def _route_now(change: RouteChange, host: Host, ns: int) -> Any:
    held = _state(host, ns).routes
    return tuple(route for route in held if (route.table, route.dst) == (change.table, change.dst))


@present.register
def _rule_now(change: RuleChange, host: Host, ns: int) -> Any:
    return tuple(rule for rule in _state(host, ns).rules if rule.priority == change.priority)


@present.register
def _link_now(change: LinkChange, host: Host, ns: int) -> Any:
    link = _state(host, ns).links.get(change.index)
    if link is None or link.name != change.name:
        return GONE
    port, bridge = link.port, link.bridge
    flags = (bridge.stp if bridge else None, *((port.hairpin, port.isolated) if port else (None, None)))
    return LinkState(link.up, link.master, link.mtu, link.mac, link.mac_is_set, *flags)


@present.register
def _bridge_now(change: BridgeChange, host: Host, ns: int) -> Any:
    link = _state(host, ns).links_by_name.get(change.name)
    return GONE if link and link.kind != "bridge" else link is not None


@present.register
def _attachment_now(change: AttachmentChange, host: Host, ns: int) -> Any:
    links = _state(host, ns).links_by_name
    link, bridge = links.get(change.name), links.get(change.bridge)
    strange = link and (link.kind != "veth" or bridge is None or link.master != bridge.index)
    return GONE if strange else link is not None


@present.register
def _address_now(change: AddressChange, host: Host, ns: int) -> Any:
    state = _state(host, ns)
    link = state.links_by_name.get(change.name)
    if link is None:
        return GONE if change.index else ()
    return GONE if change.index not in (0, link.index) else state.addresses_of(link.index)


@present.register
def _neighbour_now(change: NeighbourChange, host: Host, ns: int) -> Any:
    held = _state(host, ns).neighbours
    mine = (entry for entry in held if (entry.index, entry.address) == (change.index, change.address))
    return next((entry for entry in mine if entry.state in RESOLVED), None)


@present.register
def _settings_now(change: SysctlChange, host: Host, ns: int) -> Any:
    return host.root.sysctls


@present.register
def _chain_now(change: ChainChange, host: Host, ns: int) -> Any:
    rules = next((rules for rules in rulesets(host) if rules.backend == change.backend), None)
    chain = rules.chain(change.table, change.chain) if rules else None
    return chain.lines if chain else ()


@present.register
def _nft_now(change: NftRuleChange, host: Host, ns: int) -> Any:
    where = (change.family, change.table, change.chain, change.source, change.destination)
    return accepts_held(host, *where)


# ---- comparing ----


def sides(change: Change) -> tuple[Any, Any]:
    """Return `before` and `after`."""
    if isinstance(change, ServiceChange):
        return RUNS, RESTARTED
    return (None, None) if isinstance(change, ConntrackChange) else (change.before, change.after)


def holds(state: Any, wanted: Any) -> bool:
    """Tell whether an object in `state` is as `wanted`, in what both speak of."""
    if state is UNSEEN or state is GONE:
        return state is UNSEEN
    if isinstance(wanted, dict):  # settings that went with their device are nobody's any more
        return all(state[path] == value for path, value in wanted.items() if path in state)
    if isinstance(wanted, LinkState):
        pairs = [(getattr(state, name), getattr(wanted, name)) for name in LinkState.__struct_fields__]
        return all(mine == theirs for mine, theirs in pairs if None not in (mine, theirs))
    if isinstance(wanted, Neighbour) or isinstance(state, Neighbour):
        return _same_neighbour(state, wanted)
    if isinstance(wanted, tuple):
        return list(map(_core, state)) == list(map(_core, wanted))
    return bool(state == wanted)


def then(state: Any, made: Any) -> Any:
    """Return the state of an object that was `state` and is made `made`."""
    if isinstance(made, dict):
        return {**state, **{path: value for path, value in made.items() if path in state}}
    return filled(made, state) if isinstance(made, LinkState) and isinstance(state, LinkState) else made


def filled(wanted: LinkState, other: LinkState) -> LinkState:
    """Return a state of a device with what it does not speak of taken from another."""
    silent = [name for name in LinkState.__struct_fields__ if getattr(wanted, name) is None]
    return structs.replace(wanted, **{name: getattr(other, name) for name in silent})


def _core(row: Any) -> Any:
    """Return what makes a route, a rule or an address, without its place and what the kernel alone decides."""
    if isinstance(row, Route):
        flags = tuple(sorted(set(row.flags) - VOLATILE))
        hops = tuple(structs.replace(h, flags=tuple(sorted(set(h.flags) - VOLATILE))) for h in row.nexthops)
        linked = row.type == "unicast" and row.oif and not (row.gateway or row.via)
        scope = "link" if linked and row.scope == "global" else row.scope
        oif = row.oif if row.type == "unicast" and not row.nexthop_id else 0
        core = structs.replace(row, position=0, flags=flags, nexthops=hops, scope=scope, oif=oif)
        return structs.replace(core, gateway="", via="", nexthops=()) if row.nexthop_id else core
    if isinstance(row, Rule):
        return structs.replace(row, position=0)
    return tuple(getattr(row, name) for name in SAME_ADDRESS) if isinstance(row, Address) else row


def _same_neighbour(first: Neighbour | None, second: Neighbour | None) -> bool:
    """Tell whether two entries are the same; a learned one changes its state all the time, goes and comes back."""
    if first is None or second is None:
        there = first or second
        return there is None or there.state != "permanent"
    pinned = "permanent" in (first.state, second.state)
    return first.mac == second.mac and (first.state == second.state or not pinned)


# ---- putting together ----


def joined(first: Change, second: Change) -> Change:
    """Return one change that does what two of the same slot do, one after the other."""
    before, after = sides(first)[0], sides(second)[1]
    if isinstance(first, SysctlChange) and isinstance(second, SysctlChange):
        before = second.before | first.before
        after = second.after | {path: value for path, value in first.after.items() if path not in second.after}
    if isinstance(first, LinkChange) and isinstance(second, LinkChange):
        before, after = filled(first.before, second.before), filled(second.after, first.after)
    made: Change = structs.replace(second, before=before, after=after)
    if isinstance(first, ChainChange) and isinstance(second, ChainChange):
        missing = "after" if second.missing == "after" else "before" if first.missing == "before" else ""
        return structs.replace(made, missing=missing)
    return made


def without_gone(change: Change, state: Any) -> Change:
    """Return a change less the settings that went with their device."""
    if not isinstance(change, SysctlChange) or not isinstance(state, dict):
        return change
    before, after = ({p: v for p, v in values.items() if p in state} for values in (change.before, change.after))
    return structs.replace(change, before=before, after=after)
