"""Chooses by which column a table is sorted, and which columns it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw_tui.look import Row, Tone, cell
from hostgw_tui.widgets.arrangement import Arrangement
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.text import content

COLUMNS = (Column("", 3), Column("COLUMN", most=30), Column("ORDER", 12))
KEYS = (("enter", "sort by it"), ("space", "show or hide"), ("r", "as it was"), ("esc", "close"))
ORDERS = {True: "▼ downwards", False: "▲ upwards"}
NAMELESS = "(no title)"


class ColumnsDialog(ModalScreen[None]):
    """What is chosen takes effect at once; the table is seen behind the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+c", "close", "close"),
        Binding("enter", "sort", "sort"),
        Binding("space,x", "choose", "show or hide"),
        Binding("r", "reset", "as it was"),
    ]
    AUTO_FOCUS = "Grid"

    def __init__(self, title: str, columns: Sequence[Column], now: Arrangement, sortable: bool,
                 take: Callable[[Arrangement], None]) -> None:  # fmt: skip
        super().__init__()
        self._title, self._columns, self._now = title, tuple(columns), now
        self._sortable, self._take = sortable, take

    def compose(self) -> ComposeResult:
        """Lay out the columns and the keys."""
        with Vertical(classes="dialog") as box:
            box.border_title = content([cell(f"columns of {self._title}")])
            yield Grid(COLUMNS, id="columns", sortable=False)
            keys = KEYS if self._sortable else KEYS[1:]
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show the columns."""
        self._show()

    def _show(self) -> None:
        self.query_one(Grid).show([self._row(index, column) for index, column in enumerate(self._columns)])

    def _row(self, index: int, column: Column) -> Row:
        now = self._now
        mark = cell("[ ]", Tone.DIM) if index in now.hidden else cell("[✓]", Tone.OK)
        order = cell(ORDERS[now.descending] if index == now.by else "", Tone.NOTE)
        return Row(str(index), (mark, cell(column.label or NAMELESS, Tone.NAME), order))

    def _change(self, to: Arrangement) -> None:
        self._now = to
        self._take(to)
        self._show()

    def action_sort(self) -> None:
        """Sort by the column under the cursor; again: the other way round, then as rows come."""
        if self._sortable and (row := self.query_one(Grid).current):
            self._change(self._now.sorted_by(int(row.key)))

    def action_choose(self) -> None:
        """Show the column under the cursor, or hide it."""
        if row := self.query_one(Grid).current:
            self._change(self._now.toggled(int(row.key), len(self._columns)))

    def action_reset(self) -> None:
        """Show all columns, in the order in which rows come."""
        self._change(Arrangement())

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
