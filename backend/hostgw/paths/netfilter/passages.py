"""Many packets through the rules of one namespace: those that no rule could tell apart are walked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final
from weakref import WeakKeyDictionary, ref

from hostgw.fabric import NamespaceState
from hostgw.model import ipset
from hostgw.paths.netfilter import nft_compile, xt_compile
from hostgw.paths.netfilter.addresses import Addresses
from hostgw.paths.netfilter.classes import AddressClasses
from hostgw.paths.netfilter.context import Surroundings
from hostgw.paths.netfilter.flow import Flow
from hostgw.paths.netfilter.hooks import ordered
from hostgw.paths.netfilter.judge import Go, judge
from hostgw.paths.netfilter.passage import Passage
from hostgw.paths.netfilter.program import Program, Ranges
from hostgw.paths.netfilter.sets import addresses as addresses_of
from hostgw.paths.netfilter.way import Rules, Way

COMPILERS: Final[dict[str, Callable[[str], Program]]] = {
    "nft": lambda text: xt_compile.compiled(text, "nft"),
    "legacy": lambda text: xt_compile.compiled(text, "legacy"),
    "nftables": nft_compile.compiled,
}
_REST = attrgetter(*(name for name in Flow.__slots__ if name not in ("source", "destination")))


class Passages:
    """Verdicts of one namespace, remembered by what its rules compare."""

    def __init__(self, state: NamespaceState) -> None:
        programs, problems = _programs(state)
        sets = ipset.parse(state.filters["ipset"].text) if "ipset" in state.filters else {}
        self._addresses = Addresses(state)
        world = Surroundings(ref(state), self._addresses, sets)
        self._rules = Rules(ordered(programs), world, problems)
        names = frozenset().union(*(program.sets for program in programs))
        self.sources = AddressClasses(_compared(programs, True, world, names))
        self.destinations = AddressClasses(_compared(programs, False, world, names))
        self._precise = any(program.precise for program in programs) or any(rule.mask for rule in state.rules)
        self._looks_back = any(program.looks_back for program in programs)
        self._masquerade_varies = self._addresses.several()
        self._known: dict[tuple[object, ...], Passage] = {}
        self.walks = 0
        """How many packets were walked and not only remembered."""

    def forwarded(self, flow: Flow) -> Passage:
        """Return what becomes of a packet that comes in by `flow.iif` and leaves by `flow.oif`."""
        return self._judged(flow, Way.forwarded)

    def delivered(self, flow: Flow) -> Passage:
        """Return what becomes of a packet to an address of the host itself."""
        return self._judged(flow, Way.delivered)

    def sent(self, flow: Flow) -> Passage:
        """Return what becomes of a packet that the host itself sends by `flow.oif`."""
        return self._judged(flow, Way.sent)

    def bridged(self, flow: Flow) -> Passage:
        """Return what becomes of a packet between two ports of the bridge `flow.iif`."""
        return self._judged(flow, Way.bridged)

    def source_class(self, address: int) -> int:
        """Return a number that is equal for two source addresses that no rule tells apart."""
        return address if self._precise else self.sources.of(address)

    def destination_class(self, address: int) -> int:
        """Return a number that is equal for two destination addresses that no rule tells apart."""
        return address if self._precise else self.destinations.of(address)

    def kinds(self, addresses: Sequence[int]) -> list[tuple[int, int]]:
        """Return for each address its class as a source and as a destination."""
        if self._precise:
            return [(address, address) for address in addresses]
        return list(zip(self.sources.each(addresses), self.destinations.each(addresses), strict=True))

    def by_destination(self, addresses: Iterable[int]) -> dict[int, list[int]]:
        """Return destinations that share their fate, by their class; one of each is enough to judge."""
        found: dict[int, list[int]] = {}
        for address in addresses:
            found.setdefault(self.destination_class(address), []).append(address)
        return found

    def _judged(self, flow: Flow, go: Go) -> Passage:
        key = (
            go,
            self.source_class(flow.source),
            self.destination_class(flow.destination),
            _REST(flow),
            self._more(flow),
        )
        found = self._known.get(key)
        if found is None:
            self.walks += 1
            found = self._known[key] = judge(self._rules, flow, go)
            return found
        source = found.source if found.snat or flow.rewritten else flow.source
        destination = found.destination if found.dnat or flow.rewritten else flow.destination
        if (source, destination) == (found.source, found.destination):
            return found
        return replace(found, source=source, destination=destination)

    def _more(self, flow: Flow) -> tuple[object, ...] | None:
        """Return what a passage depends on beside classes, where the rules and addresses make it so."""
        if flow.original or flow.rewritten:
            return flow.source, flow.destination
        taken = self._addresses.masquerade(flow.oif, flow.destination) if self._masquerade_varies else 0
        back = self._rules.world.back(flow.source, flow.destination, flow.mark) if self._looks_back else None
        return (taken, back) if taken or back else None


def _programs(state: NamespaceState) -> tuple[tuple[Program, ...], tuple[str, ...]]:
    """Return the programs of a namespace's backends, and what of its rules could not be read."""
    programs, problems = [], []
    for backend, row in state.filters.items():
        if backend in COMPILERS:
            if row.error:
                problems.append(f"rules of {backend}: {row.error}")
            program = COMPILERS[backend](row.text)
            programs.append(program)
            problems += program.problems
    return tuple(programs), tuple(problems)


def _compared(
    programs: tuple[Program, ...], source: bool, world: Surroundings, names: frozenset[str]
) -> tuple[Ranges, ...]:
    found: dict[Ranges, None] = {}
    for program in programs:
        found.update(dict.fromkeys(program.sources if source else program.destinations))
    found.update(dict.fromkeys(world.addresses.compared()))
    for name in _with_nested(world, names):
        found.update(dict.fromkeys(addresses_of(world.sets[name])))
    return tuple(found)


def _with_nested(world: Surroundings, names: frozenset[str]) -> set[str]:
    """Return the names of the known sets among `names`, with those that a list:set names."""
    todo, found = set(names), set()
    while todo:
        name = todo.pop()
        if name in found or name not in world.sets:
            continue
        found.add(name)
        if world.sets[name].dimensions == ("set",):
            todo |= {member.parts[0] for member in world.sets[name].elements}
    return found


_CACHE: WeakKeyDictionary[NamespaceState, Passages] = WeakKeyDictionary()


def passages(state: NamespaceState) -> Passages:
    """Return the verdicts of a namespace; made once per state."""
    found = _CACHE.get(state)
    if found is None:
        found = _CACHE[state] = Passages(state)
    return found


def forwarded(state: NamespaceState, flow: Flow) -> Passage:
    """Return what becomes of a packet that comes in by `flow.iif` and leaves by `flow.oif`."""
    return passages(state).forwarded(flow)


def delivered(state: NamespaceState, flow: Flow) -> Passage:
    """Return what becomes of a packet to an address of the host itself."""
    return passages(state).delivered(flow)


def sent(state: NamespaceState, flow: Flow) -> Passage:
    """Return what becomes of a packet that the host itself sends by `flow.oif`."""
    return passages(state).sent(flow)


def bridged(state: NamespaceState, flow: Flow) -> Passage:
    """Return what becomes of a packet between two ports of the bridge `flow.iif`."""
    return passages(state).bridged(flow)
