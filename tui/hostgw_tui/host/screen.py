"""One host: tree of devices and containers, links with rates, settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content

from hostgw.fabric import Host
from hostgw.model.finding import Finding
from hostgw_tui.actions import bindings
from hostgw_tui.host.rates import Rates
from hostgw_tui.host.rows import SPARK, link_rows, position, setting_rows, title, totals, tree_rows
from hostgw_tui.look import Row
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.states import absent, not_counted, with_freshness

TREE = (
    Column("DEVICE", most=34),
    Column("STATE", 9),
    Column("ADDRESS", most=21, copied=True),
    Column("MAC", 17, above=96),
    Column("MTU", 5, right=True, above=96),
    Column("", grow=True),
)
LINKS = (
    Column("LINK", most=18, copied=True),
    Column("IN p/s", 7, right=True),
    Column("B/s", 6, right=True),
    Column("OUT p/s", 7, right=True),
    Column("B/s", 6, right=True),
    Column("DROPS", 6, right=True),
    Column("ERRORS", 6, right=True),
    Column("BYTES, LAST 30 s", SPARK),
)
SETTINGS = (Column("SETTING", most=40), Column("VALUE", most=16, copied=True), Column("MEANING", grow=True))


class HostScreen(MainScreen):
    """The host that was chosen last."""

    SCOPE = "host"
    COUNTERS = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("host")]
    AUTO_FOCUS = "#tree"

    def __init__(self) -> None:
        super().__init__()
        self._rates = Rates()

    def body(self) -> ComposeResult:
        """The tree, and beside or below it links and settings."""
        yield Grid(TREE, id="tree", title="host", sortable=False)
        with Vertical(id="figures"):
            yield Grid(LINKS, id="links", title="links")
            yield Grid(SETTINGS, id="settings", title="kernel settings")

    @property
    def host(self) -> Host | None:
        """The host that is shown."""
        return self.view.fabric.hosts.get(self.hostgw.current_host())

    def paint(self) -> None:
        """Show the view."""
        host, view, now = self.host, self.view, self.hostgw.moment
        tree = self.query_one("#tree", Grid)
        place = position(view, host.name) if host else ""
        tree.border_title = Content(with_freshness(title(host, place), host, now))
        shown = host if host and host.readable else None
        tree.show(tree_rows(shown, view) if shown else [], absent(host, "no devices"))
        if shown:
            self._rates.observe(shown.name, shown.changed_at, totals(shown))
        self.query_one("#links", Grid).show(
            link_rows(shown, self._rates) if shown else [], absent(host, not_counted(host))
        )
        settings: list[Row] = setting_rows(shown) if shown else []
        self.query_one("#settings", Grid).show(settings, absent(host, "no settings were reported"))

    def go_to(self, key: str) -> None:
        """Put the cursor on a device, or on the first of a container by its namespace (``ns 3``)."""
        tree = self.query_one("#tree", Grid)
        inside = key.removeprefix("ns ")
        begins = (f"ns{inside}", f"{inside}/")
        found = next((row.key for row in tree.rows if row.key.startswith(begins)), key)
        if tree.select(found):
            tree.focus()

    def finding(self) -> Finding | None:
        """Return the first finding of this host."""
        return next(iter(self.findings()), None)

    def findings(self) -> Sequence[Finding]:
        """Return all findings of this host."""
        return [found for found in self.view.listed if found.host == self.hostgw.current_host()]
