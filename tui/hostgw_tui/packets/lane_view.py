"""What the lane view remembers between two paintings: fold, place, colour, and the lines that were drawn."""

from __future__ import annotations

from collections.abc import Mapping

from hostgw.capture.journey_rows import Owner
from hostgw.capture.lanes import Lane, lanes, seen_lanes
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw_tui.packets.journey_grid import ONE_LINE, JourneyGrid
from hostgw_tui.packets.journeys import LanePainter, RowOf
from hostgw_tui.packets.lane_layout import LaneLayout, extent, gutter_head, heads, lane_layout
from hostgw_tui.packets.rows import Tint

SCROLLBAR = 1
RENEWED_S = 2.0
"""After so long lines are drawn anew: what is known of the clocks gets better, and owners of addresses change."""


class LaneView:
    """Lays lanes out for a grid, and hands out what paints its lines."""

    def __init__(self) -> None:
        self.fold: bool | None = None
        """Whether ports and containers are folded; None leaves it to the width."""
        self.first = 0
        """The first lane that is shown."""
        self.only: frozenset[int] = frozenset()
        """Taps whose lanes are shown; all when empty."""
        self.layout: LaneLayout | None = None
        self._lanes: tuple[object, tuple[Lane, ...], tuple[Lane, ...]] | None = None
        self._painter: tuple[object, LanePainter] | None = None

    def dress(
        self,
        grid: JourneyGrid,
        capture: Capture,
        points: Mapping[int, TapPoint],
        owner: Owner,
        began_ns: int,
        tint: Tint,
        now: float,
    ) -> RowOf:
        """Lay out and give the grid its header; return what makes a line of a journey."""
        opened, folded = self._made(capture, points)
        layout = lane_layout(grid.size.width - SCROLLBAR, opened, folded, self.fold, self.first)
        self.layout, self.first = layout, layout.first
        grid.dress(ONE_LINE, heads(layout, gutter_head(layout)))
        key = (capture, layout, began_ns, tint, int(now / RENEWED_S))
        if self._painter is None or self._painter[0] != key:
            self._painter = key, LanePainter(capture, layout, points, owner, began_ns, tint)
        return self._painter[1].row_of

    def _made(self, capture: Capture, points: Mapping[int, TapPoint]) -> tuple[tuple[Lane, ...], tuple[Lane, ...]]:
        """Return the lanes, a lane for each tap and folded; made once for the taps of a capture."""
        key = (capture, len(points), self.only)
        if self._lanes is None or self._lanes[0] != key:
            shown = self.only or frozenset(points)
            opened, folded = (seen_lanes(lanes(points, folded=fold), shown) for fold in (False, True))
            self._lanes = key, opened, folded
        return self._lanes[1], self._lanes[2]

    def step(self, by: int) -> None:
        """Scroll sideways by lanes."""
        if self.layout:
            self.first = max(0, min(self.first + by, self.layout.last_first))

    def toggle_fold(self) -> None:
        """Fold or unfold."""
        self.fold = not (self.layout.folded if self.layout else False)
        self.first = 0

    def toggle_only(self, taps: frozenset[int]) -> None:
        """Show only the lanes of some taps, or all again."""
        self.only = frozenset() if self.only else taps
        self.first = 0

    @property
    def title(self) -> str:
        """Which lanes are shown, for a title; empty when all are."""
        told = ["x shows all lanes" if self.only else "", extent(self.layout) if self.layout else ""]
        return " · ".join(filter(None, told))
