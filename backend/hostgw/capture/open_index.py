"""Journeys that may still get frames, found by a number; bounded in time and in count."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hostgw.capture.journeys import Journey

MAX_RIVALS = 64
"""Open journeys under one number that a frame is compared with: the newest."""


class OpenIndex:
    """Journeys by number, the oldest entry forgotten first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._found: dict[int, list[Journey]] = {}
        self._ages: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._ages)

    def note(self, key: int, time_ns: int, journey: Journey) -> None:
        """Enter a journey."""
        found = self._found.get(key)
        if found is None:
            self._found[key] = [journey]
        else:
            found.append(journey)
        self._ages.append((time_ns, key))
        if len(self._ages) > self._capacity:
            self._forget_oldest()

    def at(self, key: int) -> Sequence[Journey]:
        """Return the journeys under a number, oldest first."""
        return self._found.get(key, ())[-MAX_RIVALS:]

    def expire(self, before_ns: int) -> None:
        """Forget what was entered before a moment."""
        while self._ages and self._ages[0][0] < before_ns:
            self._forget_oldest()

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()
        self._ages.clear()

    def _forget_oldest(self) -> None:
        _, key = self._ages.popleft()
        found = self._found[key]
        del found[0]
        if not found:
            del self._found[key]
