"""Asks to which time a recording shall go."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hostgw_tui.look import Tone, cell
from hostgw_tui.replay.times import EXAMPLES, clock, wanted_time
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw.live.replay import Position


class TimeDialog(ModalScreen[int | None]):
    """The result is a time in epoch nanoseconds; None when cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "cancel", "cancel")]
    AUTO_FOCUS = "Input"

    def __init__(self, position: Position) -> None:
        super().__init__()
        self._position = position

    def compose(self) -> ComposeResult:
        """Lay out the field, what it takes, and the keys."""
        place = self._position
        with Vertical(classes="dialog") as box:
            box.border_title = f"go to a time, {clock(place.begin_ns)} to {clock(place.end_ns)}"
            yield Input(placeholder=EXAMPLES, compact=True)
            yield Static(id="taken", markup=False)
            yield Static(content([hint(("enter", "go"), ("esc", "cancel"))]), classes="dialog-keys")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if not event.value.strip():
            self._say("")
            return
        try:
            self._say(clock(wanted_time(event.value, self._position)))
        except ValueError as error:
            self._say(str(error))

    def _say(self, text: str) -> None:
        self.query_one("#taken", Static).update(content([cell(text, Tone.DIM)]))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(wanted_time(event.value, self._position))
        except ValueError as error:
            self._say(str(error))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
