"""How far a host's clock is from ours, from the pings with the shortest round trips."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

_KEPT = 24
"""Samples that count: at one each 5 s, the last two minutes, so that drift shows."""


class Sample(NamedTuple):
    """One echo: the host's clock minus ours, right to half the round trip."""

    offset_ns: int
    rtt_ns: int


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
        rtt = time.monotonic_ns() - sent[1]
        self._samples.append(Sample(now_ns - sent[0] - rtt // 2, rtt))

    @property
    def best(self) -> Sample | None:
        """The sample with the shortest round trip; None before the first answer."""
        return min(self._samples, key=lambda sample: sample.rtt_ns, default=None)
