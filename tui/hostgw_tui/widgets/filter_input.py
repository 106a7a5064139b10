"""The filter line of a screen: what was typed earlier comes back by the arrows."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

KEPT = 50
PLACEHOLDER = "text to keep, !text to hide; ↑ earlier filters"


class Past:
    """Filters that were used, the newest last; one for all screens."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Note a filter; one that was used before moves to the end."""
        if text:
            self.texts = [*[each for each in self.texts if each != text][-(KEPT - 1) :], text]


class FilterInput(Input):
    """Up and down go through the past; down from the newest leaves the line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "past(-1)", show=False),
        Binding("down", "past(1)", show=False),
    ]

    class Left(Message):
        """The line was left by the arrows; the filter stays."""

    def __init__(self, past: Past) -> None:
        super().__init__(id="filter", placeholder=PLACEHOLDER, compact=True, select_on_focus=False)
        self._past = past
        self._at = 0
        """How far back it stands; 0 is what is being typed."""
        self._typed = ""

    def begin(self, text: str) -> None:
        """Show a filter to be edited."""
        self.value, self._at = text, 0
        self.display = True
        self.focus()

    def action_past(self, by: int) -> None:
        """Go to an earlier filter, or back towards what was typed."""
        at = self._at - by
        if at < 0 or (not self._past.texts and by < 0):
            self.post_message(self.Left())
            return
        if self._at == 0:
            self._typed = self.value
        self._at = min(at, len(self._past.texts))
        self.value = self._past.texts[-self._at] if self._at else self._typed
        self.cursor_position = len(self.value)
