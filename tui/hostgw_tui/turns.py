"""Threads take turns at one interpreter: short ones while somebody presses keys, long ones else.

A thread that waits for its turn, as the answer to a key does several times, waits for as long as the switch interval
while others work. Many short turns cost these a quarter of their time, so they are kept for when they are felt.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

USUAL_S, SHORT_S = 0.005, 0.0002
"""The first is Python's own."""
FOR_S = 2.0
"""So long after a key the next one is expected."""
Later = Callable[[float, Callable[[], None]], object]


class Turns:
    """Shortens turns, and lengthens them again; to be called on the loop, where `later` calls back."""

    def __init__(self, later: Later, clock: Callable[[], float] = time.monotonic) -> None:
        self._later, self._clock = later, clock
        self._until = 0.0
        self._short = False

    def shorten(self) -> None:
        """Take short turns for a while."""
        self._until = self._clock() + FOR_S
        if not self._short:
            self._short = True
            sys.setswitchinterval(SHORT_S)
            self._later(FOR_S, self._look)

    def _look(self) -> None:
        left = self._until - self._clock()
        if left > 0:
            self._later(left, self._look)
        else:
            self.lengthen()

    def lengthen(self) -> None:
        """Take long turns."""
        self._short = False
        sys.setswitchinterval(USUAL_S)
