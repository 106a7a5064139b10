"""Routes of one host: expected against actual."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from hostgw.model.finding import Finding
from hostgw.model.ip import prefix
from hostgw_tui.actions import bindings
from hostgw_tui.host.rows import position, title
from hostgw_tui.overview.matrix import finding_of
from hostgw_tui.overview.rows import finding_details
from hostgw_tui.routes.rows import route_rows, subject_of
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.states import absent, with_freshness

ROUTES = (
    Column("VERDICT", most=17),
    Column("DESTINATION", most=21),
    Column("OWNER", most=16),
    Column("WAY", grow=True),
)


class RoutesScreen(MainScreen):
    """The routes of the host that was chosen last."""

    SCOPE = "routes"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("routes")]

    def body(self) -> ComposeResult:
        """One table."""
        yield Grid(ROUTES, id="routes", title="routes")

    def paint(self) -> None:
        """Show the view."""
        view = self.view
        host = view.fabric.hosts.get(self.hostgw.current_host())
        grid = self.query_one("#routes", Grid)
        place = position(view, host.name) if host else ""
        grid.border_title = Content(with_freshness(f"routes of {title(host, place)}", host, self.hostgw.now()))
        readable = host is not None and host.readable
        grid.show(route_rows(host, view) if host and readable else [], absent(host, "no routes at all"))

    def finding(self) -> Finding | None:
        """Return the finding about the prefix under the cursor."""
        row = self.row
        subject = subject_of(row) if row else ""
        return finding_of(self.view, self.hostgw.current_host(), prefix(subject)) if subject else None

    def no_finding(self) -> str:
        """Return why `f` does nothing here."""
        return "this route is right; n goes to the next finding" if self.view.listed else super().no_finding()

    @on(Grid.Chosen)
    def _chosen(self) -> None:
        if finding := self.finding():
            self.hostgw.read(finding.code, finding_details(finding, self.view), (("f", "fix"),), finding)
