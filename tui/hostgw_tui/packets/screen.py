"""Live capture: the packets as a list or over lanes, and the hop table of the selected one."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from hostgw.capture.journey_rows import hop_rows
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.ladder import exchanged
from hostgw.capture.sifting import toggled_flow
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.view import View as CaptureView
from hostgw.live.reasons import Why, likely
from hostgw.model.finding import Finding
from hostgw_tui.actions import bindings
from hostgw_tui.look import line
from hostgw_tui.packets import texts
from hostgw_tui.packets.filter_line import FilterLine
from hostgw_tui.packets.inspecting import HopGrid, Inspecting
from hostgw_tui.packets.journey_grid import JourneyGrid
from hostgw_tui.packets.journeys import JourneyRows, RowOf, list_rows
from hostgw_tui.packets.lane_view import LaneView
from hostgw_tui.packets.rows import Tint, hop_table, status_line
from hostgw_tui.packets.sieve import Sieve
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.reader import Reader

JOURNEYS = (
    Column("TIME", 7, right=True),
    Column("SOURCE", most=39),
    Column("DESTINATION", most=39),
    Column("PROTO", most=8),
    Column("TAPS", most=24, above=70),
    Column("VERDICT", most=20),
    Column("TTL", most=24, above=110),
    Column("INFO", grow=True),
)
HOPS = (
    Column("TAP", most=22),
    Column("", 5),
    Column("+TIME", most=14, right=True),
    Column("FROM", most=17),
    Column("TO", most=17),
    Column("SOURCE", most=15, above=70),
    Column("DESTINATION", most=15, above=100),
    Column("TTL", most=8, right=True),
    Column("CHANGED", grow=True),
)
STATISTICS_S = 1.0
REST, LONGEST_S = 8, 0.5
"""How long no picture is painted after one while the capture lags: in times of what it took, and at most."""


class PacketsScreen(Inspecting):
    """The capture of this dashboard."""

    SCOPE = "packets"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("packets")]
    AUTO_FOCUS = "#journeys"

    def __init__(self) -> None:
        super().__init__()
        self._sieve = Sieve()
        self._in_lanes = False
        self._lanes = LaneView()
        self._tint = Tint.VERDICT
        self._rate = (0.0, 0, 0.0)
        self._frozen_total = self._followed_to = 0
        self._began_ns, self._next_paint = 0, 0.0
        self._likely: tuple[tuple[JourneyView, int, int] | None, Why] = (None, Why())

    def body(self) -> ComposeResult:
        """State line, list, hop table, two taps of it, filter line."""
        yield Reader(id="status")
        yield JourneyGrid(JOURNEYS, id="journeys", title="packets")
        yield HopGrid(HOPS, id="hops", title="hops of the selected packet", sortable=False)
        yield Grid((), id="diff", sortable=False)
        yield FilterLine()

    def on_mount(self) -> None:
        """Repaint while a capture runs and the screen is seen."""
        super().on_mount()
        self.query_one("#diff").display = False
        self.query_one("#filter", Input).placeholder = texts.FILTER
        self.set_interval(1 / self.hostgw.fps, self._follow_capture)

    def _follow_capture(self) -> None:
        """Paint what is new; rarely while the capture lags, for painting takes the time that decoding needs."""
        now = time.monotonic()
        if self._live and self.is_current and not self.hostgw.paused and now >= self._next_paint:
            self._next_paint = now + LONGEST_S
            self.paint()
            self.call_after_refresh(self._painted, now)

    def _painted(self, began: float) -> None:
        now, lags = time.monotonic(), self.capture is not None and self.capture.lags
        self._next_paint = now + min(LONGEST_S, (now - began) * REST) if lags else 0.0

    def renew(self) -> None:
        """Leave the body to the capture while it runs: a change of the fabric is no reason to paint in between."""
        self.adopt()
        if self._live and not self.hostgw.paused:
            self.paint_bar()
        else:
            self.repaint()

    def begun(self) -> None:
        """Forget what was shown of the capture before."""
        self._sieve, self._began_ns, self._rate, self._mark = Sieve(), 0, (0.0, 0, 0.0), None
        self._lanes.only = frozenset()
        self.query_one(JourneyGrid).follow = True

    # ---- painting ----

    def paint(self) -> None:
        """Show the capture."""
        grid = self.query_one(JourneyGrid)
        if self.capture is None:
            self._paint_idle(grid)
            return
        view = self.capture.view(1)
        if not self._began_ns and view.total:
            self._began_ns = first.first.time_ns if (first := self.capture.journey(1)) else view.now_ns
        total = self._frozen_total if self.hostgw.paused else view.total
        self._frozen_total = total
        taps = [tap.tap for tap in view.taps]
        listed = list_rows(self.capture, taps, self._began_ns, self._tint)
        numbers = self._sieve.numbers(self.capture, total, grid.needle, view.now_ns, listed)
        row_of = self._row_of(grid, self.capture, view, listed)
        grid.show_newest(JourneyRows(self.capture, numbers, row_of, len(grid.columns)), texts.nothing(grid.needle))
        self._title(grid, numbers, total)
        shark = view.dissection
        rate = self._shark_rate(self.hostgw.now(), shark.dissected if shark else 0)
        status = status_line(view.taps, view.frames, view.total, shark, rate, self._live)
        state = texts.state(self._live, self.hostgw.paused, recorded=self.hostgw.replay is not None)
        told = line(state, *status, *texts.filter_part(self._expression))
        self.query_one("#status", Reader).show([told])
        self._paint_hops()

    def _paint_idle(self, grid: JourneyGrid) -> None:
        told = texts.idle_line(*self._counted(), self._starting, self._expression)
        self.query_one("#status", Reader).show([told])
        grid.show_newest((), texts.idle(self.view))
        grid.border_title = "packets"
        self.query_one("#hops").display = False

    def _row_of(self, grid: JourneyGrid, capture: Capture, view: CaptureView, listed: RowOf) -> RowOf:
        """Return what makes a row: of the list, or over lanes; and give the grid its header."""
        if not self._in_lanes:
            grid.dress(JOURNEYS)
            return listed
        points = {status.tap: status.point for status in view.taps}
        now = self.hostgw.now()
        return self._lanes.dress(grid, capture, points, self._owner(), self._began_ns, self._tint, now)

    def _title(self, grid: JourneyGrid, numbers: Sequence[int], total: int) -> None:
        if grid.follow:
            self._followed_to = total
        new = len(numbers) - bisect_right(numbers, self._followed_to)
        more = [self._sieve.filter.remark, self._lanes.title if self._in_lanes else ""]
        more.append("colour: flow" if self._tint is Tint.FLOW else "")
        titled = texts.list_title(grid.follow, bool(grid.needle), len(numbers), total, new, more)
        grid.border_title = Content(titled)

    def _shark_rate(self, now: float, dissected: int) -> float:
        since, before, rate = self._rate
        if now - since >= STATISTICS_S:
            rate = (dissected - before) / (now - since) if since else 0.0
            self._rate = (now, dissected, rate)
        return rate

    def _paint_hops(self) -> None:
        hops, view, capture = self.query_one("#hops", Grid), self._selected(), self.capture
        hops.display = view is not None
        if view is None or capture is None:
            return
        points = {status.tap: status.point for status in capture.view(1).taps}
        timing, owner = capture.timing(view), str if self._raw_macs else self._owner()
        rows = hop_rows(timing.applied(view), points, owner, timing.error_ns)
        hops.show(hop_table(rows, self._raw_macs, self._marked(view)))
        lost = self._lost(view, points, capture)
        hops.border_title = Content(texts.hops_title(view.number, self._raw_macs, lost, view.ambiguous))
        self._paint_diff()

    def _lost(self, view: JourneyView, points: dict[int, TapPoint], capture: Capture) -> str:
        """Return after which tap a packet was lost, the likely reason, and whether there is a fix."""
        why = self._why(view, points, capture)
        lost = capture.verdict(view) is Verdict.LOST
        told = texts.lost(points[view.last.tap].name, why.reason) if lost else texts.silent(why.reason)
        return f"{told}{texts.FIXABLE if why.finding else ''}"

    def _why(self, view: JourneyView, points: dict[int, TapPoint], capture: Capture) -> Why:
        """Return why a packet was lost, worked out once per state of the hosts and once a second."""
        if capture.verdict(view) not in (Verdict.LOST, Verdict.UNANSWERED):
            return Why()
        state = (view, self.view.number, int(self.hostgw.now()))  # a kernel's word comes a little later
        if self._likely[0] != state:
            self._likely = state, likely(self.view, view, points, capture)
        return self._likely[1]

    def finding(self) -> Finding | None:
        """Return the finding that explains why the selected packet was lost."""
        view = self._selected()
        return self._why(view, self._taps(), self.capture).finding if view and self.capture else None

    def no_finding(self) -> str:
        """Return why `f` does nothing here."""
        return "f leads to the fix where a finding explains why the selected packet was lost"

    def _end_of(self, view: JourneyView) -> str:
        return self._lost(view, self._taps(), self.capture).removeprefix(" · ") if self.capture else ""

    @on(Grid.Moved, "#journeys")
    def _moved(self) -> None:
        if self.capture:
            self._paint_hops()

    @on(JourneyGrid.Resized)
    def _resized(self) -> None:
        if self._in_lanes:
            self.repaint()

    # ---- actions ----

    def action_lanes(self) -> None:
        """Show the packets over lanes, or as a list again."""
        self._in_lanes = not self._in_lanes
        self.repaint()

    def action_fold(self) -> None:
        """Fold ports and containers into their bridge's lane, or unfold them."""
        if not self._in_lanes:
            self.hostgw.tell("v shows lanes; z folds them")
            return
        self._lanes.toggle_fold()
        self.repaint()

    def action_lane_step(self, by: int) -> None:
        """Scroll the lanes sideways."""
        if self._in_lanes:
            self._lanes.step(by)
            self.repaint()

    def action_lanes_of(self) -> None:
        """Show only the lanes that the selected packet and its answer passed, or all again."""
        view = self._selected()
        if self._in_lanes and view is not None and self.capture is not None:
            self._lanes.toggle_only(exchanged(self.capture, view, self._taps()).taps)
            self.repaint()
        else:
            self.hostgw.tell("v shows lanes; x then leaves only those of the selected packet's way")

    def action_tint(self) -> None:
        """Colour packets by verdict or by flow."""
        self._tint = Tint.FLOW if self._tint is Tint.VERDICT else Tint.VERDICT
        self.repaint()

    def action_flow(self) -> None:
        """Show only the selected packet's flow, or all flows again."""
        grid, view = self.query_one(JourneyGrid), self._selected()
        if view is None:
            self.hostgw.tell("no packet is selected")
            return
        field = self.query_one("#filter", Input)
        self._filtered = grid
        field.value = grid.needle = toggled_flow(grid.needle, view.number)
        field.display = bool(field.value)
        self.repaint()

    def action_filter(self) -> None:
        """Open the filter line; it filters the list, whatever has the focus."""
        self.query_one(JourneyGrid).focus()
        self.filter_in(self.query_one(JourneyGrid))

    def action_back(self) -> None:
        """End a comparison first."""
        if self._mark is not None and isinstance(self.focused, Grid):
            self._mark = None
            self.repaint()
        else:
            super().action_back()
