"""Path: from where to where, the predicted way in both directions, a probe, and where the two part."""

from __future__ import annotations

from concurrent.futures import Future
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from hostgw.capture.journeys import Verdict
from hostgw.checks.underlay_drops import between
from hostgw.errors import HostgwError
from hostgw.fabric import Fabric
from hostgw.live.places import containers, owners
from hostgw.live.tracing import Tracing
from hostgw.model.finding import Finding
from hostgw.model.path import Prediction, Query
from hostgw.paths.nearest import nearest
from hostgw.paths.predict import find_end, predict
from hostgw.report.path import kind
from hostgw_tui.actions import bindings
from hostgw_tui.look import Line, Row, Tone, cell
from hostgw_tui.path.dialog import EndDialog
from hostgw_tui.path.packet import Asked
from hostgw_tui.path.packet_dialog import PacketKindDialog
from hostgw_tui.path.rows import (
    detail_lines,
    end_rows,
    head_line,
    hop_of,
    predicted_rows,
    traced_rows,
    verdict_line,
)
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.reader import Reader

WAY = (
    Column("", most=15),
    Column("TAP", most=24),
    Column("", 5),
    Column("MAC", most=34),
    Column("SOURCE", most=15),
    Column("TTL", 3, right=True),
    Column("TIME", most=14, right=True),
    Column("CHANGED", grow=True),
)
TOO_FEW = "A path needs two places: containers or hosts that have been read."


