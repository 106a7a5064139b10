"""The one thread that writes to an agent: requests in order, and a ping when it is time."""

from __future__ import annotations

import queue
import threading
import time

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.calls import Calls
from hostgw.ssh.clock import Clock
from hostgw.ssh.transport import Process
from hostgw.wire import Ping, Request, encode

_MOST = 1000
_FIRST, _SOON_S = 4, 0.1
"""Pings right after the greeting: one echo alone may have waited behind the first picture, and the clock with it."""


class Outbox:
    """A bounded queue in front of a process; broken connections are the reader's to notice."""

    def __init__(self, process: Process, calls: Calls, clock: Clock, ping_s: float, host: str) -> None:
        self._process, self._calls, self._clock, self._ping_s, self._host = process, calls, clock, ping_s, host
        self._queue: queue.Queue[Request | None] = queue.Queue(_MOST)
        self._thread = threading.Thread(target=self._run, name=f"to {host}", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, request: Request) -> None:
        """Send `request` soon.

        Raises:
            HostError: too much waits already.
        """
        try:
            self._queue.put_nowait(request)
        except queue.Full:
            cause = f"{_MOST} requests wait"
            raise HostError(HostState.STALE, "the host takes no more requests", cause, "", self._host) from None

    def stop(self) -> None:
        """End the thread; the process must be closed first, or it may be stuck in a write."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._queue.get_nowait()
            self._queue.put_nowait(None)
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        due, pings = 0.0, 0
        try:
            while True:
                wait = min(due - time.monotonic(), self._calls.expire())
                request = self._next(wait)
                if request is None:
                    return
                if isinstance(request, Ping):
                    pings += 1
                    due = time.monotonic() + (self._ping_s if pings > _FIRST else min(self._ping_s, _SOON_S))
                    self._clock.sent(request.id)
                self._process.write(encode(request))
        except OSError:
            return

    def _next(self, wait: float) -> Request | None:
        """Return what to send next: a waiting request, else a ping when `wait` is over."""
        try:
            return self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
        except queue.Empty:
            return Ping(self._calls.new_id())
