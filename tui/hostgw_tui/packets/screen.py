"""Live capture: taps and filter, the list of journeys, the hop table of the selected one."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from hostgw.capture.journey_rows import hop_rows
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.errors import HostgwError
from hostgw.live.places import owners
from hostgw.live.points import default_points, tap_points
from hostgw.live.reasons import likely_reason
from hostgw_tui.actions import bindings
from hostgw_tui.look import line
from hostgw_tui.packets import texts
from hostgw_tui.packets.dialogs import PacketDialog, TapsDialog
from hostgw_tui.packets.filter_line import FilterLine
from hostgw_tui.packets.journeys import JourneyGrid, JourneyRows, Sieve
from hostgw_tui.packets.probing import Probing
from hostgw_tui.packets.rows import hop_table, status_line
from hostgw_tui.packets.saving import save
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
    Column("TTL", 3, right=True),
    Column("CHANGED", grow=True),
)
STATISTICS_S = 1.0


class PacketsScreen(Probing):
    """The capture of this dashboard; there is one at a time."""

    SCOPE = "packets"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("packets")]
    AUTO_FOCUS = "#journeys"

    class Started(Message):
        """A capture runs, or could not be started."""

        def __init__(self, capture: Capture | None, error: str = "") -> None:
            super().__init__()
            self.capture, self.error = capture, error

    def __init__(self) -> None:
        super().__init__()
        self.capture: Capture | None = None
        self._live = self._starting = False
        self._chosen: tuple[TapPoint, ...] | None = None
        self._expression = ""
        self._sieve = Sieve()
        self._raw_macs = False
        self._rate = (0.0, 0, 0.0)
        self._frozen_total = self._followed_to = 0
        self._written: int | None = None
        """How many frames there were when the capture was written."""
        self._began_ns = 0
        self._likely: tuple[JourneyView | None, int, str] = (None, 0, "")

    def body(self) -> ComposeResult:
        """State line, list, hop table, filter line."""
        yield Reader(id="status")
        yield JourneyGrid(JOURNEYS, id="journeys", title="packets")
        yield Grid(HOPS, id="hops", title="hops of the selected packet")
        yield FilterLine()

    def on_mount(self) -> None:
        """Repaint while a capture runs and the screen is seen."""
        super().on_mount()
        self.set_interval(1 / self.hostgw.fps, self._follow_capture)

    def _follow_capture(self) -> None:
        if self._live and self.is_current and not self.hostgw.paused:
            self.paint()

    # ---- painting ----

    def paint(self) -> None:
        """Show the capture."""
        grid = self.query_one(JourneyGrid)
        if self.capture is None:
            points = self._points()
            hosts = len({point.host for point in points})
            told = texts.idle_line(len(points), hosts, self._starting, self._expression)
            self.query_one("#status", Reader).show([told])
            grid.show_newest((), texts.idle(self.view))
            self.query_one("#hops").display = False
            return
        view = self.capture.view(1)
        if not self._began_ns and view.total:
            self._began_ns = first.first.time_ns if (first := self.capture.journey(1)) else view.now_ns
        total = self._frozen_total if self.hostgw.paused else view.total
        self._frozen_total = total
        numbers = self._sieve.numbers(self.capture, total, grid.needle)
        taps = [tap.tap for tap in view.taps]
        grid.show_newest(JourneyRows(self.capture, numbers, taps, self._began_ns), texts.WAITING)
        if grid.follow:
            self._followed_to = total
        new = len(numbers) - bisect_right(numbers, self._followed_to)
        grid.border_title = texts.list_title(grid.follow, bool(grid.needle), len(numbers), total, new)
        shark = view.dissection
        rate = self._shark_rate(self.hostgw.now(), shark.dissected if shark else 0)
        status = status_line(view.taps, view.frames, view.total, shark, rate, self._live)
        state = texts.state(self._live, self.hostgw.paused)
        told = line(state, *status, *texts.filter_part(self._expression))
        self.query_one("#status", Reader).show([told])
        self._paint_hops()

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
        timing, owner = capture.timing(view), str if self._raw_macs else owners(self.view.fabric)
        rows = hop_rows(timing.applied(view), points, owner, timing.error_ns)
        hops.show(hop_table(rows, self._raw_macs))
        hops.border_title = texts.hops_title(view.number, self._raw_macs, self._lost(view, points, capture))

    def _lost(self, view: JourneyView, points: dict[int, TapPoint], capture: Capture) -> str:
        """Return after which tap a packet was lost and the likely reason, worked out once per state of the hosts."""
        if capture.verdict(view) is not Verdict.LOST:
            return ""
        if self._likely[:2] != (view, self.view.number):
            self._likely = (view, self.view.number, likely_reason(self.view, view, points, capture))
        return texts.lost(points[view.last.tap].name, self._likely[2])

    def _selected(self) -> JourneyView | None:
        row = self.query_one(JourneyGrid).current
        return self.capture.journey(int(row.key)) if row and self.capture else None

    @on(Grid.Moved, "#journeys")
    def _moved(self) -> None:
        if self.capture:
            self._paint_hops()

    # ---- actions ----

    @property
    def busy(self) -> bool:
        """A capture is live."""
        return self._live

    @property
    def at_stake(self) -> str:
        """What quitting now would lose."""
        frames = self.capture.view(1).frames if self.capture else 0
        return texts.at_stake(self._written is not None, frames - (self._written or 0))

    def _points(self) -> tuple[TapPoint, ...]:
        return self._chosen if self._chosen is not None else default_points(self.view)

    def action_capture(self) -> None:
        """Start or stop."""
        if self._live:
            self.stop_job()
        elif not self._starting:
            self._start()

    def _start(self) -> None:
        points = self._points()
        if not points:
            self.hostgw.tell("no taps are chosen; t chooses", "warning")
            return
        self._starting = True
        self.run_worker(lambda: self._open(points, self._expression), thread=True, exit_on_error=False)
        self.repaint()

    def _open(self, points: tuple[TapPoint, ...], expression: str) -> None:
        """Start a capture in a thread: ending the one before may take a while."""
        try:
            self.post_message(self.Started(self.hostgw.engine.capture(points, expression)))
        except HostgwError as error:
            self.post_message(self.Started(None, str(error)))

    @on(Started)
    def _started(self, message: Started) -> None:
        self._starting = False
        if message.capture is None:
            self.hostgw.tell(message.error, "error")
        else:
            self.capture, self._live = message.capture, True
            self._sieve, self._began_ns, self._rate = Sieve(), 0, (0.0, 0, 0.0)
            self._written = None
            self.query_one(JourneyGrid).follow = True
        self.repaint()

    def stop_job(self) -> None:
        """Close the taps; what was captured stays to be read and written."""
        if self.capture and self._live:
            self._live = False
            capture = self.capture
            self.run_worker(capture.stop, thread=True, exit_on_error=False)
            self.repaint()

    def action_taps(self) -> None:
        """Choose where to capture."""
        default = default_points(self.view)
        self.app.push_screen(TapsDialog(tap_points(self.view), self._points(), default), self._taps_chosen)

    def _taps_chosen(self, points: tuple[TapPoint, ...] | None) -> None:
        if points is not None:
            self._chosen = points
            if self._live:
                self._start()
            self.repaint()

    def action_bpf(self) -> None:
        """Edit the capture filter."""
        self.query_one(FilterLine).open(self._expression)

    @on(FilterLine.Accepted)
    def _filtered_by(self, event: FilterLine.Accepted) -> None:
        self._expression = event.expression
        self.query_one(JourneyGrid).focus()
        if self._live:
            self._start()
        self.repaint()

    @on(FilterLine.Left)
    def _filter_left(self) -> None:
        self.query_one(JourneyGrid).focus()

    def action_macs(self) -> None:
        """Show owners or raw MACs."""
        self._raw_macs = not self._raw_macs
        self.repaint()

    @on(Grid.Chosen)
    def _details(self, event: Grid.Chosen) -> None:
        view = self._selected()
        if view is None or self.capture is None:
            return
        place = int(event.row.key) if event.grid.id == "hops" else 0
        if place < len(view.sightings):
            sighting = view.sightings[place]
            names = {status.tap: status.point.name for status in self.capture.view(1).taps}
            title = f"packet {view.number} at {names.get(sighting.tap, '?')}"
            self.app.push_screen(PacketDialog(title, self.capture, sighting))

    def action_write(self) -> None:
        """Write the capture as pcapng."""
        if self.capture is None:
            self.hostgw.tell("nothing captured yet; s starts")
            return
        capture = self.capture
        self.run_worker(lambda: self._write(capture), thread=True, exit_on_error=False)

    def _write(self, capture: Capture) -> None:
        """Write in a thread: there may be many frames."""
        frames = capture.view(1).frames
        told, good = save(capture)
        if good and capture is self.capture:
            self._written = frames
        self.hostgw.tell(told, "information" if good else "error")

    def action_back(self) -> None:
        """Leave a filter line first."""
        field = self.query_one(FilterLine)
        if field.display and isinstance(self.focused, Input):
            field.close()
            self.query_one(JourneyGrid).focus()
        else:
            super().action_back()
