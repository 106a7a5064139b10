"""Routes of one host: expected against actual."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from hostgw.fabric import Host
from hostgw.model.finding import Finding
from hostgw.model.ip import maybe_prefix, prefix
from hostgw_tui.actions import bindings
from hostgw_tui.host.rows import position, title
from hostgw_tui.jumps import of_route
from hostgw_tui.look import Part, Row, line, plain
from hostgw_tui.overview.matrix import finding_of
from hostgw_tui.routes.rows import route_command, route_of, route_rows, subject_of
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.states import absent, with_freshness

ROUTES = (
    Column("VERDICT", most=17),
    Column("DESTINATION", most=21, copied=True),
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
        host = self.host
        grid = self.query_one("#routes", Grid)
        place = position(view, host.name) if host else ""
        grid.border_title = Content(with_freshness(f"routes of {title(host, place)}", host, self.hostgw.moment))
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

    def go_to(self, key: str) -> None:
        """Put the cursor on the route to a prefix: the expected one, else the first."""
        grid = self.query_one("#routes", Grid)
        if not (grid.select(key) or grid.select(f"expected {key}")):
            found = next((row.key for row in grid.rows if subject_of(row) == key), "")
            grid.select(found)

    def command(self, row: Row) -> str:
        """Return what mends the route under the cursor, else what makes it."""
        host = self.host
        route = route_of(row, host) if host else None
        return super().command(row) or (route_command(route, host) if route and host else "")

    @property
    def host(self) -> Host | None:
        """The host that is shown."""
        return self.view.fabric.hosts.get(self.hostgw.current_host())

    @on(Grid.Chosen)
    def _chosen(self) -> None:
        row, host = self.row, self.hostgw.current_host()
        about = maybe_prefix(subject_of(row)) if row else None
        if finding := self.finding():
            self.hostgw.read_finding(finding)
        elif row and about:
            owner = self.view.mesh.owners.get(about, host)
            lines = [line(*(Part(f"{plain(each)}  ") for each in row.cells))]
            self.hostgw.read(f"route of {host}", lines, jumps=of_route(self.view, host, about, owner))
