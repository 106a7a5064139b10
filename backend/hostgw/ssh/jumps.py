"""Connections to jump hosts, one for all hosts behind it: sshd's MaxStartups would refuse one each (measured)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Key = tuple[str, int, str, str, tuple[str, ...]]


class Hop(Protocol):
    """A connection that can be shared."""

    @property
    def alive(self) -> bool:
        """Whether it still stands."""

    def close(self) -> None:
        """Close it."""


H = TypeVar("H", bound=Hop)


class Lease(Generic[H]):
    """One user's part of a shared connection."""

    def __init__(self, jumps: Jumps[H], key: Key, hop: H) -> None:
        self._jumps, self._key, self.hop = jumps, key, hop
        self._once = threading.Lock()

    def release(self) -> None:
        """Give the part back; the last user's closes the connection. Further calls do nothing."""
        if self._once.acquire(blocking=False):
            self._jumps.give_back(self._key, self.hop)


class Jumps(Generic[H]):
    """The open connections by jump host, each with its number of users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opening: dict[Key, threading.Lock] = {}
        self._open: dict[Key, H] = {}
        self._users: dict[int, int] = {}

    def lease(self, key: Key, connect: Callable[[], H]) -> Lease[H]:
        """Return a part of the connection for `key`; the first user opens it while the others wait."""
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            hop = self._join(key)
            if hop is None:
                hop = connect()
                with self._lock:
                    self._open[key], self._users[id(hop)] = hop, 1
        return Lease(self, key, hop)

    def _join(self, key: Key) -> H | None:
        with self._lock:
            hop = self._open.get(key)
            if hop is None or not hop.alive:
                return None
            self._users[id(hop)] += 1
            return hop

    def give_back(self, key: Key, hop: H) -> None:
        """One user less; a connection without users is closed."""
        with self._lock:
            self._users[id(hop)] -= 1
            if self._users[id(hop)]:
                return
            del self._users[id(hop)]
            if self._open.get(key) is hop:
                del self._open[key]
        hop.close()
