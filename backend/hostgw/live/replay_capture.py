"""The captures of a recording: at any moment of it, the one that ran last, with what it had seen by then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from hostgw.capture.bpf import FourTuple
from hostgw.capture.clocks import Clock
from hostgw.capture.dissect import Dissector
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from hostgw.recording.lines import CaptureEndLine, CaptureLine, DropsLine, FramesLine, Line, TapsLine
from hostgw.recording.reader import Recording
from hostgw.wire import Captured, Drops, TapClosed, TapReady, TapStats

ERROR_NS = 1_000_000
"""Times were corrected when they were recorded; how well is not told."""
PATIENCE_S = 20.0


class ReplayCapture:
    """Feeds the frames of a recording to a capture, up to where the recording stands."""

    def __init__(self, recording: Recording, now_ns: Callable[[], int]) -> None:
        self._recording, self._now_ns = recording, now_ns
        self._begins = [
            (index, line)
            for index, moment in enumerate(recording.moments)
            for line in moment.lines
            if isinstance(line, CaptureLine)
        ]
        self._line: CaptureLine | None = None
        self._fed_to = -1
        self.capture: Capture | None = None
        """The one that is shown; None before the first."""

    def go(self, index: int) -> None:
        """Feed what came up to a moment; going back begins the capture anew."""
        begun = [(at, line) for at, line in self._begins if at <= index]
        at, line = begun[-1] if begun else (-1, None)
        if line is not self._line or index < self._fed_to:
            self._begin(line)
            self._fed_to = at - 1
        if self.capture is not None and line is not None:
            moments = self._recording.moments[self._fed_to + 1 : index + 1]
            self._feed(self.capture, line, (each for moment in moments for each in moment.lines))
        self._fed_to = index

    def close(self) -> None:
        """End the capture that is shown."""
        self._begin(None)

    def _begin(self, line: CaptureLine | None) -> None:
        if self.capture is not None:
            self.capture.close()
        self._line, self.capture = line, None
        if line is None:
            return
        points = [point.point() for point in line.points]
        clock = Clock(0, ERROR_NS)
        sessions: dict[str, list[FourTuple]] = {point.host: [] for point in points}
        settings = Settings()
        self.capture = Capture(
            lambda _host, _request: None, sessions, settings, lambda _host: clock, Dissector(), None, self._now_ns
        )
        self.capture.start()
        self.capture.add(points)
        for host, number in _numbers(line):
            self.capture.feed(host, TapReady(number))

    def _feed(self, capture: Capture, begun: CaptureLine, lines: Iterable[Line]) -> None:
        numbers = _numbers(begun)
        for line in lines:
            if isinstance(line, FramesLine) and line.capture == begun.capture:
                _feed_frames(capture, numbers, line)
            elif isinstance(line, TapsLine) and line.capture == begun.capture:
                for tap, packets, lost in line.rows:
                    if tap < len(numbers):
                        host, number = numbers[tap]
                        capture.feed(host, TapStats(number, packets, lost))
            elif isinstance(line, DropsLine) and line.capture == begun.capture:
                capture.dropped(line.host, Drops(line.rows, 0, line.error))
            elif isinstance(line, CaptureEndLine) and line.capture == begun.capture:
                for host, number in numbers:
                    capture.feed(host, TapClosed(number, "asked"))


def _numbers(line: CaptureLine) -> list[tuple[str, int]]:
    """Return host and number there of each tap: a fresh capture counts them from 1 on each host."""
    counts: dict[str, int] = {}
    found = []
    for point in line.points:
        counts[point.host] = counts.get(point.host, 0) + 1
        found.append((point.host, counts[point.host]))
    return found


def _feed_frames(capture: Capture, numbers: list[tuple[str, int]], line: FramesLine) -> None:
    """Feed frames host by host, in their order; wait while decoding lags, for nothing here is in a hurry."""
    by_host: dict[str, list[Captured]] = {}
    for tap, time_ns, wire, outbound, data in line.rows:
        if tap < len(numbers):
            host, number = numbers[tap]
            by_host.setdefault(host, []).append(Captured(number, time_ns, wire, outbound, data))
    for host, frames in by_host.items():
        capture.feed(host, frames)
    ends = time.monotonic() + PATIENCE_S
    while capture.lags and time.monotonic() < ends:
        time.sleep(0.01)
