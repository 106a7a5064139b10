"""Rates from totals: samples and the time between them; the last half minute as a line of bars."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise

Totals = tuple[int, ...]
Sample = tuple[float, Mapping[Hashable, Totals]]
PAST = 31
"""Samples that are kept, about a second apart."""
APART_S = 1.5
"""Totals that did not change for so long are a sample, too."""
BARS = "▁▂▃▄▅▆▇█"


class Rates:
    """Remembers the last two samples of totals that differ in time, and those of the last half minute."""

    def __init__(self) -> None:
        self._of: Hashable = None
        self._now: Sample | None = None
        self._before: Sample | None = None
        self._past: deque[Sample] = deque(maxlen=PAST)

    def observe(self, of: Hashable, time: float, totals: Mapping[Hashable, Totals]) -> None:
        """Take a sample of the totals of a thing; another thing starts anew."""
        if of != self._of:
            self._of, self._now, self._before = of, None, None
            self._past.clear()
        self._note((time, totals))
        if self._now is None:
            self._now = (time, totals)
        elif totals != self._now[1]:
            self._before, self._now = self._now, (time, totals)
        elif self._before is not None and time - self._now[0] > STALL_S:
            self._before, self._now = (time - 1, totals), (time, totals)

    def _note(self, sample: Sample) -> None:
        """Keep a sample of the past: when totals changed, or have not for a while; a step back in time begins anew."""
        if self._past and sample[0] < self._past[-1][0]:
            self._past.clear()
        last = self._past[-1] if self._past else None
        if last is None or (sample[1] != last[1] and sample[0] > last[0]) or sample[0] - last[0] >= APART_S:
            self._past.append(sample)

    def recent(self, key: Hashable, *fields: int) -> tuple[float, ...]:
        """Return the rates of the sum of some totals from sample to sample, the oldest first."""
        return tuple(
            (_sum(new, key, fields) - _sum(old, key, fields)) / (at - before)
            for (before, old), (at, new) in pairwise(self._past)
            if key in old and key in new and at > before
        )

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


def _sum(totals: Mapping[Hashable, Totals], key: Hashable, fields: tuple[int, ...]) -> int:
    return sum(totals[key][field] for field in fields)


def bars(values: Sequence[float], width: int) -> str:
    """Return the newest values as bars, the highest of them full, the newest at the right end."""
    shown = [max(0.0, value) for value in values[-width:]]
    most = max(shown, default=0.0)
    if most == 0:
        return BARS[0] * len(shown)
    return "".join(BARS[0] if value == 0 else BARS[1 + round(value / most * (len(BARS) - 2))] for value in shown)


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
