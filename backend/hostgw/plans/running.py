"""A plan that is being applied, as somebody who watches it sees it, and what they may still ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """How far a host has come."""

    WAITING = "waiting"
    PROBING = "asking what works now"
    ARMING = "making the changes"
    VERIFYING = "made, being verified"
    CONFIRMING = "confirming over a new connection"
    KEPT = "kept"
    ROLLING_BACK = "taking back"
    ROLLED_BACK = "taken back"
    FAILED = "failed"


FINAL = (Phase.KEPT, Phase.ROLLED_BACK, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one host is; `until` is when its guard takes everything back, on this machine's monotonic clock."""

    phase: Phase
    until: float = 0.0
    text: str = ""

    def left_s(self, now: float) -> float:
        """Return the seconds until the guard acts; 0 when it does not."""
        return max(0.0, self.until - now) if self.until else 0.0


class Run:
    """Told by who applies, read by who watches; any thread may call any method."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._back = threading.Event()
        self._more_s = 0.0
        self.extend_guard: Callable[[str, float], None] = lambda host, seconds: None
        """Has the guard of a host wait longer; set by who applies."""

    @property
    def stages(self) -> dict[str, Stage]:
        """Where each host is, in the order in which they were begun."""
        with self._lock:
            return dict(self._stages)

    def reach(self, host: str, phase: Phase, until: float = 0.0, text: str = "") -> None:
        """Note how far a host has come."""
        with self._lock:
            self._stages[host] = Stage(phase, until, text)
        self._changed()

    @property
    def pending(self) -> tuple[str, ...]:
        """The hosts whose guards wait."""
        now = time.monotonic()
        return tuple(host for host, stage in self.stages.items() if stage.left_s(now))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The hosts of which it is not settled yet whether they are changed."""
        return tuple(host for host, stage in self.stages.items() if stage.phase not in FINAL)

    # ---- what may be asked for ----

    def roll_back(self) -> None:
        """Have everything that is not confirmed yet taken back now."""
        self._back.set()

    @property
    def wants_back(self) -> bool:
        """Somebody asked to take it back."""
        return self._back.is_set()

    def wait(self, seconds: float) -> None:
        """Wait, unless somebody asks to take it back."""
        self._back.wait(seconds)

    def extend(self, seconds: float) -> None:
        """Give more time, to the verification as to the guards."""
        with self._lock:
            self._more_s += seconds
        for host in self.pending:
            self.extend_guard(host, seconds)
            stage = self.stages[host]
            self.reach(host, stage.phase, stage.until + seconds, stage.text)

    @property
    def more_s(self) -> float:
        """How much time was given beyond what was planned."""
        with self._lock:
            return self._more_s
