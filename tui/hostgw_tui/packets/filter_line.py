"""The line for a capture filter; what is wrong with it is shown while it is typed."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from hostgw.capture import bpf
from hostgw.errors import CaptureError
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.widgets.reader import Reader

SNAPLEN = 256
HINT = "tcpdump's language, for example: icmp and host 10.239.1.2"


class FilterLine(Vertical):
    """An input and a remark below it; hidden until opened."""

    class Accepted(Message):
        """A filter that compiles was entered."""

        def __init__(self, expression: str) -> None:
            super().__init__()
            self.expression = expression

    class Left(Message):
        """The line was left without a filter."""

    class Checked(Message):
        """A filter was compiled; `error` is empty when it may be used."""

        def __init__(self, expression: str, error: str) -> None:
            super().__init__()
            self.expression, self.error = expression, error

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield Input(id="bpf", placeholder=HINT, compact=True, select_on_focus=False)
        yield Reader(id="bpf-remark")

    def on_mount(self) -> None:
        """Start hidden."""
        self.display = False

    def open(self, expression: str) -> None:
        """Show the line with the filter in use."""
        field = self.query_one(Input)
        field.value = expression
        self.display = True
        self._remark(line(Part("enter uses it, an empty one takes all; esc leaves", Tone.DIM)))
        field.focus()

    def close(self) -> None:
        """Hide the line."""
        self.display = False

    def _remark(self, text: Line) -> None:
        self.query_one(Reader).show([text])

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        expression = event.value
        self.run_worker(lambda: self._compile(expression), thread=True, exclusive=True, exit_on_error=False)

    def _compile(self, expression: str) -> None:
        """Compile in a thread: without libpcap it takes a tcpdump."""
        self.post_message(self.Checked(expression, refusal(expression)))

    @on(Checked)
    def _checked(self, message: Checked) -> None:
        if message.expression == self.query_one(Input).value:
            good = line(Part("✓ compiles", Tone.OK), Part(" · enter uses it", Tone.DIM))
            self._remark(line(Part(f"✗ {message.error}", Tone.BAD)) if message.error else good)

    @on(Input.Submitted)
    def _accept(self, event: Input.Submitted) -> None:
        expression = event.value.strip()
        if error := refusal(expression):
            self._remark(line(Part(f"✗ {error}", Tone.BAD)))
        else:
            self.close()
            self.post_message(self.Accepted(expression))


def refusal(expression: str) -> str:
    """Return why a filter cannot be used; empty when it can."""
    try:
        bpf.check(expression)
        bpf.compile_filter(bpf.combined((), expression), SNAPLEN)
    except CaptureError as error:
        return f"{error.what}: {error.cause}" if error.cause else error.what
    return ""
