"""The routes of one table, indexed by prefix."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import combinations

from hostgw.model.ip import MASKS, Prefix, prefix
from hostgw.model.kernel import Route
from hostgw.model.prefixes import PrefixSet

Routes = tuple[Route, ...]


class Table:
    """A table: routes by prefix, each list in the order of choice."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        """Take routes in the kernel's order."""
        held = tuple(routes)
        prefixes = [prefix(route.dst) for route in held]
        self.by_prefix: dict[Prefix, Routes] = dict(zip(prefixes, zip(held, strict=True), strict=True))
        if len(self.by_prefix) < len(held):  # some share a prefix: then each has to be looked at
            self.by_prefix.clear()
            for wanted, route in zip(prefixes, held, strict=True):
                self.by_prefix[wanted] = (*self.by_prefix.get(wanted, ()), route)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The prefix lengths that occur, longest first."""
        return tuple(sorted({found.length for found in self.by_prefix}, reverse=True))

    @cached_property
    def split(self) -> frozenset[Prefix]:
        """The prefixes that hold another one of the table."""
        addresses: dict[int, set[int]] = {length: set() for length in self.lengths}
        for address, length in self.by_prefix:
            addresses[length].add(address)
        found: set[Prefix] = set()
        for longer, short in combinations(self.lengths, 2):
            holding = {address & MASKS[short] for address in addresses[longer]} & addresses[short]
            found.update(Prefix(address, short) for address in holding)
        return frozenset(found)

    @cached_property
    def lone(self) -> dict[Prefix, Route]:
        """The plain routes by a gateway that have no other one beside them, and none to a part of their prefix."""
        split = self.split
        lone = [(dst, routes[0]) for dst, routes in self.by_prefix.items() if len(routes) == 1 and dst not in split]
        return {dst: route for dst, route in lone if _is_plain(route)}

    @cached_property
    def _set(self) -> PrefixSet:
        return PrefixSet(self.by_prefix)

    def exact(self, wanted: Prefix) -> Routes:
        """Return the routes to exactly `wanted`, in the order of choice."""
        return self.by_prefix.get(wanted, ())

    def inside(self, wanted: Prefix) -> Routes:
        """Return the routes to parts of `wanted` (longer prefixes only)."""
        if wanted in self.by_prefix and wanted not in self.split:
            return ()
        return tuple(route for found in self._set.inside(wanted) for route in self.by_prefix[found])

    def covering(self, wanted: Prefix) -> list[Routes]:
        """Return the routes that cover all of `wanted`: a tuple per prefix, the longest first."""
        address, found = wanted.address, []
        for length in self.lengths:
            if length <= wanted.length:
                routes = self.by_prefix.get(Prefix(address & MASKS[length], length))
                if routes:
                    found.append(routes)
        return found


def _is_plain(route: Route) -> bool:
    """Tell whether a route is by one gateway, and asks for nothing else."""
    return bool(route.gateway) and not (route.src or route.flags or route.nexthops) and route.type == "unicast"
