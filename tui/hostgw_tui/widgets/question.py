"""The dialog for a host key, a password or a passphrase."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from hostgw_tui.look import Part, Tone, cell
from hostgw_tui.prompts import Question
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content


class QuestionDialog(ModalScreen[str | None]):
    """Asks one question; a key needs the letter `a`, never just Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "refuse", "refuse"),
        Binding("a", "accept", "accept"),
    ]
    AUTO_FOCUS = "Input, Button"

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out the question and the field or the keys."""
        question = self._question
        with Vertical(classes="dialog small") as box:
            box.border_title = content([(Part(question.title),)])
            yield Reader(cell(text) for text in question.text)
            if question.secret:
                yield Input(password=True, id="secret")
                yield Static(content([hint(("enter", "send"), ("esc", "no answer"))]), classes="dialog-keys")
            else:
                yield Static(content([cell("Nothing is sent to the host before you accept.", Tone.DIM)]))
                yield Button("Refuse", id="refuse", compact=True)
                yield Static(content([hint(("a", "accept and remember"), ("esc", "refuse"))]), classes="dialog-keys")

    def action_accept(self) -> None:
        """Accept a host key."""
        if not self._question.secret:
            self.dismiss("yes")

    def action_refuse(self) -> None:
        """Give no answer."""
        self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _send(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
