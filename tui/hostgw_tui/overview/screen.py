"""The overview: how the fleet is, who reaches whom, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from hostgw.checks.standing import Standing
from hostgw.model.finding import Finding
from hostgw_tui.actions import bindings
from hostgw_tui.jumps import Jump, Place, of_route
from hostgw_tui.look import STANDINGS, Line, Part, Tone, line
from hostgw_tui.overview.events import event_lines, since
from hostgw_tui.overview.matrix_grid import MatrixGrid
from hostgw_tui.overview.probe_rows import probe_lines
from hostgw_tui.overview.rows import (
    ago_text,
    assumption_lines,
    finding_details,
    finding_rows,
    findings_title,
    host_lines,
    host_rows,
    is_current,
    network_title,
    no_findings,
    no_subnet,
)
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.states import NOBODY

if TYPE_CHECKING:
    from hostgw.live.differences import Event

HOSTS = (
    Column("HOST", most=16),
    Column("STATE", most=14),
    Column("ADDRESS", most=21, copied=True),
    Column("SUBNET", most=21),
    Column("FINDINGS", most=10),
    Column("AGE", 4, right=True),
    Column("RTT", most=7, right=True),
    Column("", grow=True),
)
FINDINGS = (
    Column("SEVERITY", 9),
    Column("HOST", most=16),
    Column("CODE", most=30, above=100),
    Column("SUMMARY", grow=True, copied=True),
)


NEWS = 5
"""Events that are shown where there is room; E shows all."""


class Events(Reader, can_focus=False):
    """The newest changes."""

    def on_mount(self) -> None:
        """Say where the others are."""
        self.border_title = "changes · E shows all"


class OverviewScreen(MainScreen):
    """Hosts, matrix, findings."""

    SCOPE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overview")]
    AUTO_FOCUS = "#findings"

    def __init__(self) -> None:
        super().__init__()
        self._explained: Finding | None = None
        self._told_of: Sequence[Event] = ()
        self._lent_at: int | None = None
        """Where the cursor of the hosts was when they were lent the focus."""

    def body(self) -> ComposeResult:
        """Stack the three tables."""
        yield Grid(HOSTS, id="hosts", title="hosts")
        yield MatrixGrid(id="matrix", title="mesh")
        yield Grid(FINDINGS, id="findings", title="findings")
        yield Reader(id="detail")
        yield Events(id="events")

    def paint(self) -> None:
        """Show the view."""
        view, now = self.view, self.hostgw.moment
        hosts = self.query_one("#hosts", Grid)
        hosts.show(host_rows(view, now), NOBODY[:1])
        self.query_one(MatrixGrid).show_matrix(view, no_subnet(view))
        findings = self.query_one("#findings", Grid)
        findings.show(finding_rows(view), no_findings(view, now, asks=not self.hostgw.engine.is_recording))
        self._lend_focus(hosts, findings)
        self._detail()
        self._news()

    def on_screen_suspend(self) -> None:
        """Let go of the picture, unless a dialog lies over it."""
        if not self.hostgw.seen(self):
            self.query_one(MatrixGrid).let_go()

    def _head_tables(self) -> None:
        """Name the tables, and tell which part of them is in sight."""
        mesh = " · ".join(filter(None, ("mesh", network_title(self.view), self.query_one(MatrixGrid).told)))
        titles = {"#hosts": "hosts", "#matrix": mesh}
        for selector, title in {**titles, "#findings": findings_title(self.view)}.items():
            grid = self.query_one(selector, Grid)
            grid.border_title = Content(" · ".join(filter(None, (title, grid.extent))))

    def _lend_focus(self, hosts: Grid, findings: Grid) -> None:
        """Move the focus to the hosts while there is no finding, for enter opens nothing there; then back.

        It stays where a person took it: whoever moved the cursor of the hosts is reading them.
        """
        if not findings.all_rows:
            if self.focused is findings and hosts.all_rows:
                self._lent_at = hosts.cursor
                hosts.focus()
        elif self._lent_at is not None:
            if self.focused is hosts and hosts.cursor == self._lent_at:
                findings.focus()
            self._lent_at = None

    @on(Grid.Moved)
    def _detail(self) -> None:
        """Explain the finding under the cursor below the list."""
        self._head_tables()
        detail = self.query_one("#detail", Reader)
        finding = self.finding() or next((f for f in self.view.listed if f.id == self._listed_key()), None)
        detail.display = finding is not None
        if finding != self._explained:
            self._explained = finding
            if self.hostgw.seen(self):
                self.hostgw.look(*self.looks_at())
            when = since(finding, self.hostgw.engine.events) if finding else ""
            detail.border_title = Content(" · ".join(filter(None, (finding.code, when))) if finding else "")
            detail.show(finding_details(finding, self.view) if finding else ())

    def _news(self) -> None:
        """Show the newest changes below everything, as many as there is room for."""
        events = self.query_one(Events)
        newest = self.hostgw.engine.events[-NEWS:]
        events.display = bool(newest)
        if newest != self._told_of:
            self._told_of = newest
            events.show(tuple(event_lines(newest)))

    def looks_at(self) -> tuple[bool, str]:
        """Have the host of the finding that is explained count, where a counter may witness it."""
        found = self._explained
        return (True, found.host) if found and _has_witness(found) else (False, "")

    def _listed_key(self) -> str:
        row = self.query_one("#findings", Grid).current
        return row.key if row else ""

    def finding(self) -> Finding | None:
        """Return the finding under the cursor: of a cell, the first of a host, else the one of the list."""
        return self._finding_here() or self._highlighted()

    def findings(self) -> Sequence[Finding]:
        """Return the finding under the cursor; on a host, all of its findings."""
        grid, row = self.grid, self.row
        mine = [f for f in self.view.listed if row and f.host == row.key] if grid and grid.id == "hosts" else []
        return mine or super().findings()

    def _finding_here(self) -> Finding | None:
        grid, row = self.grid, self.row
        if grid is None or row is None:
            return None
        if isinstance(grid, MatrixGrid):
            return grid.finding
        return next((found for found in self.view.listed if found.host == row.key), None)

    def _highlighted(self) -> Finding | None:
        """Return the finding that the list shows as current, whether the list has the focus or not."""
        row = self.query_one("#findings", Grid).current
        return next((found for found in self.view.listed if row and found.id == row.key), None)

    @on(Grid.Chosen)
    def _chosen(self, event: Grid.Chosen) -> None:
        if event.grid.id == "hosts":
            host = self.view.fabric.hosts[event.row.key]
            self.hostgw.host = host.name
            lines = host_lines(host, self.view, self.hostgw.moment)
            retry = {"r": ("retry", self.hostgw.action_retry)}
            self.hostgw.read(host.name, lines, retry, [Jump("2", "open", Place("host", host.name))])
        elif isinstance(event.grid, MatrixGrid) and event.grid.enter_group():
            return
        elif finding := event.grid.finding if isinstance(event.grid, MatrixGrid) else self.finding():
            self.hostgw.read_finding(finding)
        elif isinstance(event.grid, MatrixGrid):
            name, subnet = event.row.key, event.grid.subnet
            jumps = of_route(self.view, name, subnet.prefix, subnet.owner) if subnet else ()
            self.hostgw.read(name, self._cell_lines(name, event.grid), jumps=jumps)

    def _cell_lines(self, name: str, grid: MatrixGrid) -> list[Line]:
        """Return what a cell without a finding stands for."""
        from hostgw.checks.judge import judgements

        subnet, host = grid.subnet, self.view.fabric.hosts[name]
        judged = [j for j in judgements(host, self.view.mesh) if subnet and j.subnet.prefix == subnet.prefix]
        if subnet is None or not judged or not host.readable:
            sign = STANDINGS[Standing.UNKNOWN if not host.readable else Standing.NONE]
            return [line(f"{name} and {subnet.prefix if subnet else 'no subnet'}: ", Part(sign.word, sign.tone))]
        sign = STANDINGS[judged[0].standing]
        told = [line(Part(f"{sign.glyph} {sign.word}", sign.tone), f"  {name} to {subnet.prefix} of {subnet.owner}")]
        if not is_current(host, self.hostgw.moment):
            ago = ago_text(self.hostgw.moment - host.changed_at)
            told.append(line(Part("old       ", Tone.DIM), Part(f"{name} is {host.state}; heard {ago}", Tone.WARN)))
        told.append(line(Part("owner     ", Tone.DIM), f"{subnet.owner} ({subnet.reason})"))
        if judged[0].expected:
            told.append(line(Part("expected  ", Tone.DIM), Part(str(judged[0].expected), Tone.CODE)))
        return [*told, *probe_lines(self.view, name, subnet.prefix)]

    def action_zoom(self) -> None:
        """Look at the mesh from further away, or in words again."""
        self.query_one(MatrixGrid).action_zoom()

    def action_bad_cell(self, by: int) -> None:
        """Go to the next cell of the mesh that is wrong, or to the one before."""
        matrix = self.query_one(MatrixGrid)
        matrix.focus()
        if not matrix.go_to_bad(by):
            self.hostgw.tell("no cell of the mesh is wrong")

    def action_assumptions(self) -> None:
        """Tell what was assumed of the mesh, and why."""
        self.hostgw.read("assumed of the mesh", assumption_lines(self.view))

    def go_to_finding(self, by: int) -> None:
        """Put the cursor on the next finding; by 0, on the one where it was."""
        grid = self.query_one("#findings", Grid)
        if not grid.all_rows:
            self.hostgw.tell("there is no finding")
            return
        before = grid.current
        if self.focused is grid and by:
            grid.action_move(by)
            if grid.current is before:
                self.hostgw.tell("that is the last finding" if by > 0 else "that is the first finding")
        grid.focus()


def _has_witness(finding: Finding) -> bool:
    """Tell whether a counter may show that a finding is at work."""
    from hostgw.checks.witness import WITNESSED  # what judges is not needed for the first picture

    return finding.code in WITNESSED
