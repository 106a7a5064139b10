"""Journeys of a capture, made into rows when they come in sight: as a list, or as lines over lanes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.cache import LRUCache

from hostgw.capture.journey_rows import Owner, list_row
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.lanes import lane_numbers, way
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw_tui.look import LazyRows, Row, cell
from hostgw_tui.packets.lane_layout import LaneLayout
from hostgw_tui.packets.lane_rows import gutter, lane_line
from hostgw_tui.packets.rows import Tint, journey_row, sign_of, tint_of

RowOf = Callable[[JourneyView], Row]
KEPT_LINES = 512
"""Lines of the lane view that are kept; each takes a look at the clocks to draw anew."""


class JourneyRows(LazyRows):
    """Numbers of journeys; a row is read from the capture when it is asked for."""

    def __init__(self, capture: Capture, numbers: Sequence[int], row_of: RowOf, gone: int = 8) -> None:
        self._capture, self._numbers, self._row_of, self._gone = capture, numbers, row_of, gone

    def __len__(self) -> int:
        return len(self._numbers)

    def row(self, index: int) -> Row:
        """Return the row of a journey; one that left the ring says so."""
        number = self._numbers[index]
        view = self._capture.journey(number)
        if view is None:
            said = (cell(""), cell("(no longer kept)"), *((),) * 6) if self._gone > 1 else (cell("(no longer kept)"),)
            return Row(str(number), said, dim=True)
        return self._row_of(view)

    def index_of(self, key: str) -> int | None:
        """Return the place of a journey; the oldest when it has left the ring."""
        number = int(key)
        if isinstance(self._numbers, range):
            return max(0, number - self._numbers.start) if self._numbers and number < self._numbers.stop else None
        return self._numbers.index(number) if number in self._numbers else None


def list_rows(capture: Capture, taps: Sequence[int], began_ns: int, tint: Tint) -> RowOf:
    """Return what makes the list's row of a journey."""

    def row_of(view: JourneyView) -> Row:
        listed = list_row(view, taps, capture.info(view), capture.verdict(view), capture.point(view.last.tap))
        tone = tint_of(view, sign_of(listed.verdict), tint) if tint is Tint.FLOW else None
        return journey_row(listed, began_ns, view.request, tone)

    return row_of


class LanePainter:
    """Makes the lines of the lane view, and keeps those whose packet has not changed."""

    def __init__(
        self,
        capture: Capture,
        layout: LaneLayout,
        points: Mapping[int, TapPoint],
        owner: Owner,
        began_ns: int,
        tint: Tint,
    ) -> None:
        self._capture, self._layout, self._points, self._owner = capture, layout, points, owner
        self._began_ns, self._tint = began_ns, tint
        self._numbers = lane_numbers(layout.lanes)
        self._kept: LRUCache[object, Row] = LRUCache(KEPT_LINES)

    def row_of(self, view: JourneyView) -> Row:
        """Return the line of a journey."""
        verdict = self._capture.verdict(view)
        key = (view.number, len(view.sightings), view.request, view.reply, view.error, view.ambiguous, verdict)
        row = self._kept.get((key, view.pieces))
        if row is None:
            row = self._kept[key, view.pieces] = self._paint(view, verdict)
        return row

    def _paint(self, view: JourneyView, verdict: Verdict) -> Row:
        timing = self._capture.timing(view)
        sign = sign_of(verdict, view.request, view.ambiguous)
        tone = tint_of(view, sign, self._tint)
        found = way(timing.applied(view), self._numbers, self._points, timing.error_ns, self._owner)
        left = gutter(view, self._began_ns, sign, self._layout.addresses, tone)
        return Row(str(view.number), (lane_line(left, found, self._layout, verdict, tone),))
