"""A box over the screen with lines to read; `esc` closes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw_tui.look import Line, Part, Tone, lines_text
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content


def hint(*keys: tuple[str, str]) -> Line:
    """Return a line of keys and what they do."""
    parts: list[Part] = []
    for key, what in keys:
        parts += [Part(f" {key} ", Tone.KEY), Part(f"{what}  ")]
    return tuple(parts)


FAR = 100_000
"""Lines; no text is longer."""
SCROLLING = (
    Binding("down,j", "scroll(1)", show=False),
    Binding("up,k", "scroll(-1)", show=False),
    Binding("pagedown", "scroll(10)", show=False),
    Binding("pageup", "scroll(-10)", show=False),
    Binding("home", f"scroll(-{FAR})", show=False),
    Binding("end,G", f"scroll({FAR})", show=False),
)
FRAME = 5
"""Lines of a dialog that are not text: borders, padding and keys."""
SHARE = 0.92
"""How much of the screen's height a dialog may take; the same is said in app.tcss."""
LEAST_TEXT = 3
"""Lines of the text that are always shown."""


class DialogText(VerticalScroll, can_focus=False):
    """The part of a dialog that scrolls: as high as its text, and no higher than the screen leaves."""

    DEFAULT_CLASSES = "dialog-text"
    reserve = 0
    """Lines that other parts of the dialog need."""

    def on_mount(self) -> None:
        """Take the size of the screen."""
        self.fit()

    def fit(self, reserve: int | None = None) -> None:
        """Limit the height; in cells, for other units are not honoured within an automatic height."""
        self.reserve = self.reserve if reserve is None else reserve
        self.styles.max_height = max(LEAST_TEXT, self.room - self.reserve)

    @property
    def room(self) -> int:
        """The lines that the frame of a dialog leaves on this screen."""
        return int(self.app.size.height * SHARE) - FRAME


class TextDialog(ModalScreen[str]):
    """Lines to read. Keys given as `answers` close it and are its result."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,ctrl+c", "answer('')", "close"),
        Binding("y", "copy", "copy"),
        *SCROLLING,
    ]

    def __init__(self, title: str, lines: Sequence[Line], answers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self._title, self._lines, self._answers = title, tuple(lines), tuple(answers)
        for key, what in self._answers:
            self._bindings.key_to_bindings.pop(key, None)  # an answer goes before what the key does elsewhere
            self._bindings.bind(key, f"answer('{key}')", what)

    def compose(self) -> ComposeResult:
        """Lay out title, text and keys."""
        with Vertical(classes="dialog") as box:
            box.border_title = content([(Part(self._title),)])
            with DialogText():
                yield Reader(self._lines)
            keys = (*self._answers, ("↑↓", "scroll"), ("y", "copy"), ("esc", "close"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_resize(self) -> None:
        """Fit the text to the screen."""
        self.query_one(DialogText).fit()

    def action_answer(self, key: str) -> None:
        """Close."""
        self.dismiss(key)

    def action_copy(self) -> None:
        """Copy the text."""
        from hostgw_tui.app import HostgwApp

        if isinstance(self.app, HostgwApp):
            self.app.copy(lines_text(self._lines))

    def action_scroll(self, by: int) -> None:
        """Scroll the text."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
