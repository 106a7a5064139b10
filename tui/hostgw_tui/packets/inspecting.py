"""The selected packet: its hop table, two taps of it side by side, its ladder, its layers, and all that as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from hostgw.capture.difference import differences
from hostgw.capture.journey_rows import Owner
from hostgw.capture.journeys import JourneyView, Sighting
from hostgw.capture.tap_points import TapPoint
from hostgw.fabric import Fabric
from hostgw.live.places import owners
from hostgw_tui.packets.capturing import Capturing
from hostgw_tui.packets.dialogs import PacketDialog
from hostgw_tui.packets.diff_rows import diff_columns, diff_rows
from hostgw_tui.packets.journey_grid import JourneyGrid
from hostgw_tui.packets.ladder import LadderDialog
from hostgw_tui.widgets.grid import Grid

OWNERS_S = 1.0
"""Who owns a MAC address may be as old as that: with many containers it takes a while to work out."""


class HopGrid(Grid):
    """The hop table; a row of it can be marked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark", "mark", show=False)]

    @dataclass
    class Marked(Message):
        """A row was marked, or no more."""

        place: int

    def action_mark(self) -> None:
        """Mark the row under the cursor."""
        if row := self.current:
            self.post_message(self.Marked(int(row.key)))


class Inspecting(Capturing):
    """A main screen that explains one packet."""

    def __init__(self) -> None:
        super().__init__()
        self._raw_macs = False
        self._mark: int | None = None
        """Serial number of the sighting with which others are compared."""
        self._owners: tuple[Fabric | None, float, Owner] = (None, 0.0, str)

    def _owner(self) -> Owner:
        """Return what names the owner of a MAC address, made anew now and then where the hosts have changed."""
        fabric, now = self.view.fabric, self.hostgw.now()
        known, made, _ = self._owners
        if known is None or (known is not fabric and now - made >= OWNERS_S):
            self._owners = fabric, now, owners(fabric)
        return self._owners[2]

    def _taps(self) -> dict[int, TapPoint]:
        return {status.tap: status.point for status in self.capture.view(1).taps} if self.capture else {}

    def _selected(self) -> JourneyView | None:
        row = self.query_one(JourneyGrid).current
        return self.capture.journey(int(row.key)) if row and self.capture else None

    # ---- two taps ----

    def _marked(self, view: JourneyView | None) -> int | None:
        """Return the place of the marked sighting within a journey; a mark on another packet is dropped."""
        places = [place for place, s in enumerate(view.sightings) if s.serial == self._mark] if view else []
        if not places:
            self._mark = None
        return places[0] if places else None

    @on(HopGrid.Marked)
    def _mark_hop(self, event: HopGrid.Marked) -> None:
        view = self._selected()
        if view is None or event.place >= len(view.sightings):
            return
        serial = view.sightings[event.place].serial
        self._mark = None if self._mark == serial else serial
        if self._mark is not None:
            self.query_one(JourneyGrid).follow = False
        self.repaint()

    @on(Grid.Moved, "#hops")
    def _compare(self) -> None:
        if self.capture is not None and self._mark is not None:
            self._paint_diff()

    def _paint_diff(self) -> None:
        """Show how the marked tap and the one under the cursor differ."""
        diff, view, capture = self.query_one("#diff", Grid), self._selected(), self.capture
        marked, row = self._marked(view), self.query_one("#hops", Grid).current
        self.set_class(marked is not None, "-comparing")
        diff.display = marked is not None
        if view is None or capture is None or marked is None or row is None:
            return
        points, timing, here = self._taps(), capture.timing(view), min(int(row.key), len(view.sightings) - 1)
        names = tuple(points[view.sightings[place].tap].name for place in (marked, here))
        diff.columns = diff_columns(*names)
        found = differences(timing.applied(view), (marked, here), points, self._owner(), timing.error_ns)
        diff.show(diff_rows(found, same=marked == here))
        diff.border_title = Content(f"packet {view.number}: {names[0]} against {names[1]}")

    # ---- ladder, layers, text ----

    def action_ladder(self) -> None:
        """Show a packet and its answer in one picture."""
        view, capture = self._selected(), self.capture
        if view is None or capture is None:
            self.hostgw.tell("no packet is selected")
            return
        self.app.push_screen(LadderDialog(capture, view, self._taps(), self._owner(), self._end_of))

    def _end_of(self, view: JourneyView) -> str:
        """Return where and why a packet was lost; empty when it was not."""
        raise NotImplementedError

    @on(Grid.Chosen)
    def _details(self, event: Grid.Chosen) -> None:
        view = self._selected()
        if view is None or self.capture is None or event.grid.id not in ("hops", "journeys"):
            return
        place = int(event.row.key) if event.grid.id == "hops" else 0
        if place < len(view.sightings):
            self._open_details(view, view.sightings[place])

    def _open_details(self, view: JourneyView, sighting: Sighting) -> None:
        if self.capture is not None:
            title = f"packet {view.number} at {self.capture.point(sighting.tap).name}"
            self.app.push_screen(PacketDialog(title, self.capture, sighting))

    def action_macs(self) -> None:
        """Show owners or raw MACs."""
        self._raw_macs = not self._raw_macs
        self.repaint()

    def action_copy(self) -> None:
        """Copy the selected packet's hop table, and what is compared, as text."""
        if self._selected() is None:
            self.hostgw.tell("nothing to copy: no packet is selected")
            return
        shown = [grid for grid in (self.query_one("#hops", Grid), self.query_one("#diff", Grid)) if grid.display]
        self.hostgw.copy("\n\n".join(grid.as_text() for grid in shown))
