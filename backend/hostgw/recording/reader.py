"""Reading a recording: its moments, and the fabric at each of them."""

from __future__ import annotations

import gzip
import io
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from hostgw.clean import clean
from hostgw.errors import HostgwError, UsageError
from hostgw.recording.fold import State, folded
from hostgw.recording.lines import (
    FORMAT,
    MAX_LINE,
    CaptureLine,
    DeltaLine,
    Header,
    HostLine,
    Line,
    ProbesLine,
    SaidLine,
    SyncedLine,
    decode,
)
from hostgw.wire import Section

MOST_BYTES = 4 << 30
"""What a file may hold, unpacked."""
TOGETHER_NS = 100_000_000
"""Lines so close to each other are one moment."""
KEEP_EVERY = 50
"""Moments from one kept state to the next, at first."""
LEAST_KEPT, KEPT_OF_A_HOST = 4, 1_000
"""States that are kept at least; and how many of one host are, at most. With many, every second goes."""
_COUNTED = (Section.COUNTERS, Section.SNMP, Section.FILTERS)
_NOTABLE = (HostLine, SyncedLine, ProbesLine, SaidLine, CaptureLine)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Moment:
    """Lines that came together."""

    time_ns: int
    lines: tuple[Line, ...]

    @cached_property
    def notable(self) -> bool:
        """Something changed, beside what is counted and heard all the time."""
        return any(map(_notable, self.lines))


class Beginning:
    """The first moment, folded while it is read: with many hosts its rows are most of a recording.

    Nothing reads them again, so that no more of them is in memory at a time than one line.
    """

    def __init__(self) -> None:
        self.state = State()
        self.damage = ""

    def take(self, line: Line) -> bool:
        """Take a line; tell whether others may want it, too."""
        self.state, damage = _folded(self.state, line)
        self.damage = damage or self.damage
        return not isinstance(line, DeltaLine)


def _folded(state: State, line: Line) -> tuple[State, str]:
    """Return what is known after a line, and what is wrong with it: one that makes no sense costs no others."""
    try:
        return folded(state, line), ""
    except (HostgwError, KeyError) as error:
        return state, clean(str(error), 200)


def _bare(state: State) -> State:
    """Return a state without what was worked out from it, which is more than what differs between two states."""
    hosts = state.fabric.hosts.values()
    bare = {host.name: replace(host, snapshot=host.snapshot.bare()) if host.snapshot else host for host in hosts}
    return replace(state, fabric=replace(state.fabric, hosts=bare))


class Recording:
    """A recording in memory. Any thread may ask for any moment; going forwards is cheapest."""

    def __init__(self, header: Header, moments: tuple[Moment, ...], beginning: Beginning, name: str = "") -> None:
        self.header, self.moments, self.name = header, moments, name
        self._times = [moment.time_ns for moment in moments]
        self._kept: dict[int, State] = {0: beginning.state}
        self._every = KEEP_EVERY
        self._last = 0
        self._lock = threading.Lock()
        self.damage = beginning.damage
        """Why some line was left out, if one was."""

    @property
    def begin_ns(self) -> int:
        """When it begins."""
        return self._times[0]

    @property
    def end_ns(self) -> int:
        """When it ends."""
        return self._times[-1]

    def index(self, time_ns: int) -> int:
        """Return the newest moment that is not later than a time; the first if all are."""
        return max(0, bisect_right(self._times, time_ns) - 1)

    def at(self, index: int, between: Callable[[], None] = lambda: None) -> State:
        """Return what was known at a moment, by its index; `between` moments on the way others may go first."""
        with self._lock:
            return self._at(index, between)

    def _at(self, index: int, between: Callable[[], None]) -> State:
        start = max(kept for kept in self._kept if kept <= index)
        state = self._kept[start]
        for number in range(start + 1, index + 1):
            between()
            state = self._after(state, self.moments[number])
            if number % self._every == 0:
                self._kept[number] = _bare(state)
                self._thin_out(len(state.fabric.hosts))
        if self._last != index:
            self._leave(self._last)
        self._last = index
        self._kept[index] = state
        return state

    def _leave(self, number: int) -> None:
        """Let go of the state that was shown, or of what was worked out from it."""
        if number % self._every:
            self._kept.pop(number, None)
        elif number in self._kept:
            self._kept[number] = _bare(self._kept[number])

    def _thin_out(self, hosts: int) -> None:
        """Keep fewer states of a long recording of many hosts: going back then takes a little longer."""
        if len(self._kept) > max(LEAST_KEPT, KEPT_OF_A_HOST // max(1, hosts)):
            self._every *= 2
            self._kept = {number: state for number, state in self._kept.items() if number % self._every == 0}

    def _after(self, state: State, moment: Moment) -> State:
        for line in moment.lines:
            state, damage = _folded(state, line)
            self.damage = damage or self.damage
        return state

    def notable(self, index: int, by: int) -> int:
        """Return the next moment at which something changed; the first or last when there is none."""
        last = len(self.moments) - 1
        rest = range(index + 1, last + 1) if by > 0 else range(index - 1, -1, -1)
        return next((number for number in rest if self.moments[number].notable), last if by > 0 else 0)


def read(path: Path) -> Recording:
    """Read a recording, or a snapshot; also one packed with gzip, and one that was cut in its last line.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path.name)
    except OSError as error:
        raise UsageError(f"{path} cannot be read", error.strerror or clean(str(error), 200)) from error
    except (msgspec.MsgspecError, EOFError, ValueError, zlib.error) as error:
        what = f"{path} is no recording or snapshot of hostgw-tui"
        raise UsageError(what, clean(str(error), 300), "--record FILE and 'hostgw-tui snapshot' make them.") from error


def _read(file: BinaryIO, name: str) -> Recording:
    packed = file.read(2) == _GZIP
    file.seek(0)
    numbered = _lines(cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file)
    _, header = next(numbered, (0, None))
    if not isinstance(header, Header):
        raise ValueError("the first line is no header")
    if header.format != FORMAT:
        raise ValueError(f"format {header.format}; this version reads {FORMAT}")
    beginning = Beginning()
    moments = tuple(_moments(numbered, beginning))
    if not moments:
        raise ValueError("it says nothing of any host")
    return Recording(header, moments, beginning, name)


def _lines(file: io.BufferedIOBase | BinaryIO) -> Iterator[tuple[int, Line]]:
    """Yield lines and their numbers; a last one without its end was being written when something died."""
    size = 0
    for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
        size += len(raw)
        if size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 30} GB")
        if not raw.endswith(b"\n") and number > 1:
            return
        try:
            yield number, decode(raw)
        except msgspec.MsgspecError as error:
            raise ValueError(f"line {number}: {error}") from error


def _moments(numbered: Iterable[tuple[int, Line]], beginning: Beginning) -> Iterator[Moment]:
    """Yield lines by moment; a clock that was set back does not turn time back."""
    begun: int | None = None
    together, first = list[Line](), True
    for number, line in numbered:
        if isinstance(line, Header):
            raise ValueError(f"line {number}: a second header")
        if begun is not None and line.time_ns > begun + TOGETHER_NS:
            yield Moment(begun, tuple(together))
            begun, together, first = line.time_ns, [], False
        begun = line.time_ns if begun is None else begun
        if not first or beginning.take(line):
            together.append(line)
    if begun is not None:
        yield Moment(begun, tuple(together))


def _notable(line: Line) -> bool:
    if isinstance(line, DeltaLine):
        return line.delta.section not in _COUNTED
    return isinstance(line, _NOTABLE)
