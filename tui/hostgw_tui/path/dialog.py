"""Chooses an end of a path: a list that narrows as one types; any IPv4 address is taken as a destination."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hostgw_tui.look import Row, Tone, cell
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.text import content

PLACES = (Column("NAME", most=34), Column("ADDRESS", 15), Column("", grow=True))


class EndDialog(ModalScreen[str | None]):
    """The result is what `find_end` takes; None when cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "cancel", "cancel"),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, title: str, places: Sequence[Row], any_address: bool) -> None:
        super().__init__()
        self._title, self._places, self._any_address = title, places, any_address

    def compose(self) -> ComposeResult:
        """Lay out the field, the list and the keys."""
        with Vertical(classes="dialog tall") as box:
            box.border_title = Content(self._title)
            more = ", or any IPv4 address" if self._any_address else ""
            yield Input(placeholder=f"part of a name or address{more}", compact=True, id="needle")
            yield Static(id="taken", markup=False)
            yield Grid(PLACES, id="places", sortable=False)
            keys = (("type", "narrow"), ("↑↓", "move"), ("enter", "choose"), ("esc", "cancel"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show all."""
        self._grid.show(self._places, (cell("No host has been read yet.", Tone.NOTE),))

    @property
    def _grid(self) -> Grid:
        return self.query_one("#places", Grid)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        text = event.value.strip()
        taken = self._any_address and _is_address(text)
        self.query_one("#taken", Static).update(content([cell(f"enter takes {text} as an address" if taken else "")]))
        self._grid.needle = text

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if self._any_address and _is_address(text) and not self._grid.rows:
            self.dismiss(text)
        elif row := self._grid.current:
            self.dismiss(row.key)

    @on(Grid.Chosen)
    def _chosen(self, event: Grid.Chosen) -> None:
        self.dismiss(event.row.key)

    def action_move(self, by: int) -> None:
        """Move the cursor of the list while the field has the focus."""
        self._grid.action_move(by)

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
