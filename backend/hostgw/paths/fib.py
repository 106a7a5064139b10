"""A pure model of the kernel's IPv4 route look-up.

Order as in fib_rules and fib_trie: policy rules by priority; in a table the longest prefix; among equal prefixes the
tos of the packet before none, then the least metric, then the position. A ``throw`` route or an empty table sends
the look-up on to the next rule; blackhole, unreachable and prohibit end it. A route with no living next hop is passed
by: dead ones never live, ``linkdown`` ones do unless ignore_routes_with_linkdown is set on the device or for all.

The agent does not dump table local: the host's addresses stand for it. Among equal default routes the kernel prefers
one whose gateway answers ARP: the model says the first. What a rule asks that the model does not know (a port, a user)
is taken not to hold. Sources: ip-rule(8), ip-route(8), net/core/fib_rules.c, net/ipv4/fib_{rules,trie,semantics}.c,
Documentation/networking/ip-sysctl.rst; tests/lab/test_fib_kernel.py holds the model to RTM_GETROUTE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from weakref import WeakKeyDictionary

from hostgw.fabric import NamespaceState
from hostgw.model.ip import DEFAULT, FULL, Prefix, address_number, prefix
from hostgw.model.kernel import Address, NextHop, Route, Rule
from hostgw.paths.table import Table
from hostgw.wire import Section

MAIN, DEFAULT_TABLE, LOCAL = 254, 253, 255
STANDARD_RULES = (Rule(0, LOCAL), Rule(32766, MAIN), Rule(32767, DEFAULT_TABLE))
ENDINGS = frozenset({"blackhole", "unreachable", "prohibit"})
IGNORING = "net/ipv4/conf/{}/ignore_routes_with_linkdown"
_TOS = 0x1C
"""The bits of a packet's tos that rules and routes see."""


class Outcome(StrEnum):
    """What a look-up ends in."""

    FORWARD = "forward"
    """A unicast route: by a gateway, or on-link."""
    LOCAL = "local"
    BROADCAST = "broadcast"
    BLACKHOLE = "blackhole"
    UNREACHABLE = "unreachable"
    PROHIBIT = "prohibit"
    NONE = "none"
    """No route: ENETUNREACH."""


_OUTCOMES = {each.value: each for each in (*Outcome,) if each.value in ENDINGS | {"local", "broadcast"}}


