"""`hostgw-tui capture`: taps on several hosts at once, to the screen or to a pcapng file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostgw.capture.journey_rows import list_row
from hostgw.capture.journeys import JourneyView
from hostgw.capture.pcapng import Writer
from hostgw.capture.tap_points import TapPoint, TapState, TapStatus
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.live import Live
from hostgw.live.points import default_points, tap_points
from hostgw_tui.commands.output import LONGEST, narrate
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import running

TICK_S = 0.1
EXIT_UNREACHED = 3


def run(args: argparse.Namespace) -> int:
    """Capture until a limit or an interrupt."""
    with running(args) as live:
        if reached(live.view()) == EXIT_UNREACHED:
            return EXIT_UNREACHED
        points = _points(live, args.tap)
        with _recorder(args.write) as record:
            settings = Settings(tap_bytes=args.bytes << 20, tap_rate=args.rate << 20)
            capture = live.captures.start(points, args.filter, record, settings)
            try:
                _follow(capture, args)
            except KeyboardInterrupt:
                narrate("stopped")
            live.captures.stop()
        return _summary(capture, args)


def _points(live: Live, wanted: list[str] | None) -> tuple[TapPoint, ...]:
    """Return the taps that were named.

    Raises:
        UsageError: there is no such interface; those there are are listed.
    """
    if not wanted:
        return default_points(live.view())
    known = {point.name.replace("/", ":"): point for point in tap_points(live.view())}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UsageError(f"no tap {missing[0]}", "taps are HOST:INTERFACE or HOST:CONTAINER:INTERFACE", _listed(known))
    return tuple(known[name] for name in wanted)


def _listed(known: dict[str, TapPoint]) -> str:
    names = list(known)
    return f"There are: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}."


@contextmanager
def _recorder(path: Path | None) -> Iterator[Writer | None]:
    if path is None:
        yield None
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise UsageError(f"{path} cannot be written", error.strerror or "") from error
    with file:
        yield Writer(file)


def _follow(capture: Capture, args: argparse.Namespace) -> None:
    """Print journeys as they end, until a limit is reached or every tap is closed."""
    printer = None if args.write or args.json else _Printer(capture)
    try:
        _until_limit(capture, args, printer)
    finally:
        if printer:
            printer.print(rest=True)


def _until_limit(capture: Capture, args: argparse.Namespace, printer: _Printer | None) -> None:
    started, announced = time.monotonic(), False
    while True:
        view = capture.view(0)
        states = {tap.state for tap in view.taps}
        if not announced and TapState.OPENING not in states:
            announced = True
            narrate(f"{sum(tap.state is TapState.OPEN for tap in view.taps)} taps are open")
        if printer:
            printer.print()
        late = args.seconds is not None and time.monotonic() - started >= args.seconds
        enough = args.packets is not None and view.frames >= args.packets
        if late or enough or states == {TapState.CLOSED}:
            return
        time.sleep(TICK_S)


class _Printer:
    """Prints each packet once, when its end is known: an answered one perhaps before an older that is still awaited."""

    def __init__(self, capture: Capture) -> None:
        self._capture, self._waiting, self._newest = capture, list[int](), 0

    def print(self, *, rest: bool = False) -> None:
        """Print the packets whose end became known since the last time; at the end the rest, as far as it came."""
        view = self._capture.view(0)
        self._waiting += range(self._newest + 1, view.total + 1)
        self._newest, waiting = view.total, []
        for number in self._waiting:
            journey = self._capture.journey(number)
            if journey is None:
                continue  # too many for us came since
            young = view.now_ns - journey.first.time_ns <= self._capture.settings.window_ns
            if young and not journey.reply and not rest:
                waiting.append(number)
            else:
                sys.stdout.write(f"{clean(_line(self._capture, journey), LONGEST)}\n")
        self._waiting = waiting
        sys.stdout.flush()


def _line(capture: Capture, journey: JourneyView) -> str:
    taps = [tap.tap for tap in capture.view(0).taps]
    last = capture.point(journey.last.tap)
    row = list_row(journey, taps, capture.info(journey), capture.verdict(journey), last, ascii_only=True)
    became = f"{row.verdict} after {row.lost_after}" if row.lost_after else row.verdict
    when = time.strftime("%H:%M:%S", time.localtime(row.time_ns / 1e9)) + f".{row.time_ns % 10**9 // 1000:06d}"
    return f"{when}  {row.source:>15} > {row.destination:<15}  {row.taps}  ttl {row.ttls:<12} {became:<10} {row.info}"


def _missed(tap: TapStatus) -> str:
    """Return how many frames did not come here, and what held them back."""
    held = f", {tap.limited} held back by --rate or --bytes" if tap.limited else ""
    late = f", {tap.overflow} too many for us" if tap.overflow else ""
    return f"{tap.drops} dropped{held}{late}"


def _summary(capture: Capture, args: argparse.Namespace) -> int:
    view = capture.view(0)
    for tap in view.taps:
        note = f" ({tap.reason})" if tap.reason not in ("", "asked") else ""
        narrate(f"{tap.point.name}: {tap.received} frames, {_missed(tap)}{note}")
    if capture.record_error:
        narrate(capture.record_error)
        return 1
    failed = [tap for tap in view.taps if tap.state is TapState.CLOSED and not tap.via]
    return 1 if failed and len(failed) == len(view.taps) else 0
