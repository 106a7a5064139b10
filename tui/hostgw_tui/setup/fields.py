"""Parts of a form: a labelled line to type in, a switch, and a table whose rows are typed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.setup.rows import COLUMNS
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.text import content

TYPED = frozenset("0123456789./")
MOST = 18
"""Characters of a subnet: ``255.255.255.255/32``."""


class Field(Horizontal):
    """A label, a line to type in, and a remark."""

    def __init__(self, name: str, label: str, value: str = "", hint: str = "", among: Sequence[str] = ()) -> None:
        super().__init__(classes="field")
        self._field, self._label, self._value, self._hint, self._among = name, label, value, hint, among

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield Static(content([cell(self._label, Tone.DIM)]), classes="field-label")
        suggester = SuggestFromList(self._among, case_sensitive=True) if self._among else None
        options = {"compact": True, "select_on_focus": False}
        yield Input(self._value, self._hint, id=self._field, suggester=suggester, **options)  # type: ignore[arg-type]
        yield Static(id=f"{self._field}-remark", classes="field-remark", markup=False)

    def remark(self, text: Line) -> None:
        """Show something beside the line."""
        self.query_one(f"#{self._field}-remark", Static).update(content([text]))


class Switch(Widget, can_focus=True):
    """A yes or no, changed by the space bar or a click; enter goes on to the preview."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "change", "change", show=False)]
    value = reactive(True)

    @dataclass
    class Changed(Message):
        """It was changed by a person."""

        value: bool

    def __init__(self, text: str, value: bool) -> None:
        super().__init__()
        self._text = text
        self.set_reactive(Switch.value, value)

    def render(self) -> RenderResult:
        """Return the line."""
        return content([line(Part("[x] " if self.value else "[ ] ", Tone.OK if self.value else Tone.DIM), self._text)])

    def action_change(self) -> None:
        """Turn it round."""
        self.value = not self.value
        self.post_message(self.Changed(self.value))

    def on_click(self) -> None:
        """Turn it round."""
        self.action_change()


class SubnetGrid(Grid):
    """A table of hosts in which subnets are typed where the cursor is, at their end.

    Keys that move the cursor are taken here too, not by bindings: those come later than what is typed behind them.
    """

    MOVES: ClassVar[dict[str, str]] = {
        "up": "move(-1)",
        "down": "move(1)",
        "pageup": "page(-1)",
        "pagedown": "page(1)",
        "home": "end(-1)",
        "end": "end(1)",
    }

    def __init__(self, typed: Callable[[str, str | None], None]) -> None:
        """`typed` takes another text for a host at once; None takes what is suggested."""
        super().__init__(COLUMNS, id="subnets", title="subnets")
        self._typed = typed
        self.texts: dict[str, str] = {}
        """What is shown of each host."""

    async def on_key(self, event: events.Key) -> None:
        """Take what belongs into a subnet."""
        row = self.current
        if move := self.MOVES.get(event.key):
            self._take(event)
            await self.run_action(move)
        elif row is None:
            return
        elif event.character and event.character in TYPED:
            self._type(event, row.key, (self.texts.get(row.key, "") + event.character)[:MOST])
        elif event.key == "backspace":
            self._type(event, row.key, self.texts.get(row.key, "")[:-1])
        elif event.key in ("delete", "ctrl+u"):
            self._type(event, row.key, "")
        elif event.key == "r":
            self._type(event, row.key, None)

    def on_paste(self, event: events.Paste) -> None:
        """Take a subnet that is pasted in place of the one there."""
        if row := self.current:
            event.stop()
            self._put(row.key, "".join(c for c in event.text if c in TYPED)[:MOST])

    def _type(self, event: events.Key, host: str, text: str | None) -> None:
        self._take(event)
        self._put(host, text)

    def _take(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    def _put(self, host: str, text: str | None) -> None:
        if text is not None:
            self.texts[host] = text  # the next key may come before this one is drawn
        self._typed(host, text)
