"""How far a host's clock is from ours, from the pings with the shortest round trips."""

from __future__ import annotations

import time
from collections import deque
from typing import Final, NamedTuple

_KEPT: Final = 24
"""Samples that count: at one each 5 s, the last two minutes of a clock that nobody set."""
DRIFT_PPM: Final = 50
"""How fast two clocks may part, in millionths; crystals are within that unless something is wrong with them."""


class Sample(NamedTuple):
    """One echo: the host's clock minus ours, right to half the round trip when it was taken."""

    offset_ns: int
    rtt_ns: int
    taken_ns: int = 0
    """On our monotonic clock."""

    def error_ns(self, now_ns: int) -> int:
        """Return how wrong the offset may be by now; clocks drift."""
        return (self.rtt_ns + 1) // 2 + drift_ns(now_ns - self.taken_ns)


def drift_ns(span_ns: int) -> int:
    """Return how far two clocks may part within a time."""
    return abs(span_ns) * DRIFT_PPM // 1_000_000


class Clock:
    """Pings under way, and what the answered ones say."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[int, int]] = {}
        self._samples: deque[Sample] = deque(maxlen=_KEPT)

    def sent(self, ping: int) -> None:
        """Note that a ping goes out now."""
        if len(self._sent) > _KEPT:
            self._sent.clear()
        self._sent[ping] = (time.time_ns(), time.monotonic_ns())

    def answered(self, ping: int, now_ns: int) -> None:
        """Note the answer; one that answers no ping of ours is passed over."""
        sent = self._sent.pop(ping, None)
        if sent is None:
            return
        now = time.monotonic_ns()
        rtt = now - sent[1]
        sample = Sample(now_ns - sent[0] - rtt // 2, rtt, now)
        self._samples = deque((s for s in self._samples if _agree(s, sample)), _KEPT)
        self._samples.append(sample)

    @property
    def best(self) -> Sample | None:
        """The sample that bounds the clock closest by now; None before the first answer."""
        now = time.monotonic_ns()
        return min(tuple(self._samples), key=lambda sample: sample.error_ns(now), default=None)


def _agree(old: Sample, new: Sample) -> bool:
    """Tell whether both can be right; if not, a clock was set in between, and what was known is over."""
    return abs(old.offset_ns - new.offset_ns) <= old.error_ns(new.taken_ns) + new.error_ns(new.taken_ns)
