"""Addresses that no rule can tell apart, as classes: the borders of all compared ranges, sorted, and a bisect."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from hostgw.paths.netfilter.program import Ranges


class AddressClasses:
    """Class numbers of addresses: equal for two addresses that lie in the same of the given sets of ranges."""

    def __init__(self, compared: Iterable[Ranges]) -> None:
        starts: dict[int, list[int]] = defaultdict(list)
        for number, ranges in enumerate(compared):
            for low, high in ranges:
                starts[low].append(number)
                starts[high + 1].append(~number)
        self._borders = sorted(starts)
        self._classes = [0]
        known: dict[frozenset[int], int] = {frozenset(): 0}
        within: dict[int, int] = defaultdict(int)
        for border in self._borders:
            for number in starts[border]:
                index, change = (number, 1) if number >= 0 else (~number, -1)
                within[index] += change
                if not within[index]:
                    del within[index]
            self._classes.append(known.setdefault(frozenset(within), len(known)))

    def each(self, addresses: Iterable[int]) -> list[int]:
        """Return the classes of many addresses, in their order."""
        borders, classes = self._borders, self._classes
        return [classes[bisect_right(borders, address)] for address in addresses]

    def of(self, address: int) -> int:
        """Return the class of an address."""
        return self._classes[bisect_right(self._borders, address)]