@dataclass(frozen=True, slots=True)
class Packet:
    """What of a packet routing depends on; `iif` is empty for one that the host sends itself."""

    destination: int
    source: int = 0
    iif: str = ""
    mark: int = 0
    tos: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How a look-up ended, and the route and rule that decided; neither when nothing matched."""

    outcome: Outcome
    route: Route | None = None
    rule: Rule | None = None


class Fib:
    """The routes and rules of one namespace, indexed for look-ups; `rules` stand in for the namespace's own."""

    def __init__(self, state: NamespaceState, rules: Sequence[Rule] | None = None) -> None:
        by_table = groupby(state.routes, key=attrgetter("table"))
        self.tables: dict[int, Table] = {MAIN: Table(), **{number: Table(routes) for number, routes in by_table}}
        read = Section.RULES in state.tables
        self.rules = tuple(rules) if rules is not None else state.rules if read else STANDARD_RULES
        self._addresses = [address for address in state.addresses if address.family == 4]
        self._links = state.links
        self._sysctls = state.sysctls

    @property
    def main(self) -> Table:
        """Table main."""
        return self.tables[MAIN]

    @cached_property
    def plain(self) -> bool:
        """The rules are but local, main and default, for every packet: table main decides."""
        tables = [rule.table for rule in self.rules if _is_plain(rule)]
        return len(tables) == len(self.rules) and tables in ([LOCAL, MAIN, DEFAULT_TABLE], [LOCAL, MAIN])

    def lookup(self, packet: Packet) -> Result:
        """Return what the kernel would do with `packet`."""
        for rule in self.consulted(packet):
            if rule.action in ENDINGS:
                return Result(Outcome(rule.action), None, rule)
            if result := self._in_table(rule, packet):
                return result
        return Result(Outcome.NONE)

    def consulted(self, packet: Packet) -> Iterator[Rule]:
        """Yield the rules that a packet meets, in order: each looks a table up, or ends the look-up."""
        index, rules = 0, self.rules
        while index < len(rules):
            rule = rules[index]
            index += 1
            if not _rule_matches(rule, packet):
                continue
            if rule.action == "goto":
                index = next((i for i, r in enumerate(rules) if r.priority == rule.goto), index)
            elif rule.action == "lookup" or rule.action in ENDINGS:
                yield rule

    def _in_table(self, rule: Rule, packet: Packet) -> Result | None:
        if rule.table == LOCAL:
            outcome = self._in_local(packet.destination, rule.suppress_prefixlength)
            return Result(outcome, None, rule) if outcome else None
        for route in self._candidates(rule.table, packet):
            if route.type == "throw":
                return None
            outcome = _OUTCOMES.get(route.type, Outcome.FORWARD)
            refused = outcome.value not in ENDINGS and prefix(route.dst).length <= rule.suppress_prefixlength
            return None if refused else Result(outcome, route, rule)
        return None

    def _in_local(self, destination: int, suppressed: int) -> Outcome | None:
        """Look table local up: an address, a broadcast address, or what the loopback device holds."""
        if suppressed < 32 and (found := self._full.get(destination)):
            return found
        looped = (p for p in self._looped if p.contains(destination) and p.length > suppressed)
        return Outcome.LOCAL if any(looped) else None

    @cached_property
    def _full(self) -> dict[int, Outcome]:
        """What table local says of single addresses; the kernel lists what came first first, local before others."""
        found: dict[int, Outcome] = {}
        for address in self._addresses:
            if self._is_up(address.index):
                found.update(dict.fromkeys(_broadcasts(address), Outcome.BROADCAST))
        return found | dict.fromkeys((address_number(a.address) for a in self._addresses), Outcome.LOCAL)

    @cached_property
    def _looped(self) -> tuple[Prefix, ...]:
        loopback = {index for index, link in self._links.items() if link.kind == "loopback" and link.up}
        found = (a for a in self._addresses if a.index in loopback and not a.noprefixroute)
        return tuple(prefix(f"{a.address}/{a.length}") for a in found)

    def _is_up(self, index: int) -> bool:
        """Tell whether the broadcast routes of a device are used."""
        link = self._links.get(index)
        return link is not None and link.up and (link.carrier or not self._ignores(index))

    def _candidates(self, number: int, packet: Packet) -> Iterator[Route]:
        """Yield the routes of a table that fit a packet, longest prefix first."""
        table = self.tables.get(number)
        passed: int | None = None
        for routes in table.covering(Prefix(packet.destination, 32)) if table else ():
            for route in routes:
                network = prefix(route.dst).address
                if route.tos not in (0, packet.tos & _TOS) or network == passed:
                    continue
                if self.usable(route):
                    yield route
                elif route.nexthop_id:
                    passed = network  # the kernel then leaves all that begin at the same address

    def usable(self, route: Route) -> bool:
        """Tell whether a route has a next hop that lives."""
        if route.type != "unicast":
            return True
        if route.nexthops:
            return any(self._lives(hop) for hop in route.nexthops)
        return self._lives(route)

    def _lives(self, way: Route | NextHop) -> bool:
        if not way.flags:
            return True
        return "dead" not in way.flags and not ("linkdown" in way.flags and self._ignores(way.oif))

    def _ignores(self, index: int) -> bool:
        """Tell whether the routes of a device are not used without a carrier."""
        names = ("all", self._links[index].name) if index in self._links else ("all",)
        return any(self._sysctls.get(IGNORING.format(name), "0") != "0" for name in names)

    def covering(self, wanted: Prefix, table: int = MAIN) -> tuple[Route, ...]:
        """Return the usable routes of the longest prefix that covers all of `wanted`, in the order of choice."""
        known = self.tables.get(table)
        for routes in known.covering(wanted) if known else ():
            if found := tuple(route for route in routes if self.usable(route)):
                return found
        return ()

    def inside(self, wanted: Prefix, table: int = MAIN) -> tuple[Route, ...]:
        """Return the routes to parts of `wanted` (longer prefixes only)."""
        known = self.tables.get(table)
        return known.inside(wanted) if known else ()

    def exact(self, wanted: Prefix, table: int = MAIN) -> tuple[Route, ...]:
        """Return the routes to exactly `wanted`, in the order in which they are chosen."""
        known = self.tables.get(table)
        return known.exact(wanted) if known else ()

    def default_gateways(self) -> frozenset[str]:
        """Return the gateways of the default routes of table main."""
        return frozenset(route.gateway for route in self.exact(DEFAULT) if route.gateway)


_CACHE: WeakKeyDictionary[NamespaceState, Fib] = WeakKeyDictionary()


def fib(state: NamespaceState) -> Fib:
    """Return the index of a namespace's routes; made once per state."""
    found = _CACHE.get(state)
    if found is None:
        found = _CACHE[state] = Fib(state)
    return found


def _broadcasts(address: Address) -> Iterator[int]:
    """Yield the broadcast addresses that come with an address (fib_add_ifaddr)."""
    if address.broadcast and address.broadcast != "255.255.255.255":
        yield address_number(address.broadcast)
    if address.length < 31 and not address.secondary:
        network = address_number(address.peer or address.address) & Prefix(0, address.length).mask
        yield network | (FULL >> address.length)


def _is_plain(rule: Rule) -> bool:
    """Tell whether a rule looks a table up for every packet."""
    asks = rule.src or rule.dst or rule.iif or rule.oif or rule.mask or rule.tos or rule.other
    refuses = rule.inverted or rule.l3mdev or rule.suppress_prefixlength >= 0
    return rule.action == "lookup" and not asks and not refuses


def _rule_matches(rule: Rule, packet: Packet) -> bool:
    matched = (
        (not rule.iif or rule.iif == (packet.iif or "lo"))
        and not rule.oif  # set only for sockets bound to a device
        and (not rule.src or prefix(rule.src).contains(packet.source))
        and (not rule.dst or prefix(rule.dst).contains(packet.destination))
        and (packet.mark & rule.mask) == rule.mark & rule.mask
        and (not rule.tos or rule.tos == packet.tos & _TOS)
        and not rule.other
        and not rule.l3mdev
    )
    return matched != rule.inverted
