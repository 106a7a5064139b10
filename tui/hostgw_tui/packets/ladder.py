"""The ladder of one packet and its answer, as a dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw.capture.journey_rows import Owner
from hostgw.capture.journeys import JourneyView
from hostgw.capture.ladder import Exchanged, clock_words, exchanged, rungs
from hostgw.capture.lanes import lane_numbers, lanes, seen_lanes
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw_tui.look import Line, Row, Tone, cell, lines_text
from hostgw_tui.packets.dialogs import PacketDialog
from hostgw_tui.packets.journey_grid import OneLineGrid
from hostgw_tui.packets.ladder_rows import HEAD, end_line, ladder_rows
from hostgw_tui.packets.lane_layout import LaneLayout, extent, heads, ladder_layout
from hostgw_tui.packets.rows import sign_of
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

AGAIN_S = 0.5
"""A packet may be under way while its ladder is looked at."""


class LadderDialog(ModalScreen[None]):
    """Request and answer in one picture, whichever of the two was selected."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,e,ctrl+c", "close", "close"),
        Binding("enter", "details", "details"),
        Binding("y", "copy", "copy"),
        Binding("z", "fold", "fold"),
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
    ]
    AUTO_FOCUS = "Grid"

    def __init__(
        self,
        capture: Capture,
        view: JourneyView,
        points: Mapping[int, TapPoint],
        owner: Owner,
        end_of: Callable[[JourneyView], str],
    ) -> None:
        super().__init__()
        self._capture, self._view, self._points, self._owner, self._end_of = capture, view, points, owner, end_of
        self._fold: bool | None = None
        self._first = 0
        self._layout: LaneLayout | None = None

    def compose(self) -> ComposeResult:
        """Lay out the picture, what is said of the clocks, and the keys."""
        with Vertical(classes="dialog full"):
            yield OneLineGrid(id="ladder")
            yield Reader(id="clocks")
            keys = (("enter", "details"), ("y", "copy"), ("z", "fold"), ("← →", "lanes"), ("esc", "close"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show it, and what is yet to come."""
        self.set_interval(AGAIN_S, self._show)

    @on(OneLineGrid.Resized)
    def _show(self) -> None:
        """Draw for the width that there is."""
        grid = self.query_one(OneLineGrid)
        self._view = self._capture.journey(self._view.number) or self._view
        found = exchanged(self._capture, self._view, self._points)
        self._layout = self._laid_out(found, grid.size.width - 1)
        grid.heads = heads(self._layout, HEAD)
        grid.show(self._rows(found, self._layout))
        clocks = clock_words(found, self._points)
        self.query_one("#clocks", Reader).show([cell(clocks, Tone.DIM)] if clocks else [])
        box = self.query_one(".dialog", Vertical)
        box.border_title = f"ladder of packet {found.packets[0][1].number}"
        box.border_subtitle = extent(self._layout)

    def _laid_out(self, found: Exchanged, width: int) -> LaneLayout:
        opened, folded = (seen_lanes(lanes(self._points, folded=fold), found.taps) for fold in (False, True))
        return ladder_layout(width, opened, folded, self._fold, self._first)

    def _rows(self, found: Exchanged, layout: LaneLayout) -> list[Row]:
        packets = {view.number: view for _, view in found.packets}
        ends = {number: self._end(view) for number, view in packets.items()}
        steps = rungs(found, self._points, self._owner)
        return ladder_rows(steps, packets, ends, lane_numbers(layout.lanes), layout)

    def _end(self, view: JourneyView) -> Line:
        sign = sign_of(self._capture.verdict(view), view.request, view.ambiguous)
        return end_line(sign, self._end_of(view))

    @on(Grid.Chosen)
    def _chosen(self) -> None:
        self.action_details()

    def action_details(self) -> None:
        """Open the layers of the packet at the tap under the cursor."""
        row = self.query_one(Grid).current
        if row is None:
            return
        number, _, place = row.key.partition(":")
        view = self._capture.journey(int(number))
        if view is not None and int(place) < len(view.sightings):
            sighting = view.sightings[int(place)]
            title = f"packet {number} at {self._capture.point(sighting.tap).name}"
            self.app.push_screen(PacketDialog(title, self._capture, sighting))

    def action_fold(self) -> None:
        """Fold ports and containers into their bridge, or unfold them."""
        self._fold = not (self._layout.folded if self._layout else False)
        self._first = 0
        self._show()

    def action_step(self, by: int) -> None:
        """Scroll sideways."""
        if self._layout:
            self._first = max(0, min(self._first + by, self._layout.last_first))
            self._show()

    def action_copy(self) -> None:
        """Copy the picture as text."""
        from hostgw_tui.app import HostgwApp

        if isinstance(self.app, HostgwApp):
            grid = self.query_one(OneLineGrid)
            self.app.copy(lines_text([*grid.heads, *(row.cells[0] for row in grid.rows)]))

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
