"""The guard's shadow: a second process that undoes when the guard itself is gone, or hangs.

It waits on a pipe from the guard, which says how far it has come, until when it waits, and that all is over. The end
of the pipe without that word means that the guard died.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING, List

from hostgw.agent.guard_clock import boottime

if TYPE_CHECKING:
    from hostgw.agent.guard import Guard

GRACE_S = 1.0
"""How much longer than the guard it waits before it takes the guard for hung."""
SLICE_S, NAP_S = 0.25, 0.005
STEP_S = 10.0
"""How long making one change may take at most: tools wait 5 s for their locks."""
RESTARTING_S = 100.0
"""The same where a daemon is restarted: one time that fails, and one that puts back."""
REACHED, UNTIL, END = "reached", "until", "end"


class Shadow:
    """The guard's side: a child that is told what it must know."""

    def __init__(self, guard: "Guard") -> None:
        self._guard = guard
        restarts = any(change["kind"] == "service" for change in guard.changes)
        self._step_s = RESTARTING_S if restarts else STEP_S
        self._told: List[str] = [f"{UNTIL} {boottime() + self._step_s}"]
        self._start()

    def _start(self) -> None:
        read, self._write = os.pipe()
        guard = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._write)
            self._guard.be_shadow()
            try:
                _wait(self._guard, read, guard)
            finally:
                os._exit(0)
        os.close(read)
        for line in self._told:
            self._send(line)

    def reached(self, place: int) -> None:
        """Say which change is made now, and how long that may take."""
        self._tell(f"{REACHED} {place}")
        self.busy()

    def busy(self) -> None:
        """Say that something is being made or put back: a guard that does that does not hang."""
        self.until(boottime() + self._step_s)

    def until(self, when: float) -> None:
        """Say until when the guard waits, in seconds since boot."""
        self._tell(f"{UNTIL} {when}")

    def end(self) -> None:
        """Say that nothing has to be undone any more, and see the shadow go; one that is frozen is ended."""
        self._send(END)
        os.close(self._write)
        until = boottime() + GRACE_S
        while not os.waitpid(self._pid, os.WNOHANG)[0]:
            if boottime() > until:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                return
            time.sleep(NAP_S)

    def revive(self) -> None:
        """Make another one when somebody killed it."""
        if os.waitpid(self._pid, os.WNOHANG)[0]:
            os.close(self._write)
            self._start()

    def _tell(self, line: str) -> None:
        self._told.append(line)
        self._send(line)

    def _send(self, line: str) -> None:
        try:
            os.write(self._write, line.encode() + b"\n")
        except OSError:
            return  # it is dead: `revive` will see to that


def _wait(guard: "Guard", read: int, pid: int) -> None:
    """Live as the shadow of the guard process `pid`."""
    reached, until, rest = -1, boottime() + STEP_S, ""
    while boottime() < until + GRACE_S:
        if not select.select([read], [], [], SLICE_S)[0]:
            continue
        chunk = os.read(read, 4096).decode("ascii")
        if not chunk:
            guard.inherit(reached, "the guard process died")
            return
        *lines, rest = (rest + chunk).split("\n")
        for line in lines:
            word, _, value = line.partition(" ")
            if word == END:
                return
            reached = int(value) if word == REACHED else reached
            until = float(value) if word == UNTIL else until
    _kill(pid, read)
    guard.inherit(reached, "the guard process hung")


def _kill(pid: int, read: int) -> None:
    """End a guard that hangs; it is our parent as long as it lives, so the number is still its own."""
    if os.getppid() == pid:
        os.kill(pid, signal.SIGKILL)
        select.select([read], [], [], GRACE_S)  # the pipe ends with it
