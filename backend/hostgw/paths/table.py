"""The routes of one table, indexed by prefix."""

from __future__ import annotations

from functools import cached_property

from hostgw.model.ip import FULL, Prefix, prefix
from hostgw.model.kernel import Route
from hostgw.model.prefixes import PrefixSet

Routes = tuple[Route, ...]


class Table:
    """A table: routes by prefix, each list in the order of choice."""

    def __init__(self) -> None:
        self.by_prefix: dict[Prefix, list[Route]] = {}

    def add(self, route: Route) -> None:
        """Take a route; routes come in the kernel's order."""
        self.by_prefix.setdefault(prefix(route.dst), []).append(route)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The prefix lengths that occur, longest first."""
        return tuple(sorted({found.length for found in self.by_prefix}, reverse=True))

    @cached_property
    def split(self) -> frozenset[Prefix]:
        """The prefixes that hold another one of the table."""
        found: set[Prefix] = set()
        open_: list[tuple[int, Prefix]] = []  # the last address and the prefix of those that may hold the next one
        for each in sorted(self.by_prefix):
            address, length = each
            while open_ and open_[-1][0] < address:
                open_.pop()
            if open_:
                found.add(open_[-1][1])
            open_.append((address | (FULL >> length), each))
        return frozenset(found)

    @cached_property
    def _set(self) -> PrefixSet:
        return PrefixSet(self.by_prefix)

    def exact(self, wanted: Prefix) -> Routes:
        """Return the routes to exactly `wanted`, in the order of choice."""
        return tuple(self.by_prefix.get(wanted, ()))

    def inside(self, wanted: Prefix) -> Routes:
        """Return the routes to parts of `wanted` (longer prefixes only)."""
        return tuple(route for found in self._set.inside(wanted) for route in self.by_prefix[found])

    def covering(self, wanted: Prefix) -> list[Routes]:
        """Return the routes that cover all of `wanted`: a tuple per prefix, the longest first."""
        address, found = wanted.address, []
        for length in self.lengths:
            if length <= wanted.length:
                routes = self.by_prefix.get(Prefix(address & (FULL ^ (FULL >> length)), length))
                if routes:
                    found.append(tuple(routes))
        return found
