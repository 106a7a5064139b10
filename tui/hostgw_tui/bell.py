"""Waiting for news in the main thread, so that signals come through, and for the end of whoever reads our output."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress


class Bell:
    """`ring` from any thread ends `wait`; rings that nobody waited for are one. It lasts as long as the process."""

    def __init__(self) -> None:
        self._heard, self._rung = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._heard, select.POLLIN)
        self._poll.register(sys.stdout.fileno(), 0)

    def ring(self) -> None:
        """Say that there is news."""
        with suppress(BlockingIOError):  # full: there is news already
            os.write(self._rung, b"x")

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, for at most so many seconds; tell whether there was one.

        Raises:
            BrokenPipeError: nobody reads our output any more.
        """
        ready = dict(self._poll.poll(seconds * 1000))
        if ready.get(sys.stdout.fileno(), 0) & (select.POLLERR | select.POLLHUP):
            raise BrokenPipeError
        if self._heard in ready:
            os.read(self._heard, 1 << 16)
        return self._heard in ready
