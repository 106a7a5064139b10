"""What the dashboard needs of a terminal: theme, output filters, leaving, toasts, clipboard, files, questions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from rich.style import Style
from textual import on
from textual.app import App
from textual.message import Message

from hostgw_tui import theme
from hostgw_tui.clipboard import sequence, toast
from hostgw_tui.output import AsciiFilter, ControlFilter
from hostgw_tui.prompts import DialogPrompter, Question
from hostgw_tui.releasing import Releaser
from hostgw_tui.widgets.question import QuestionDialog

GLANCE_S, READ_S = 2.5, 6.0
"""How long a toast stays."""


class Shell(App[None]):
    """An app that leaves the terminal as it was, and asks a person what sessions need to know."""

    TITLE = "hostgw-tui"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-low"), (34, "-tall")]

    _table_styles: Mapping[str, Style] = {}
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"grid--{name}" for name in theme.TABLE_STYLES}

    class QuestionWaits(Message):
        """A session asks something."""

    def __init__(self, prompter: DialogPrompter, ascii_only: bool, look: str = "") -> None:
        no_color = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True if no_color or look.startswith("ansi") else None)
        self._prompter = prompter
        self.painted_ahead = False
        """The screen that comes has been painted."""
        self.releaser = Releaser()
        self._asking = False
        self._leave_with: int | None = None
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._filters += [AsciiFilter()] if ascii_only else []
        self._filters.append(ControlFilter())
        self.set_class(no_color, "-no-color")
        for own in (theme.DARK, theme.LIGHT):
            self.register_theme(own)
        self.theme = "ansi-dark" if no_color else os.environ.get("TEXTUAL_THEME") or look or theme.DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give our variables a value in every theme."""
        return theme.fallback(self.current_theme)

    def notify_style_update(self) -> None:
        """Forget the styles of tables; they are another object then."""
        super().notify_style_update()
        self._table_styles = {}

    @property
    def table_styles(self) -> Mapping[str, Style]:
        """What the theme gives tones and cursors of tables, by name; the same object as long as nothing changes."""
        if not self._table_styles:
            styles = self.get_component_styles
            self._table_styles = {name: styles(f"grid--{name}").partial_rich_style for name in theme.TABLE_STYLES}
        return self._table_styles

    def delay_update(self, delay: float = 0.05) -> None:
        """Switch screens without Textual's 50 ms pause, which keys would feel; to one that is painted, without any."""
        if not self.painted_ahead:
            super().delay_update(min(delay, 0.005))

    def on_mount(self) -> None:
        """Take questions; leave at once if that was asked before there was a loop."""
        self._prompter.attach(self._question_waits)
        self._running_loop = asyncio.get_running_loop()
        self.app_resume_signal.subscribe(self, self._resumed)
        if self._leave_with is not None:
            self.exit(return_code=self._leave_with)

    def _resumed(self, _app: App[None]) -> None:
        """Paint everything anew: the shell has written over it."""
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.walk_children():
                widget.refresh()

    def on_unmount(self) -> None:
        """Leave nobody waiting for an answer."""
        self._prompter.close()
        self.releaser.stop()

    def leave(self, code: int) -> None:
        """Close the screen soon, with an exit code; from any thread, returns at once."""
        self._leave_with = code
        if self._running_loop:
            with suppress(RuntimeError):  # the loop has just been closed
                self._running_loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    # ---- to the person ----

    def tell(self, text: str, severity: str = "information", timeout: float | None = None) -> None:
        """Show a toast: short, for it lies over what is read; longer when something is not as it should be."""
        if timeout is None:
            timeout = GLANCE_S if severity == "information" else READ_S
        self.notify(text, severity=severity, markup=False, timeout=timeout)  # type: ignore[arg-type]

    def copy(self, text: str) -> None:
        """Send text to the terminal's clipboard."""
        if (code := sequence(text, os.environ)) and self._driver is not None:
            self._driver.write(code)
        self.tell(toast(text))

    # ---- questions from sessions ----

    def _question_waits(self) -> None:
        """Note a question; called from any thread."""
        self.post_message(self.QuestionWaits())

    @on(QuestionWaits)
    def _ask_next(self) -> None:
        if self._asking or (question := self._prompter.next()) is None:
            return
        self._asking = True
        self.push_screen(QuestionDialog(question), lambda answer: self._answered(question, answer))

    def _answered(self, question: Question, answer: str | None) -> None:
        self._asking = False
        if not question.answer.done():
            question.answer.set_result(answer)
        self._ask_next()

    def action_toggle_dark(self) -> None:
        """Change between the dark and the light theme."""
        self.theme = theme.LIGHT.name if self.current_theme.dark else theme.DARK.name
