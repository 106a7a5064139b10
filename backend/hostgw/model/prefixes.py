"""A set of IPv4 prefixes that answers which of them overlap, cover or lie inside another, without looking at all."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from hostgw.model.ip import FULL, Prefix


class PrefixSet:
    """Prefixes, ordered by address; a look-up costs a bisection per length that occurs."""

    def __init__(self, prefixes: Iterable[Prefix] = ()) -> None:
        self._known = set(prefixes)
        self._ordered = sorted(self._known)
        self._lengths = {prefix.length for prefix in self._known}

    def add(self, prefix: Prefix) -> None:
        """Add a prefix."""
        if prefix not in self._known:
            self._known.add(prefix)
            self._lengths.add(prefix.length)
            insort(self._ordered, prefix)

    def __contains__(self, prefix: Prefix) -> bool:
        return prefix in self._known

    def covering(self, prefix: Prefix) -> Iterator[Prefix]:
        """Yield the members that are `prefix` or hold it."""
        for length in self._lengths:
            if length <= prefix.length:
                candidate = Prefix(prefix.address & Prefix(0, length).mask, length)
                if candidate in self._known:
                    yield candidate

    def inside(self, prefix: Prefix) -> Iterator[Prefix]:
        """Yield the members that are parts of `prefix` (longer only)."""
        last = prefix.address | (FULL >> prefix.length)
        index = bisect_left(self._ordered, Prefix(prefix.address, prefix.length + 1))
        while index < len(self._ordered) and self._ordered[index].address <= last:
            if self._ordered[index].length > prefix.length:
                yield self._ordered[index]
            index += 1

    def overlapping(self, prefix: Prefix) -> Iterator[Prefix]:
        """Yield the members that share an address with `prefix`."""
        yield from self.covering(prefix)
        yield from self.inside(prefix)