class PathScreen(MainScreen):
    """The way of one packet and of its answer."""

    SCOPE = "path"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("path")]

    class Probed(Message):
        """A probe's way is known."""

        def __init__(self, ends: tuple[str, str], found: Tracing | None, error: str) -> None:
            super().__init__()
            self.ends, self.found, self.error = ends, found, error

    def __init__(self) -> None:
        super().__init__()
        self._ends: tuple[str, str] | None = None
        self._asked = Asked(Query(), 1)
        self._prediction: tuple[Fabric, tuple[str, str], Query, Prediction] | None = None
        self._tracing: Tracing | None = None
        self._probing = False

    def body(self) -> ComposeResult:
        """The ends, the way, and why."""
        yield Reader(id="ends")
        yield Grid(WAY, id="way", title="way", sortable=False)
        yield Reader(id="why")

    def paint(self) -> None:
        """Show the view."""
        found, error = self._held()
        self.query_one("#ends", Reader).show(self._head(found, error))
        grid = self.query_one("#way", Grid)
        grid.border_title = Content(self._title())
        grid.show(self._rows(found), (cell(error or TOO_FEW, Tone.NOTE),))
        self._explain()

    def _title(self) -> str:
        way = f"way of {kind(self._asked.query)}"
        if self._probing:
            return f"{way}: probing …"
        return f"{way}: predicted beside seen" if self._tracing else f"{way}: predicted; p sends a probe along it"

    def _rows(self, found: Prediction | None) -> list[Row]:
        if found is None:
            return []
        owner = owners(self.view.fabric)
        if self._tracing and self._tracing.probes:
            return traced_rows(self._tracing, self._tracing.probes[-1], owner)
        return predicted_rows(found, owner)

    def _head(self, found: Prediction | None, error: str) -> list[Line]:
        if found is None:
            return [cell(error or TOO_FEW, Tone.WARN)]
        return [head_line(found), *([verdict_line(self._tracing)] if self._tracing else [])]

    def _predicted(self) -> tuple[Prediction | None, str]:
        """Return the prediction for the present view, worked out once; or why there is none."""
        fabric = self.view.fabric
        ends = self._ends = self._ends or self._first_ends()
        if ends is None:
            return None, ""
        query = self._asked.query
        if self._prediction and self._prediction[0] is fabric and self._prediction[1:3] == (ends, query):
            return self._prediction[3], ""
        try:
            source, destination = (find_end(fabric, self.view.mesh, text) for text in ends)
            found = predict(fabric, source, destination, query)
        except HostgwError as error:
            return None, str(error)
        self._prediction = fabric, ends, query, found
        return found, ""

    def _held(self) -> tuple[Prediction | None, str]:
        """Return the prediction that is shown: the one that a probe was sent along, or that for the present view."""
        return (self._tracing.prediction, "") if self._tracing else self._predicted()

    def _first_ends(self) -> tuple[str, str] | None:
        """Return the first container, and the first on another host where there is one."""
        known = list(containers(self.view.fabric))
        if not known:
            return None
        first = known[0]
        other = next((place for place in known if place[0] != first[0]), known[-1])
        names = tuple(f"{host}:{name}" for host, _, name, _ in (first, other))
        return (names[0], names[1]) if names[0] != names[1] else None

    @on(Grid.Moved, "#way")
    def _explain(self) -> None:
        found, _ = self._held()
        row = self.query_one("#way", Grid).current
        hop = hop_of(found, row.key) if found and row and not self._tracing else None
        self.query_one("#why", Reader).show(
            detail_lines(found, hop, self.finding(), bool(self._tracing)) if found else ()
        )

    @property
    def place(self) -> str:
        """The ends of the path."""
        return " ".join(self._ends) if self._ends else ""

    def go_to(self, key: str) -> None:
        """Show the path between two ends."""
        source, _, destination = key.partition(" ")
        if destination:
            self._show((source, destination))

    # ---- choosing ----

    def action_source(self) -> None:
        """Choose where the packet starts."""
        self.app.push_screen(EndDialog("from", self._places(), any_address=False), lambda text: self._choose(0, text))

    def action_destination(self) -> None:
        """Choose where the packet goes."""
        self.app.push_screen(EndDialog("to", self._places(), any_address=True), lambda text: self._choose(1, text))

    def _places(self) -> list[Row]:
        return end_rows(self.view)

    def _choose(self, which: int, text: str | None) -> None:
        if text is None or self._ends is None:
            return
        source, destination = self._ends
        self._show((text, destination) if which == 0 else (source, text))

    def action_swap(self) -> None:
        """Turn the path round, where the destination can send."""
        if self._ends:
            self._show((self._ends[1], self._ends[0]))

    def action_kind(self) -> None:
        """Choose what goes along the path."""
        self.app.push_screen(PacketKindDialog(self._asked), self._kind_chosen)

    def _kind_chosen(self, asked: Asked | None) -> None:
        if asked:
            self._asked, self._tracing = asked, None
            self.repaint()

    def _show(self, ends: tuple[str, str]) -> None:
        self._ends, self._tracing = ends, None
        self.repaint()

    # ---- probing ----

    def probe_between(self, source: str, destination: str) -> None:
        """Show the way between two places, and send a probe along it."""
        self._show((source, destination))
        self.action_probe()

    def action_probe(self) -> None:
        """Send a probe along the way."""
        found, error = self._predicted()
        if found is None or self._ends is None:
            self.hostgw.tell(error or TOO_FEW)
        elif not self._probing:
            self._probing = True
            self.repaint()
            ends = self._ends
            query, count = self._asked
            future = self.hostgw.engine.trace(found.source, found.destination, count, query)
            future.add_done_callback(lambda done: self._probed(ends, done))

    def _probed(self, ends: tuple[str, str], done: Future[Tracing]) -> None:
        """Take the result; called from another thread."""
        error = done.exception()
        self.post_message(self.Probed(ends, None if error else done.result(), str(error or "")))

    @on(Probed)
    def _show_probe(self, message: Probed) -> None:
        self._probing = False
        if message.error:
            self.hostgw.tell(message.error, "error")
        elif message.ends == self._ends:
            self._tracing = message.found
        self.repaint()

    def action_back(self) -> None:
        """Forget the probe, else go to the overview."""
        if self._tracing and not self.query_one("#filter").display:
            self._tracing = None
            self.repaint()
        else:
            super().action_back()

    # ---- what is broken ----

    def finding(self) -> Finding | None:
        """Return the finding that speaks of why the packet, or its answer, does not go on as it should."""
        if vanished := self._vanished():
            return vanished
        for found in (self._held()[0], self._predicted()[0]):
            if found and not found.works and (near := nearest(self.view.listed, found.back or found.forward)):
                return near
        return None

    def _vanished(self) -> Finding | None:
        """Return what the underlay does to the last probe, if it left one host and never reached the next."""
        last = self._tracing.probes[-1] if self._tracing and self._tracing.probes else None
        if self._tracing is None or last is None or last.verdict is not Verdict.LOST:
            return None
        missed = self._tracing.missed(last)
        return between(missed[0].host, missed[1].host, self.view.fabric, self.view.mesh) if missed else None

    def no_finding(self) -> str:
        """Return why `f` does nothing here."""
        return "no finding explains this path"
