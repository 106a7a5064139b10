"""Collect garbage seldom, and in short pauses: a fabric is a million small objects that hold no circles.

With Python's own thresholds a full collection walks all of them again and again while a big fabric is built (a third
of the time for 255 hosts) and finds nothing; reference counts free what an event replaces. So the youngest objects are
walked as they come, in pieces that nobody notices (5,000 take 2 ms), those that stayed after every million (50 ms in a
great fabric), and all of them after a thousand times that. Closed dialogs are what is found.
"""

from __future__ import annotations

import gc

THRESHOLDS = (5_000, 200, 1_000)


def collect_seldom() -> None:
    """Set the thresholds of this process."""
    gc.set_threshold(*THRESHOLDS)
