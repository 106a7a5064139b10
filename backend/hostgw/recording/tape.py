"""Writing a recording while it happens: from any thread, bounded, never in anybody's way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from hostgw import __version__
from hostgw.capture.tap_points import TapPoint
from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.fabric import Tracked
from hostgw.model.guard import Guard
from hostgw.model.host_state import HostState
from hostgw.model.probe import Probes
from hostgw.recording import lines
from hostgw.recording.lines import FORMAT, CaptureLine, FrameRow, FramesLine, Header, Line, Point, Told
from hostgw.wire import Delta, Drops, Ready, Reply, Synced

MOST_BYTES = 1 << 30
"""A file grows no further: a forgotten dashboard must not fill a disk."""
BATCH, FLUSH_S = 500, 0.25
"""Frames of a line at most, and how long they wait for company."""


class Tape:
    """A file that grows. What cannot be written ends it, and `error` says why; nothing else is held up."""

    def __init__(
        self, path: Path, told: Told, most: int = MOST_BYTES, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Make the file, readable by its owner only: it names addresses and rules, and may hold packets.

        Raises:
            UsageError: it is there already, or cannot be made.
        """
        self.path, self.error = path, ""
        self._most, self.now_ns = most, now_ns
        self._lock = threading.RLock()
        self._size = self._captures = 0
        self._frames: FrameTape | None = None
        self._addresses: dict[str, str] = {}
        self._file: BinaryIO | None = _made(path)
        self.put(Header(FORMAT, __version__, now_ns(), told))

    # ---- what hosts say ----

    def state(self, host: str, state: HostState, error: str = "") -> None:
        """Note how a host is reachable."""
        self.put(lines.HostLine(self.now_ns(), host, state, error, self._addresses.get(host, "")))

    def address(self, host: str, address: str) -> None:
        """Note where a host is reached; it is written with its next state."""
        self._addresses[host] = address

    def message(self, host: str, message: Reply) -> None:
        """Note what changes the picture of a host."""
        now = self.now_ns()
        if isinstance(message, Ready):
            self.put(lines.ReadyLine(now, host, message.facts))
        elif isinstance(message, Delta):
            self.put(lines.DeltaLine(now, host, message))
        elif isinstance(message, Synced):
            self.put(lines.SyncedLine(now, host))

    def heard(self, host: str, rtt_ns: int = 0, clock_offset_ns: int = 0) -> None:
        """Note an echo."""
        if self._frames is not None:
            self._frames.flush()  # of a wire that has fallen silent, too
        self.put(lines.HeardLine(self.now_ns(), host, rtt_ns, clock_offset_ns))

    def tracked(self, host: str, tracked: Tracked) -> None:
        """Note tracked flows."""
        self.put(lines.TrackedLine(self.now_ns(), host, tracked))

    def guards(self, host: str, guards: tuple[Guard, ...]) -> None:
        """Note guarded changes."""
        self.put(lines.GuardsLine(self.now_ns(), host, guards))

    def probes(self, probes: Probes | None) -> None:
        """Note what active checks found."""
        self.put(lines.ProbesLine(self.now_ns(), probes))

    def said(self, text: str) -> None:
        """Note a command that was run."""
        self.put(lines.SaidLine(self.now_ns(), text))

    # ---- what taps see ----

    def capture(self, points: Sequence[TapPoint], expression: str) -> FrameTape:
        """Note that a capture begins; return where its frames go."""
        with self._lock:
            self._captures += 1
            self.put(CaptureLine(self.now_ns(), self._captures, tuple(map(Point.of, points)), expression))
            self._frames = FrameTape(self, self._captures)
            return self._frames

    # ---- the file ----

    def put(self, line: Line) -> None:
        """Write a line."""
        with self._lock:
            if self._file is None:
                return
            try:
                raw = lines.encode(line)
                self._size += len(raw)
                if self._size > self._most:
                    raise OSError(0, f"it has reached {self._most >> 20} MB")
                self._file.write(raw)
                self._file.flush()
            except OSError as error:
                self._end(clean(error.strerror or str(error), 120))

    def close(self) -> None:
        """End the file."""
        with self._lock:
            if self._file is not None:
                self._end("")

    def _end(self, error: str) -> None:
        file, self._file, self.error = self._file, None, error
        if file is not None:
            try:
                file.close()
            except OSError as late:
                self.error = self.error or clean(late.strerror or str(late), 120)


class FrameTape:
    """Where a capture writes its frames (`hostgw.capture.taps.Record`)."""

    def __init__(self, tape: Tape, number: int) -> None:
        self._tape, self.number = tape, number
        self._lock = threading.Lock()
        self._rows: list[FrameRow] = []
        self._since = 0.0

    def add_tap(self, tap: int, name: str, snaplen: int = 0) -> None:
        """Do nothing: the line that began the capture lists its taps."""

    def write(self, tap: int, time_ns: int, wire_length: int, outbound: bool, data: bytes) -> None:
        """Take a frame."""
        now = time.monotonic()
        with self._lock:
            if not self._rows:
                self._since = now
            self._rows.append((tap, time_ns, wire_length, outbound, data))
        if len(self._rows) >= BATCH or now - self._since > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            rows, self._rows = self._rows, []
        if rows:
            self._tape.put(FramesLine(self._tape.now_ns(), self.number, tuple(rows)))

    def statistics(self, tap: int, time_ns: int, received: int, dropped: int) -> None:
        """Take the totals of a tap."""
        self.flush()
        self._tape.put(lines.TapsLine(self._tape.now_ns(), self.number, ((tap, received, dropped),)))

    def dropped(self, host: str, drops: Drops, offset_ns: int) -> None:
        """Take what a host's kernel says of packets it dropped; `offset_ns` is how far its clock is ahead."""
        rows = tuple((at - offset_ns, reason, place) for at, reason, place in drops.rows)
        self._tape.put(lines.DropsLine(self._tape.now_ns(), self.number, host, rows, drops.error))

    def close(self) -> None:
        """End the capture."""
        self.flush()
        self._tape.put(lines.CaptureEndLine(self._tape.now_ns(), self.number))


def _made(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "a recording overwrites nothing", "Name another file.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written", error.strerror or "") from error
