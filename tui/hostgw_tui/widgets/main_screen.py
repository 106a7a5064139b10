"""What the main screens share: top bar, body, filter line, footer, and the actions that work everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Input, Static

from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw_tui.actions import HOST_SCREENS
from hostgw_tui.look import Row
from hostgw_tui.replay.bar import ReplayBar
from hostgw_tui.widgets.filter_input import FilterInput
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.keybar import KeyBar
from hostgw_tui.widgets.topbar import TopBar, summary

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

TOO_SMALL = "This terminal is too small for hostgw-tui.\n60 columns and 15 lines are the least, 80x24 is comfortable."


class MainScreen(Screen[None]):
    """A screen with a number key. Subclasses give `SCOPE`, `body` and `paint`."""

    SCOPE: ClassVar[str] = ""
    COUNTERS: ClassVar[bool] = False
    """The hosts report counters while this screen is shown."""
    AUTO_FOCUS = "Grid"
    _painted_host = ""
    _ahead = False
    """It was painted before it is seen."""

    def __init__(self) -> None:
        super().__init__()
        # What is new is styled by the present style sheet; Textual takes it for old, and would parse all of it anew.
        self._css_update_count = self.app._css_update_count

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    @property
    def view(self) -> View:
        """The picture that is shown: the latest, or a frozen one."""
        return self.hostgw.shown

    def compose(self) -> ComposeResult:
        """Stack the parts."""
        yield TopBar(self.SCOPE)
        with Container(id="body"):
            yield from self.body()
        yield FilterInput(self.hostgw.past)
        yield Static(TOO_SMALL, id="small", markup=False)
        if self.hostgw.replay:
            yield ReplayBar()
        yield KeyBar(self.SCOPE)

    def body(self) -> ComposeResult:
        """Yield the widgets of this screen."""
        raise NotImplementedError

    def paint(self) -> None:
        """Show `view`; called when it changed, at most a few times a second, only while the screen is seen."""
        raise NotImplementedError

    async def on_event(self, event: events.Event) -> None:
        """Leave alone what was not put together any more: the app ends while a screen is made ahead."""
        if self.app.is_running or not isinstance(event, events.Mount | events.ScreenResume):
            await super().on_event(event)

    def on_mount(self) -> None:
        """Start hidden parts hidden, and age what is shown once a second while it is seen."""
        self.query_one("#filter", Input).display = False
        self.set_interval(1.0, self._tick)

    def fed(self) -> None:
        """Take in that what is shown comes from another engine now, perhaps a recording."""
        if self.hostgw.replay and not self.query(ReplayBar):
            self.mount(ReplayBar(), before=self.query_one(KeyBar))

    def on_descendant_focus(self) -> None:
        """Show the keys of what has the focus."""
        self.query_one(KeyBar).show_typing(isinstance(self.focused, Input))

    def on_screen_resume(self) -> None:
        """Show what changed meanwhile; one that is only made beforehand is painted, too."""
        if not self.hostgw.seen(self):
            self.repaint()
            return
        self.hostgw.look(*self.looks_at())
        self.fed()
        if not self._ahead:
            self.repaint()
        self._ahead = False

    def paint_ahead(self) -> bool:
        """Paint what is about to be seen, once it can be; tell whether that was done."""
        if self.is_mounted and not self.hostgw.seen(self):
            self._ahead = True
            self.repaint()
        return self._ahead

    def looks_at(self) -> tuple[bool, str]:
        """Return whether hosts shall report counters, and which one if not all."""
        return self.COUNTERS, ""

    def _tick(self) -> None:
        if self.hostgw.seen(self) and not self.hostgw.paused:
            self.renew()

    def renew(self) -> None:
        """Paint again because the fabric changed or time went on; a screen that paints by itself may do with less."""
        self.repaint()

    def repaint(self) -> None:
        """Paint the top bar and the body."""
        self.paint_bar()
        self.paint()
        if (host := self.hostgw.current_host()) != self._painted_host and self.SCOPE in HOST_SCREENS:
            self._painted_host = host
            for grid in self.query(Grid):
                grid.action_end(-1)

    def paint_bar(self) -> None:
        """Paint the top bar."""
        app = self.hostgw
        self.query_one(TopBar).summary = summary(self.view, app.moment, app.paused, app.label)

    @property
    def busy(self) -> bool:
        """A job of this screen runs that leaving would end."""
        return False

    @property
    def at_stake(self) -> str:
        """What would be lost with that job."""
        return ""

    def stop_job(self) -> None:
        """Stop that job."""

    # ---- what actions need ----

    @property
    def grid(self) -> Grid | None:
        """The table that has the focus, else the first."""
        if isinstance(self.focused, Grid):
            return self.focused
        return next(iter(self.query(Grid)), None)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return grid.current if (grid := self.grid) else None

    @property
    def place(self) -> str:
        """What the cursor is on, for whoever comes back."""
        return row.key if (row := self.row) else ""

    def go_to(self, key: str) -> None:
        """Put the cursor on a row."""
        for grid in self.query(Grid):
            if grid.select(key):
                grid.focus()
                return

    def finding(self) -> Finding | None:
        """Return the finding under the cursor; None when there is none."""
        return None

    def findings(self) -> Sequence[Finding]:
        """Return what `f` mends: the finding under the cursor, or all of the host that it is on."""
        found = self.finding()
        return [found] if found else []

    def no_finding(self) -> str:
        """Return why `f` does nothing here."""
        return "nothing to fix under the cursor" if self.view.listed else "nothing to fix: no findings"

    # ---- actions ----

    def action_choose(self) -> None:
        """Open what the cursor is on."""
        if grid := self.grid:
            grid.choose()

    def action_fix(self) -> None:
        """Preview the fix of the finding under the cursor, or of all of a host."""
        if findings := self.findings():
            self.hostgw.preview(findings)
        else:
            self.hostgw.tell(self.no_finding())

    def action_copy(self) -> None:
        """Copy the cell of the row under the cursor that people paste."""
        if (grid := self.grid) and (row := grid.current):
            self.hostgw.copy(grid.cell_text(row))
        else:
            self.hostgw.tell("nothing to copy under the cursor")

    def action_copy_command(self) -> None:
        """Copy the commands that the row under the cursor stands for, else the whole row."""
        if (grid := self.grid) and (row := grid.current):
            self.hostgw.copy(self.command(row) or grid.copy_text(row))
        else:
            self.hostgw.tell("nothing to copy under the cursor")

    def command(self, row: Row) -> str:
        """Return the commands that a row stands for: those that mend its finding; empty when there are none."""
        found = self.findings()
        plan = self.hostgw.engine.plan(found) if found else None
        return "\n".join(command.pasted for command in plan.commands) if plan else ""

    def action_write(self) -> None:
        """Ask in which form what is shown shall be written to a file."""
        self.hostgw.offer_files(f"hostgw-{self.SCOPE}", self.text())

    def text(self) -> str:
        """Return all tables as text."""
        return "\n\n".join(grid.as_text() for grid in self.query(Grid) if grid.display)

    def action_all_hosts(self) -> None:
        """Say that there is no other host to go to."""
        self.hostgw.tell("this screen shows all hosts; 2, 3 and 4 show one")

    def action_host_step(self, by: int) -> None:
        """Show another host."""
        self.hostgw.step_host(by)

    def action_columns(self) -> None:
        """Choose order and columns of the table that has the focus."""
        from hostgw_tui.widgets.columns_dialog import ColumnsDialog

        if (grid := self.grid) and not grid.heads and len(grid.columns) > 1 and grid.arrangeable:
            title = str(grid.border_title).partition(" ·")[0]
            self.app.push_screen(ColumnsDialog(title, grid.columns, grid.arrangement, grid.sortable, grid.rearrange))
        else:
            self.hostgw.tell("this table's columns are as they are")

    # ---- filter ----

    def action_filter(self) -> None:
        """Open the filter line for the table that has the focus."""
        if grid := self.grid:
            self.filter_in(grid)

    def filter_in(self, grid: Grid) -> None:
        """Open the filter line for a table, whatever has the focus."""
        self._filtered = grid
        self.query_one(FilterInput).begin(grid.needle)

    _filtered: Grid | None = None

    @on(Input.Changed, "#filter")
    def _narrow(self, event: Input.Changed) -> None:
        if self._filtered:
            self._filtered.needle = event.value

    @on(Input.Submitted, "#filter")
    @on(FilterInput.Left)
    def _keep(self) -> None:
        self.hostgw.past.add(self.query_one(FilterInput).value)
        self._close_filter()

    def _close_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = bool(field.value)
        if self._filtered:
            self._filtered.focus()

    def action_back(self) -> None:
        """Leave the filter; else go to the overview."""
        field = self.query_one("#filter", Input)
        if field.display and self._filtered:
            field.value = ""
            self._filtered.needle = ""
            self._close_filter()
        elif self.SCOPE != "overview":
            self.hostgw.action_show("overview")
