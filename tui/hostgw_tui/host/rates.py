"""Rates from totals: two samples and the time between them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

Totals = tuple[int, ...]


class Rates:
    """Remembers the last two samples of totals that differ in time."""

    def __init__(self) -> None:
        self._of: Hashable = None
        self._now: tuple[float, Mapping[Hashable, Totals]] | None = None
        self._before: tuple[float, Mapping[Hashable, Totals]] | None = None

    def observe(self, of: Hashable, time: float, totals: Mapping[Hashable, Totals]) -> None:
        """Take a sample of the totals of a thing; another thing starts anew."""
        if of != self._of:
            self._of, self._now, self._before = of, None, None
        if self._now is None:
            self._now = (time, totals)
        elif totals != self._now[1]:
            self._before, self._now = self._now, (time, totals)
        elif self._before is not None and time - self._now[0] > STALL_S:
            self._before, self._now = (time - 1, totals), (time, totals)

    def per_second(self, key: Hashable) -> tuple[float, ...] | None:
        """Return the rates of a key; None while there is one sample only, or when the totals started anew."""
        if self._now is None or self._before is None:
            return None
        new, old = self._now[1].get(key), self._before[1].get(key)
        seconds = self._now[0] - self._before[0]
        if new is None or old is None or seconds <= 0 or any(n < o for n, o in zip(new, old)):
            return None
        return tuple((n - o) / seconds for n, o in zip(new, old))


STALL_S = 3.0
"""Totals that do not change for so long are at rest."""


def count(value: float) -> str:
    """Return a number in at most six characters."""
    return _scaled(value, 1000, ("", "k", "M", "G", "T"))


def size(value: float) -> str:
    """Return bytes in few characters."""
    return _scaled(value, 1024, ("B", "K", "M", "G", "T"))


def _scaled(value: float, base: int, units: tuple[str, ...]) -> str:
    unit = 0
    while value >= base * 0.9995 and unit < len(units) - 1:
        value /= base
        unit += 1
    digits = 0 if (unit == 0 and value == int(value)) or value >= 99.95 else 1
    return f"{value:.{digits}f}{units[unit]}"
