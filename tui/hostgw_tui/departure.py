"""Leaving for certain: a signal, or a terminal that is gone, ends the dashboard also when its output is stuck.

Textual's output goes through a short queue. When the terminal takes nothing more, or has gone, the loop blocks on that
queue, and nothing that runs on the loop can end the program any more. What watches here is a thread of its own, and the
signal handler does nothing but write a byte, so that it can interrupt whatever is stuck.
"""

from __future__ import annotations

import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_DONE, _LET_GO = 0, 255
"""Beside numbers of signals: the dashboard has ended in order; the hosts were let go without it."""


@dataclass(frozen=True)
class Patience:
    """Seconds that are given to an orderly end."""

    leave_s: float = 3.0
    """Until the hosts are let go even though the screen has not closed; once more until the process ends."""
    stop_s: float = 8.0
    """How long the hosts may take."""
    same_s: float = 1.0
    """Terminal, shell and service manager tell of one hang-up each: what comes this soon is no second wish."""


class Departure:
    """While it is entered, a signal leads to `leave`, and to the end of the process if that is not enough."""

    def __init__(
        self, leave: Callable[[int], None], stop: Callable[[], None], terminal: int, patience: Patience | None = None
    ) -> None:
        """`leave` asks the screen to close with an exit code; `stop` lets the hosts go; `terminal` is open."""
        self._leave, self._stop, self._terminal = leave, stop, terminal
        self._patience = patience or Patience()
        self._stopping, self._stopped = threading.Lock(), False
        self._told, self._tell = os.pipe()
        self._before: dict[int, object] = {}
        self._settings: Any = None
        self._watcher = threading.Thread(target=self._watch, name="hostgw-departure", daemon=True)

    def __enter__(self) -> Departure:
        """Take the signals, but for those that nohup ignores."""
        with suppress(termios.error):
            self._settings = termios.tcgetattr(self._terminal)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._signalled)
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let the hosts go, and give the signals back."""
        try:
            self.stop()
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            os.write(self._tell, bytes([_DONE]))  # the pipe stays open: who writes late must not hit another file
            self._watcher.join()

    def stop(self) -> None:
        """Let the hosts go, once; who comes second waits for the first."""
        with self._stopping:
            if not self._stopped:
                self._stop()
                self._stopped = True

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        os.write(self._tell, bytes([number]))

    # ---- the watcher's thread ----

    def _watch(self) -> None:
        number = self._next(None, self._terminal)
        if number in (_DONE, None):
            return
        first = time.monotonic()
        self._leave(128 + number)
        again = self._again(first, self._patience.leave_s)
        if again is None:
            threading.Thread(target=self._let_go, name="hostgw-stop", daemon=True).start()
            again = self._again(first, self._patience.leave_s + self._patience.stop_s)
        if again == _LET_GO:
            again = self._again(first, time.monotonic() - first + self._patience.leave_s)
        if again != _DONE:
            self._force(128 + number)

    def _let_go(self) -> None:
        self.stop()
        os.write(self._tell, bytes([_LET_GO]))

    def _next(self, seconds: float | None, terminal: int | None = None) -> int | None:
        """Return the next signal, or a hang-up when `terminal` is gone; None when nothing came in time."""
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        if terminal is not None:
            poll.register(terminal, 0)
        ready = dict(poll.poll(None if seconds is None else seconds * 1000))
        if self._told in ready:
            return os.read(self._told, 1)[0]
        return signal.SIGHUP if ready else None

    def _again(self, first: float, seconds: float) -> int | None:
        """Return a second signal, or what is done; None when neither came within so many seconds of the first."""
        while (left := first + seconds - time.monotonic()) > 0:
            number = self._next(left)
            if number in (_DONE, _LET_GO, None) or time.monotonic() > first + self._patience.same_s:
                return number
        return None

    def _force(self, code: int) -> None:
        """End the process now; connections end with it, and agents when theirs is gone."""
        with suppress(OSError, termios.error):
            if self._settings and os.tcgetpgrp(self._terminal) == os.getpgrp():
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._settings)
        os._exit(code)
