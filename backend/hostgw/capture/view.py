"""What a capture is given, and what it shows: plain values."""

from __future__ import annotations

from typing import NamedTuple

from hostgw.capture.correlate import CAPACITY, WINDOW_NS
from hostgw.capture.dissect import Statistics
from hostgw.capture.journeys import JourneyView
from hostgw.capture.raw import MAX_BYTES
from hostgw.capture.tap_points import TapStatus


class Settings(NamedTuple):
    """What a capture may take. Limits of 0 are none."""

    expression: str = ""
    snaplen: int = 256
    block_ms: int = 20
    tap_bytes: int = 1 << 30
    """After so many bytes a tap closes itself."""
    tap_rate: int = 32 << 20
    """Bytes a second of a tap; more are held back on the host and counted."""
    keep_bytes: int = MAX_BYTES
    journeys: int = CAPACITY
    window_ns: int = WINDOW_NS


class View(NamedTuple):
    """The capture at one moment."""

    journeys: tuple[JourneyView, ...]
    """The newest, oldest of them first."""
    taps: tuple[TapStatus, ...]
    total: int
    """Journeys since the start; the newest has this number."""
    frames: int
    ambiguous: int
    now_ns: int
    dissection: Statistics | None


DEFAULTS = Settings()
