"""Times of a recording, read from what a person types and written for people. Pure."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostgw.live.replay import Position


S = 1_000_000_000
EXAMPLES = "12:03:30, 1:05 from the beginning, +30 or -10 seconds from here, 50%, start, end"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d)")
_SINCE = re.compile(r"(\d+):(\d\d)")
_BY = re.compile(r"([+-]\d+(?:\.\d+)?)\s*s?")
_SHARE = re.compile(r"(\d{1,3})\s*%")
DAY_S = 86_400


def wanted_time(text: str, position: Position) -> int:
    """Return the epoch nanoseconds that are meant.

    Raises:
        ValueError: it is no time, or none within the recording.
    """
    text = text.strip().lower()
    if text in ("start", "begin"):
        return position.begin_ns
    if text == "end":
        return position.end_ns
    found = _read(text, position)
    if found is None:
        raise ValueError("a time is " + EXAMPLES)
    if not position.begin_ns - S <= found <= position.end_ns + S:
        raise ValueError(f"the recording is from {clock(position.begin_ns)} to {clock(position.end_ns)}")
    return found


def _read(text: str, position: Position) -> int | None:
    if match := _CLOCK.fullmatch(text):
        return _at_clock(int(match[1]), int(match[2]), int(match[3]), position)
    if match := _SINCE.fullmatch(text):
        return position.begin_ns + (int(match[1]) * 60 + int(match[2])) * S
    if match := _BY.fullmatch(text):
        by = int(float(match[1]) * S)
        return max(position.begin_ns, min(position.end_ns, position.now_ns + by))
    if match := _SHARE.fullmatch(text):
        return position.begin_ns + (position.end_ns - position.begin_ns) * int(match[1]) // 100
    return None


def _at_clock(hour: int, minute: int, second: int, position: Position) -> int | None:
    """Return the first time in the recording at which a clock shows this, else that of its first day."""
    if hour > 23 or minute > 59 or second > 59:
        return None
    begin = time.localtime(position.begin_ns // S)
    day = time.struct_time((*begin[:3], hour, minute, second, 0, 0, -1))
    at = int(time.mktime(day)) * S
    return at if at + S > position.begin_ns else at + DAY_S * S


def clock(time_ns: int) -> str:
    """Return the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(time_ns // S))


def span(ns: int) -> str:
    """Return a length of time as ``1:05`` or ``1:00:05``."""
    minutes, seconds = divmod(ns // S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
