"""A thing that can be cut from outside: what a session's thread waits for ends when the session closes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Cut(Exception):  # noqa: N818
    """The session was closed while this thread worked for it."""


class Lifeline:
    """Closers to call, in reverse order, when the session closes or an attempt is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closers: list[Callable[[], object]] = []
        self._cut = threading.Event()

    @property
    def is_cut(self) -> bool:
        """True once `cut` was called."""
        return self._cut.is_set()

    def hold(self, closer: Callable[[], object]) -> None:
        """Have `closer` called at the end; at once, and `Cut` raised, when that has come already."""
        with self._lock:
            if not self._cut.is_set():
                self._closers.append(closer)
                return
        closer()
        raise Cut

    def drop(self, closer: Callable[[], object]) -> None:
        """Forget a closer whose thing has ended by itself."""
        with self._lock, contextlib.suppress(ValueError):
            self._closers.remove(closer)

    @contextlib.contextmanager
    def holding(self, closer: Callable[[], object]) -> Iterator[None]:
        """Hold `closer` for the length of a block."""
        self.hold(closer)
        try:
            yield
        finally:
            self.drop(closer)

    def check(self) -> None:
        """Raise `Cut` when the end has come."""
        if self._cut.is_set():
            raise Cut

    def wait(self, seconds: float) -> None:
        """Wait so long; `Cut` ends it early."""
        if self._cut.wait(seconds):
            raise Cut

    def cut(self) -> None:
        """End everything held."""
        with self._lock:
            self._cut.set()
            closers, self._closers = self._closers[::-1], []
        for closer in closers:
            with contextlib.suppress(OSError):
                closer()
