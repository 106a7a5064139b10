"""The commands that do what a change does, as a person would type them as root on the host."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from functools import singledispatch

from hostgw.fabric import NamespaceState
from hostgw.model.change import (
    AddressChange,
    AttachmentChange,
    BridgeChange,
    ChainChange,
    Change,
    ConntrackChange,
    FileChange,
    LinkChange,
    NeighbourChange,
    NftRuleChange,
    RouteChange,
    RuleChange,
    ServiceChange,
    SysctlChange,
)
from hostgw.model.kernel import Address, Route, Rule
from hostgw.plans.file_text import writing

Argv = tuple[str, ...]
Name = Callable[[int], str]

BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
RESTORE = {"nft": "iptables-nft", "legacy": "iptables-legacy"}


def commands(change: Change, state: NamespaceState) -> tuple[Argv, ...]:
    """Return argv lists that, run in order, do the same as the typed change."""
    return tuple(_commands(change, state.name_of))


@singledispatch
def _commands(change: object, name: Name) -> Iterator[Argv]:
    raise TypeError(f"no commands for {type(change).__name__}")


@_commands.register
def _route(change: RouteChange, name: Name) -> Iterator[Argv]:
    stay = _common_order(change)
    for route in change.before:
        if route not in stay:
            yield ("ip", "route", "del", *route_words(route, name))
    place = change.after.index(stay[0]) if stay else len(change.after)
    for route in reversed(change.after[:place]):
        yield ("ip", "route", "prepend" if stay else "add", *route_words(route, name))
    for route in change.after[place:]:
        if route not in stay:
            yield ("ip", "route", "append", *route_words(route, name))


def _common_order(change: RouteChange) -> tuple[Route, ...]:
    return tuple(route for route in change.after if route in change.before)


def route_words(route: Route, name: Name) -> Argv:
    """Return the words that name a route after ``ip route add``."""
    words = [] if route.type == "unicast" else [route.type]
    words.append(route.dst)
    if route.nexthop_id:
        words += ["nhid", str(route.nexthop_id)]
    else:
        words += _hop_words(f"inet6 {route.via}" if route.via else route.gateway, route.oif, name)
    words += _attribute_words(route)
    for hop in () if route.nexthop_id else route.nexthops:  # ip(8) takes nothing but next hops behind the first one
        words += ["nexthop", *_hop_words(hop.gateway, hop.oif, name), "weight", str(hop.weight), *_onlink(hop.flags)]
    return tuple(words)


def _attribute_words(route: Route) -> Iterator[str]:
    if route.table != 254:
        yield from ("table", str(route.table))
    yield from ("proto", route.protocol)
    if route.scope not in ("global", "nowhere") and route.type == "unicast":
        yield from ("scope", route.scope)
    if route.src:
        yield from ("src", route.src)
    if route.tos:
        yield from ("tos", hex(route.tos))
    if route.metric:
        yield from ("metric", str(route.metric))
    for key, value in route.metrics.items():
        yield from (key, str(value))
    yield from _onlink(route.flags)


def _hop_words(gateway: str, oif: int, name: Name) -> list[str]:
    words = ["via", *gateway.split()] if gateway else []
    return [*words, "dev", name(oif)] if oif else words


def _onlink(flags: tuple[str, ...]) -> Argv:
    return ("onlink",) if "onlink" in flags else ()


@_commands.register
def _link(change: LinkChange, name: Name) -> Iterator[Argv]:
    before, after = change.before, change.after
    if before.master != after.master:
        master = ("master", name(after.master)) if after.master else ("nomaster",)
        yield ("ip", "link", "set", "dev", change.name, *master)
    if before.mtu != after.mtu:
        yield ("ip", "link", "set", "dev", change.name, "mtu", str(after.mtu))
    if (before.mac != after.mac or (after.mac_is_set and not before.mac_is_set)) and after.mac:
        yield ("ip", "link", "set", "dev", change.name, "address", after.mac)
    if before.stp != after.stp:
        yield ("ip", "link", "set", "dev", change.name, "type", "bridge", "stp_state", str(int(after.stp or False)))
    for flag, old, new in (
        ("hairpin", before.hairpin, after.hairpin),
        ("isolated", before.isolated, after.isolated),
    ):
        if old != new:
            yield ("bridge", "link", "set", "dev", change.name, flag, "on" if new else "off")
    if before.up != after.up:
        yield ("ip", "link", "set", "dev", change.name, "up" if after.up else "down")


@_commands.register
def _bridge(change: BridgeChange, name: Name) -> Iterator[Argv]:
    if change.after:
        yield ("ip", "link", "add", "name", change.name, "address", change.mac, "type", "bridge")
        yield ("ip", "link", "set", "dev", change.name, "up")
    else:
        yield ("ip", "link", "del", "dev", change.name)


@_commands.register
def _attachment(change: AttachmentChange, name: Name) -> Iterator[Argv]:
    if not change.after:
        yield ("ip", "link", "del", "dev", change.name)
        return
    place, inner = change.path, ("nsenter", f"--net={change.path}", "ip")
    yield ("ip", "link", "add", "name", change.name, "type", "veth", "peer", "name", change.inner, "netns", place)
    yield ("ip", "link", "set", "dev", change.name, "master", change.bridge, "up")
    yield (*inner, "address", "add", change.address, "dev", change.inner)
    yield (*inner, "link", "set", "dev", "lo", "up")
    yield (*inner, "link", "set", "dev", change.inner, "up")
    yield (*inner, "route", "add", "default", "via", change.gateway, "dev", change.inner)


@_commands.register
def _address(change: AddressChange, name: Name) -> Iterator[Argv]:
    for address in change.before:
        if address not in change.after:
            yield ("ip", "address", "del", f"{address.address}/{address.length}", "dev", change.name)
    for address in change.after:
        if address not in change.before:
            yield ("ip", "address", "add", *_address_words(address), "dev", change.name)


def _address_words(address: Address) -> Iterator[str]:
    yield f"{address.address}/{address.length}"
    if address.broadcast:
        yield from ("broadcast", address.broadcast)
    if address.scope != "global":
        yield from ("scope", address.scope)
    if address.noprefixroute:
        yield "noprefixroute"


@_commands.register
def _sysctl(change: SysctlChange, name: Name) -> Iterator[Argv]:
    for path, value in change.after.items():
        if change.before.get(path) != value:
            yield ("sysctl", "-w", f"{path.replace('.', '/') if '.' in path else path.replace('/', '.')}={value}")


@_commands.register
def _chain(change: ChainChange, name: Name) -> Iterator[Argv]:
    """Delete from the end, so that the numbers stay true; then insert from the start."""
    tool = (RESTORE[change.backend], "-w", "-t", change.table)
    own = change.missing if change.chain not in BUILT_IN else ""
    if own == "before":
        yield (*tool, "-N", change.chain)
    stay = longest_common(change.before, change.after)
    gone = _unmatched(change.before, stay)
    for place in reversed(gone):
        yield (*tool, "-D", change.chain, str(place + 1))
    for place in _unmatched(change.after, stay):
        yield (*tool, "-I", change.chain, str(place + 1), *shlex.split(change.after[place])[2:])
    if own == "after":
        yield (*tool, "-X", change.chain)


def longest_common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Return the longest common subsequence of two rule lists: the rules that need not move."""
    best: list[list[tuple[str, ...]]] = [[()] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            longer = max(best[i][j + 1], best[i + 1][j], key=len)
            best[i + 1][j + 1] = (*best[i][j], left) if left == right else longer
    return best[-1][-1]


def _unmatched(rules: tuple[str, ...], stay: tuple[str, ...]) -> list[int]:
    places, taken = [], 0
    for place, rule in enumerate(rules):
        if taken < len(stay) and stay[taken] == rule:
            taken += 1
        else:
            places.append(place)
    return places


@_commands.register
def _rule(change: RuleChange, name: Name) -> Iterator[Argv]:
    known, wanted = ([tuple(_rule_words(rule)) for rule in rules] for rules in (change.before, change.after))
    for words in known:
        if words not in wanted:
            yield ("ip", "rule", "del", *words)
    for words in wanted:
        if words not in known:
            yield ("ip", "rule", "add", *words)


def _rule_words(rule: Rule) -> Iterator[str]:
    if rule.inverted:
        yield "not"
    yield from ("pref", str(rule.priority))
    for word, value in (("from", rule.src), ("to", rule.dst), ("iif", rule.iif), ("oif", rule.oif)):
        if value:
            yield from (word, value)
    if rule.mark or rule.mask:
        yield from ("fwmark", f"{rule.mark:#x}/{rule.mask:#x}")
    if rule.tos:
        yield from ("tos", hex(rule.tos))
    yield from {"lookup": ("lookup", str(rule.table)), "goto": ("goto", str(rule.goto))}.get(
        rule.action, (rule.action,)
    )
    if rule.suppress_prefixlength >= 0:
        yield from ("suppress_prefixlength", str(rule.suppress_prefixlength))
    if rule.protocol != "unspec":
        yield from ("protocol", rule.protocol)


@_commands.register
def _neighbour(change: NeighbourChange, name: Name) -> Iterator[Argv]:
    if change.after is None:
        yield ("ip", "neigh", "del", change.address, "dev", change.name)
    else:
        words = ("lladdr", change.after.mac, "nud", change.after.state)
        yield ("ip", "neigh", "replace", change.address, *words, "dev", change.name)


@_commands.register
def _nft_rule(change: NftRuleChange, name: Name) -> Iterator[Argv]:
    """A rule is deleted by its handle, which only the host knows."""
    where = (change.family, change.table, change.chain)
    rule = ("ip", "saddr", nft_prefix(change.source), "ip", "daddr", nft_prefix(change.destination), "accept")
    for _ in range(change.before, change.after):
        yield ("nft", "insert", "rule", *where, *rule)
    for _ in range(change.after, change.before):
        chain = shlex.join(where)
        listed = f"nft -a list chain {chain} | sed -n 's|.*{' '.join(rule)} # handle ||p' | head -n 1"
        yield ("sh", "-c", f"nft delete rule {chain} handle $({listed})")


def nft_prefix(text: str) -> str:
    """Return a prefix as nft lists it: a single address without its length."""
    return text.removesuffix("/32")


@_commands.register
def _conntrack(change: ConntrackChange, name: Name) -> Iterator[Argv]:
    words = ["conntrack", "-D", "-s", change.source, "-d", change.destination]
    words += ["-p", change.protocol] if change.protocol else []
    words += ["--src-nat"] if change.snat else []
    yield (*words, *(("--dst-nat", change.dnat_to) if change.dnat_to else ()))


@_commands.register
def _file(change: FileChange, name: Name) -> Iterator[Argv]:
    if change.after is None:
        yield ("rm", change.path)
        yield from (("rmdir", directory) for directory in reversed(change.parents))
        return
    if change.before is None:
        yield from (("mkdir", "-m", "755", directory) for directory in change.parents)
        yield ("install", "-m", f"{change.mode:o}", "/dev/null", change.path)
    yield ("sh", "-c", writing(change.path, change.after))


@_commands.register
def _service(change: ServiceChange, name: Name) -> Iterator[Argv]:
    yield ("systemctl", "restart", change.service)
