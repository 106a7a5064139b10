"""The capture of the packets screen: taps, filter, start and stop, writing it to a file."""

from __future__ import annotations

from textual import on
from textual.message import Message
from textual.widgets import Input

from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.errors import HostgwError
from hostgw.live.points import count_default_points, default_points
from hostgw_tui.packets import texts
from hostgw_tui.packets.filter_line import FilterLine
from hostgw_tui.packets.journey_grid import JourneyGrid
from hostgw_tui.packets.probing import Probing
from hostgw_tui.packets.saving import save
from hostgw_tui.packets.taps_dialog import TapsDialog


class Capturing(Probing):
    """A main screen that captures; there is one capture at a time."""

    class Started(Message):
        """A capture runs, or could not be started."""

        def __init__(self, capture: Capture | None, error: str = "") -> None:
            super().__init__()
            self.capture, self.error = capture, error

    def __init__(self) -> None:
        super().__init__()
        self.capture: Capture | None = None
        self._live = self._starting = False
        self._chosen: tuple[TapPoint, ...] | None = None
        self._expression = ""
        self._written: int | None = None
        """How many frames there were when the capture was written."""

    def begun(self) -> None:
        """Forget what was shown of the capture before."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """A capture is live, and not one of a recording."""
        return self._live and self.hostgw.engine.shown_capture is None

    def adopt(self) -> None:
        """Show the capture that nobody has to start, if there is one."""
        shown = self.hostgw.engine.shown_capture
        if shown is not self.capture and (shown is not None or self.hostgw.replay):
            self.capture, self._live, self._written = shown, shown is not None, None
            self.begun()

    @property
    def at_stake(self) -> str:
        """What quitting now would lose."""
        frames = self.capture.view(1).frames if self.capture else 0
        return texts.at_stake(self._written is not None, frames - (self._written or 0))

    def _points(self) -> tuple[TapPoint, ...]:
        """Return the taps that are chosen, else bridges and NICs; of many containers, that takes a moment."""
        return self._chosen if self._chosen is not None else default_points(self.view)

    def _counted(self) -> tuple[int, int]:
        """Return how many taps are chosen, on how many hosts."""
        if self._chosen is None:
            return count_default_points(self.view)
        return len(self._chosen), len({point.host for point in self._chosen})

    def action_capture(self) -> None:
        """Start or stop."""
        if self._live:
            self.stop_job()
        elif not self._starting:
            self._start()

    def _start(self) -> None:
        if self._counted() == (0, 0):
            self.hostgw.tell("no taps are chosen; t chooses", "warning")
            return
        self._starting = True
        self.run_worker(lambda: self._open(self._expression), thread=True, exit_on_error=False)
        self.repaint()

    def _open(self, expression: str) -> None:
        """Start a capture in a thread: ending the one before may take a while."""
        try:
            self.post_message(self.Started(self.hostgw.engine.capture(self._points(), expression)))
        except HostgwError as error:
            self.post_message(self.Started(None, str(error)))

    @on(Started)
    def _started(self, message: Started) -> None:
        self._starting = False
        if message.capture is None:
            self.hostgw.tell(message.error, "error")
        else:
            self.capture, self._live, self._written = message.capture, True, None
            self.begun()
        self.repaint()

    def stop_job(self) -> None:
        """Close the taps; what was captured stays to be read and written."""
        if self.capture and self._live:
            self._live = False
            capture = self.capture
            self.run_worker(capture.stop, thread=True, exit_on_error=False)
            self.repaint()

    def action_taps(self) -> None:
        """Choose where to capture."""
        self.app.push_screen(TapsDialog(self.view, self._points()), self._taps_chosen)

    def _taps_chosen(self, points: tuple[TapPoint, ...] | None) -> None:
        if points is not None:
            self._chosen = points
            if self._live:
                self._start()
            self.repaint()

    def action_bpf(self) -> None:
        """Edit the capture filter."""
        self.query_one(FilterLine).open(self._expression)

    @on(FilterLine.Accepted)
    def _filtered_by(self, event: FilterLine.Accepted) -> None:
        self._expression = event.expression
        self.query_one(JourneyGrid).focus()
        if self._live:
            self._start()
        self.repaint()

    @on(FilterLine.Left)
    def _filter_left(self) -> None:
        self.query_one(JourneyGrid).focus()

    def action_write(self) -> None:
        """Write the capture as pcapng."""
        if self.capture is None:
            self.hostgw.tell("nothing captured yet; s starts")
            return
        capture = self.capture
        self.run_worker(lambda: self._write(capture), thread=True, exit_on_error=False)

    def _write(self, capture: Capture) -> None:
        """Write in a thread: there may be many frames."""
        frames = capture.view(1).frames
        told, good = save(capture)
        if good and capture is self.capture:
            self._written = frames
        if good and self.hostgw.masked:
            self.hostgw.tell(f"{told}: as captured, with real names and addresses", "warning")
        else:
            self.hostgw.tell(told, "information" if good else "error")

    def action_back(self) -> None:
        """Leave a filter line first."""
        field = self.query_one(FilterLine)
        if field.display and isinstance(self.focused, Input):
            field.close()
            self.query_one(JourneyGrid).focus()
        else:
            super().action_back()
