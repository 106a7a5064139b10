"""Work in the background gives way while a person waits for the screen.

Threads share one interpreter: beside checks of many hosts, the answer to a key takes twice as long. So these rest for
the moment after a key, at most half of the time: whoever holds a key down must not stop them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

REST_S = 0.06
"""About what it takes to answer a key."""


class Courtesy:
    """Between two pieces of work, `give_way` waits where somebody asked for it; any thread may call any method."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._until = self._owed_until = 0.0

    def ask(self) -> None:
        """Ask whoever works to rest for a moment."""
        self._until = self._clock() + REST_S

    def give_way(self) -> None:
        """Rest, if asked to; then work at least as long before the next rest."""
        now = self._clock()
        rest = self._until - now
        if rest > 0 and now >= self._owed_until:
            self._sleep(rest)
            self._owed_until = self._clock() + rest
