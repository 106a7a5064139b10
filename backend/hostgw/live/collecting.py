"""Collect garbage seldom: a fabric is a million small objects that hold no circles.

With Python's own thresholds a full collection walks all of them again and again while a big fabric is built (a third
of the time for 255 hosts) and finds nothing; reference counts free what an event replaces. A capture makes ten thousand
objects a second that stay: there, many short pauses are better than some that one can see.
"""

from __future__ import annotations

import gc

SELDOM = (100_000, 50, 100)
SHORT = (5_000, 1_000, 100)
"""The same work in twenty times as many pieces: 150 ms become 7."""


def collect_seldom() -> None:
    """Raise the thresholds of this process."""
    gc.set_threshold(*SELDOM)


def collect_shortly() -> None:
    """Collect in short pauses, while frames come in and a screen follows them."""
    gc.set_threshold(*SHORT)
