"""The clock of guards: seconds since boot, which steps of the wall clock do not move and suspending does not stop."""

from __future__ import annotations

import time


def boottime() -> float:
    """Return seconds since boot (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
