"""Many changes from any thread become few calls on the event loop: at most so many a second, and none when idle."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

SHARE = 4
"""A beat's work takes at most one part in so many of the time."""


class Pulse:
    """Calls `beat` on the loop soon after `touch`, never more often than `per_second`."""

    def __init__(self, beat: Callable[[], None], per_second: int) -> None:
        self._beat, self._gap = beat, 1.0 / max(1, per_second)
        self._lock = threading.Lock()
        self._pending = False
        self._last = self._rest = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; call it on the loop."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """No beat any more."""
        self._loop = None

    def took(self, seconds: float) -> None:
        """Tell how long the work of the last beat took: what is dear comes less often, so that keys find time."""
        self._rest = SHARE * seconds

    def touch(self) -> None:
        """Note a change; from any thread, returns at once."""
        with self._lock:
            loop = self._loop
            if self._pending or loop is None:
                return
            self._pending = True
        try:
            loop.call_soon_threadsafe(self._schedule)
        except RuntimeError:  # the loop has just been closed
            self._loop = None

    def _schedule(self) -> None:
        wait = self._last + max(self._gap, self._rest) - time.monotonic()
        if wait > 0 and self._loop is not None:
            self._loop.call_later(wait, self._fire)
        else:
            self._fire()

    def _fire(self) -> None:
        with self._lock:
            self._pending = False
        self._last = time.monotonic()
        if self._loop is not None:
            self._beat()
