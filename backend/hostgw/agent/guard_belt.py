"""A third belt where systemd runs: a timer of PID 1 that undoes by plain commands, should guard and shadow both die.

It is a transient unit: nothing is on disk, and confirming or rolling back stops it.
"""

from __future__ import annotations

import os
import shlex
from typing import List

from hostgw.agent import filters
from hostgw.agent.files import RUNS

LATER_S = 5.0
"""How much later than the guard it acts."""


class Belt:
    """The timer of one guard; without systemd, nothing."""

    def __init__(self, guard: str, undo: List[List[str]]) -> None:
        self._unit = f"hostgw-undo-{guard}"
        self._script = "; ".join(shlex.join(argv) for argv in undo)
        self._on = bool(undo) and os.path.isdir(RUNS) and filters.tool("systemd-run") is not None
        self._set = False

    def set(self, seconds: float) -> None:
        """Have it act `seconds` and a little from now, instead of when it was to."""
        self.stop()
        if self._on:
            self._set = filters.run(start_argv(self._unit, seconds + LATER_S, self._script))[0] == 0

    def stop(self) -> None:
        """Have it not act at all."""
        if self._set:
            filters.run(["systemctl", "stop", f"{self._unit}.timer"])
            self._set = False


def start_argv(unit: str, seconds: float, script: str) -> List[str]:
    """Return the command that sets the timer."""
    return [
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds:.1f}"),
        *("--timer-property=AccuracySec=100ms", "/bin/sh", "-c", script),
    ]
