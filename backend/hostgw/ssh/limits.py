"""How many handshakes may run at once: measured, 16 in all cost nothing and 8 per sshd stay below MaxStartups."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from hostgw.ssh.lifeline import Lifeline

Server = tuple[str, int]


class Limits:
    """Slots for handshakes, over all and per server."""

    def __init__(self, in_all: int = 16, per_server: int = 8) -> None:
        self.in_all, self.per_server = in_all, per_server
        self._changed = threading.Condition()
        self._busy: Counter[Server] = Counter()

    def slot(self, server: Server, lifeline: Lifeline) -> Slot:
        """Return a slot, taken while it is entered."""
        return Slot(self, server, lifeline)

    def take(self, server: Server, lifeline: Lifeline) -> None:
        """Wait for a free slot."""
        with self._changed:
            while not self._free(server):
                self._changed.wait(0.2)
                lifeline.check()
            self._busy[server] += 1

    def give(self, server: Server) -> None:
        """Give a slot back."""
        with self._changed:
            self._busy[server] -= 1
            if not self._busy[server]:
                del self._busy[server]
            self._changed.notify_all()

    def _free(self, server: Server) -> bool:
        return self._busy[server] < self.per_server and self._busy.total() < self.in_all


class Slot:
    """One handshake's slot."""

    def __init__(self, limits: Limits, server: Server, lifeline: Lifeline) -> None:
        self._limits, self._server, self._lifeline = limits, server, lifeline

    def __enter__(self) -> Slot:
        self._limits.take(self._server, self._lifeline)
        return self

    def __exit__(self, *exception: object) -> None:
        self._limits.give(self._server)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Lend the slot to others while a person thinks."""
        self._limits.give(self._server)
        try:
            yield
        finally:
            # No lifeline here: the slot must be ours again before __exit__ gives it back.
            self._limits.take(self._server, Lifeline())
