"""How long to wait before the next attempt: longer each time, never the same for all hosts."""

from __future__ import annotations

import random


class Backoff:
    """Doubling waits with jitter, between `first` and `most` seconds."""

    def __init__(self, first: float = 1.0, most: float = 60.0) -> None:
        self._first, self._most = first, most
        self._failures = 0

    def next(self) -> float:
        """Return the next wait."""
        whole = min(self._most, self._first * float(1 << min(self._failures, 16)))
        self._failures += 1
        return whole * random.uniform(0.6, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Begin anew: the host was well for a while."""
        self._failures = 0
