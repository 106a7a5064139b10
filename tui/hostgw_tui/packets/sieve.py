"""Finds the packets that match the filter, a part at a time, and looks again at those whose verdict may change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property

from hostgw.capture.correlate import CAPACITY
from hostgw.capture.describe import protocol
from hostgw.capture.flows import flows
from hostgw.capture.journey_rows import merely_answers
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.sifting import REPLY, Filter, Flows, parse
from hostgw.capture.taps import Capture
from hostgw_tui.look import Row
from hostgw_tui.widgets.grid import Grid

SCANNED_AT_ONCE = 1_000
"""Packets that one repaint reads through for a filter."""
AGAIN_AT_ONCE = 250
"""Of those whose verdict may change yet, so many more."""

RowOf = Callable[[JourneyView], Row]


class JourneyFacts:
    """What a filter asks of a journey, worked out when it is asked for."""

    def __init__(self, view: JourneyView, capture: Capture, row_of: RowOf) -> None:
        self._view, self._capture, self._row_of = view, capture, row_of

    @cached_property
    def text(self) -> str:
        """The packet's line, in lower case."""
        return Grid.text_of(self._row_of(self._view)).lower()

    @cached_property
    def verdict(self) -> str:
        """The verdict's name, or what the list says instead of it."""
        verdict = self._capture.verdict(self._view)
        return REPLY if merely_answers(verdict, self._view.request) else verdict.value

    @property
    def protocols(self) -> tuple[str, ...]:
        """What tshark calls it, and what our decoder does."""
        return self._capture.info(self._view).protocol.lower(), protocol(self._view.first.frame).lower()

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that saw it."""
        return frozenset(self._capture.point(s.tap).host for s in self._view.sightings)

    @property
    def taps(self) -> frozenset[str]:
        """The taps that saw it."""
        return frozenset(self._capture.point(s.tap).name for s in self._view.sightings)

    @property
    def addresses(self) -> frozenset[tuple[int, int]]:
        """IP version and number of its addresses; those of ARP are of version 4."""
        frames = [s.frame for s in self._view.sightings]
        return frozenset((6 if f.version == 6 else 4, n) for f in frames for n in (f.source, f.destination) if n >= 0)

    @property
    def ports(self) -> frozenset[int]:
        """Its ports."""
        frames = [s.frame for s in self._view.sightings]
        return frozenset(n for f in frames for n in (f.source_port, f.destination_port) if n >= 0)

    @property
    def flows(self) -> Flows:
        """Its flows."""
        return flows(self._view)


class Sieve:
    """Numbers of the journeys that match a filter."""

    def __init__(self) -> None:
        self.filter = Filter()
        self._needle = ""
        self._matching: dict[int, bool] = {}
        self._young: deque[int] = deque()
        self._next = 1

    def numbers(self, capture: Capture, total: int, needle: str, now_ns: int, row_of: RowOf) -> Sequence[int]:
        """Return the journeys that are kept and match; all of them without a filter.

        Args:
            capture: the capture.
            total: the newest journey that is looked at.
            needle: the filter as typed.
            now_ns: the capture's time; a journey younger than its window may change yet.
            row_of: makes the row of a journey, for words that are looked for in it.
        """
        first = max(1, total - CAPACITY + 1)
        if needle != self._needle:
            self._begin(needle, first, lambda number: _flows_of(capture, number))
        if not self.filter.matchers:
            return range(first, total + 1)
        self._next = max(self._next, first)
        end = min(total + 1, self._next + SCANNED_AT_ONCE)
        again = [self._young.popleft() for _ in range(min(AGAIN_AT_ONCE, len(self._young)))]
        for number in (*again, *range(self._next, end)):
            self._look(capture, number, now_ns, row_of)
        self._next = end
        if len(self._matching) > 2 * CAPACITY:
            self._matching = {number: good for number, good in self._matching.items() if number >= first}
        return [number for number, good in self._matching.items() if good and number >= first]

    def _begin(self, needle: str, first: int, flows_of: Callable[[int], Flows]) -> None:
        self._needle, self.filter = needle, parse(needle, flows_of)
        self._matching, self._next = {}, first
        self._young.clear()

    def _look(self, capture: Capture, number: int, now_ns: int, row_of: RowOf) -> None:
        """Note whether a journey matches; numbers come in ascending order first, and keep their place when again."""
        view = capture.journey(number)
        if view is None:
            self._matching[number] = False
            return
        self._matching[number] = self.filter.matches(JourneyFacts(view, capture, row_of))
        young = now_ns - view.first.time_ns < capture.settings.window_ns
        if young or capture.verdict(view) is Verdict.IN_FLIGHT:
            self._young.append(number)


def _flows_of(capture: Capture, number: int) -> Flows:
    view = capture.journey(number)
    return flows(view) if view else frozenset()
