"""The largest packet that passes, found in few rounds: several sizes are tried at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

HEADERS = 28
"""Bytes of IP and ICMP before the payload."""
SMALL = 56 + HEADERS
LARGEST = 9000
AT_ONCE, ROUNDS = 8, 5
MOST_SEARCHES = 12
"""So many pairs are searched; of others it is only told that large packets vanish."""


@dataclass(frozen=True, slots=True)
class Search:
    """Packets of `passes` bytes pass, packets of `fails` do not."""

    passes: int
    fails: int

    @property
    def over(self) -> bool:
        """Nothing is left to try."""
        return self.fails - self.passes <= 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return what to try next, evenly spread between the two."""
        gap = self.fails - self.passes
        return tuple(dict.fromkeys(self.passes + gap * n // (AT_ONCE + 1) for n in range(1, AT_ONCE + 1)))[-gap + 1 :]

    def learnt(self, passed: Iterable[int]) -> Search:
        """Return the search after a round; what passed above something that failed was luck."""
        there = set(passed)
        found = self
        for size in self.sizes:
            if size not in there:
                return replace(found, fails=size) if size > found.passes else found
            found = replace(found, passes=size)
        return found


def payload(size: int) -> int:
    """Return how many bytes of payload make a packet of so many bytes."""
    return size - HEADERS


def tried(mtu: int) -> int:
    """Return the size of the large packet to try for an MTU; 0 when it is not worth it."""
    size = min(mtu, LARGEST)
    return size if size > 576 else 0
