"""The taps of one capture: their numbers, filters, states and totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hostgw.capture import bpf
from hostgw.capture.bpf import FourTuple
from hostgw.capture.tap_points import TapPoint, TapState, TapStatus
from hostgw.capture.verdicts import TapSight
from hostgw.clean import clean
from hostgw.errors import CaptureError
from hostgw.wire import Captured, TapClosed, TapReady, TapStats

Sessions = Mapping[str, Iterable[FourTuple] | None]
"""Our SSH connections by host, as the hosts see them; empty for `local`, None where unknown."""


MOST_MISSED = 32
"""Moments of dropped frames that are kept for a tap."""
MOST_NUMBERS = (1 << 16) - 1
"""A frame's head has two bytes for it."""


class TapTable:
    """Taps by their number within the capture. Not thread-safe; the capture holds a lock."""

    def __init__(self, last: dict[str, int] | None = None) -> None:
        """Make an empty table; `last` holds the newest number of a tap on each host, and is kept up to date."""
        self._last = last if last is not None else {}
        self.orders: dict[int, int] = {}
        self.sights: dict[int, TapSight] = {}
        """What each tap can tell."""
        self._missed: list[tuple[int, ...]] = []
        self._rows: list[TapStatus] = []
        self._slots: dict[str, dict[int, int]] = {}
        self._received: list[int] = []
        self._overflow: list[int] = []

    def add(self, point: TapPoint) -> TapStatus:
        """Enter a new tap."""
        tap = len(self._rows)
        self._rows.append(TapStatus(tap, point, 0))
        self._received.append(0)
        self._overflow.append(0)
        self.orders[tap] = point.order
        self._missed.append(())
        return self.renumber(tap)

    def renumber(self, tap: int) -> TapStatus:
        """Give a tap a fresh number on its host, as it is opened anew; frames under the old one still count."""
        point = self._rows[tap].point
        number = self._last[point.host] = self._last.get(point.host, 0) % MOST_NUMBERS + 1
        self._slots.setdefault(point.host, {})[number] = tap
        self._set(TapStatus(tap, point, number))
        return self._rows[tap]

    def find(self, host: str, number: int) -> int | None:
        """Return the tap that a host's message speaks of, if we opened it."""
        return self.of(host).get(number)

    def of(self, host: str) -> Mapping[int, int]:
        """Return a host's numbers, and the tap that each stands for."""
        return self._slots.get(host, {})

    def note(self, host: str, message: TapReady | TapStats | TapClosed, now_ns: int = 0) -> None:
        """Take in what a host says of a tap, at a moment; news of a number that was replaced are old."""
        tap = self.find(host, message.tap)
        if tap is None or self._rows[tap].number != message.tap:
            return
        old = self._rows[tap]
        if isinstance(message, TapReady):
            new = old._replace(state=TapState.OPEN, via=clean(message.via, 20))
        elif isinstance(message, TapStats):
            new = old._replace(packets=message.packets, drops=message.drops, limited=message.limited)
            if (new.drops, new.limited) != (old.drops, old.limited):
                self._note_missed(tap, now_ns)
        else:
            packets, drops = max(old.packets, message.packets), max(old.drops, message.drops)
            reason = clean(message.reason, 200)
            new = old._replace(state=TapState.CLOSED, reason=reason, packets=packets, drops=drops)
        self._set(new)

    def received(self, taps: Mapping[int, int], frames: Iterable[Captured]) -> None:
        """Count frames that arrived here."""
        for tap, count in _counted(taps, frames):
            self._received[tap] += count

    def overflow(self, taps: Mapping[int, int], frames: Iterable[Captured], now_ns: int) -> None:
        """Count frames that arrived, at a moment, and were too much for us."""
        for tap, count in _counted(taps, frames):
            self._overflow[tap] += count
            self._note_missed(tap, now_ns)
            self._set(self._rows[tap])

    def _note_missed(self, tap: int, now_ns: int) -> None:
        self._missed[tap] = (*self._missed[tap], now_ns)[-MOST_MISSED:]

    def _set(self, row: TapStatus) -> None:
        self._rows[row.tap] = row
        self.sights[row.tap] = TapSight(row.point, row.state is TapState.OPEN, self._missed[row.tap])

    def lose(self, host: str, reason: str) -> None:
        """Close the taps of a host that is no longer connected."""
        for row in self._rows:
            if row.point.host == host and row.state is not TapState.CLOSED:
                self._set(row._replace(state=TapState.CLOSED, reason=clean(reason, 200)))

    def living(self) -> list[TapStatus]:
        """Return the taps that are open or opening."""
        return [row for row in self._rows if row.state is not TapState.CLOSED]

    def __getitem__(self, tap: int) -> TapStatus:
        return self._rows[tap]

    def __iter__(self) -> Iterator[TapStatus]:
        """Yield every tap with its counters."""
        for row in self._rows:
            yield row._replace(received=self._received[row.tap], overflow=self._overflow[row.tap])


def _counted(taps: Mapping[int, int], frames: Iterable[Captured]) -> Iterator[tuple[int, int]]:
    counted = Counter(frame.tap for frame in frames)
    return ((taps[number], count) for number, count in counted.items() if number in taps)


class Arming:
    """The filter that all taps of a capture share: our own SSH excluded on every host, then the operator's own."""

    def __init__(self, sessions: Sessions, expression: str, snaplen: int) -> None:
        self._unknown = {host for host, known in sessions.items() if known is None}
        everybody = {session for known in sessions.values() for session in known or ()}
        self.expression = bpf.combined(everybody, expression)
        self.program = bpf.compile_filter(self.expression, snaplen)

    def refuse_feedback(self, point: TapPoint) -> None:
        """Refuse an underlay tap where our own connection cannot be excluded.

        Raises:
            CaptureError: says why.
        """
        if point.underlay and point.host in self._unknown:
            raise CaptureError(
                f"no tap on {point.interface}",
                "the host did not tell SSH_CONNECTION, so this capture would feed on its own transport",
                "Tap the bridge or a veth, or log in without a wrapper that hides SSH_CONNECTION.",
                point.host,
            )
