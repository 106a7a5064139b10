"""Dialogs of a capture: which probe, the details of a packet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Select, Static

from hostgw.capture.journeys import Sighting
from hostgw.capture.taps import Capture
from hostgw.live.places import Place
from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.packets.rows import byte_lines, layer_lines
from hostgw_tui.widgets.dialog import TextDialog, hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content


class ProbeDialog(ModalScreen[tuple[Place, Place] | None]):
    """Chooses where a probe starts and ends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+c", "cancel", "cancel"),
        Binding("s", "send", "send"),
    ]
    AUTO_FOCUS = "#from"

    def __init__(self, places: Sequence[Place]) -> None:
        super().__init__()
        self._places = tuple(places)

    def compose(self) -> ComposeResult:
        """Lay out two lists: the first container, and the first one on another host."""
        other = next((i for i, p in enumerate(self._places) if p[0] != self._places[0][0]), len(self._places) - 1)
        options = [(Content(f"{host}/{name}  {address}"), i) for i, (host, _, name, address) in enumerate(self._places)]
        with Vertical(classes="dialog small") as box:
            box.border_title = "send a probe"
            yield Static(content([cell("from", Tone.DIM)]))
            yield Select(options, value=0, allow_blank=False, id="from", compact=True)
            yield Static(content([cell("to", Tone.DIM)]))
            yield Select(options, value=other, allow_blank=False, id="to", compact=True)
            yield Reader([cell("Three ICMP echo requests leave the container's own namespace.", Tone.DIM)])
            keys = (("s", "send"), ("tab", "next"), ("enter", "choose"), ("esc", "cancel"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def action_send(self) -> None:
        """Close with the choice."""
        start, end = (self.query_one(name, Select).value for name in ("#from", "#to"))
        if isinstance(start, int) and isinstance(end, int):
            self.dismiss((self._places[start], self._places[end]))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


class PacketDialog(TextDialog):
    """The layers of a frame; waits until tshark has dissected it."""

    def __init__(self, title: str, capture: Capture, sighting: Sighting) -> None:
        self._capture, self._sighting = capture, sighting
        super().__init__(title, self._read())

    def on_mount(self) -> None:
        """Look again until the details are there."""
        self._again = self.set_interval(0.1, self._refresh)

    def _read(self) -> tuple[Line, ...]:
        layers = self._capture.details(self._sighting)
        data = self._capture.raw(self._sighting)
        self._complete = layers is not None
        if layers:
            return (*layer_lines(layers), (), cell("▼ BYTES", Tone.STRONG), *byte_lines(data))
        if layers is None:
            return (cell("◌ tshark is dissecting this frame …", Tone.NOTE), (), *byte_lines(data))
        reason = "No dissection of this frame" if data else "This frame is no longer kept"
        return (line(Part(reason, Tone.WARN)), (), *byte_lines(data))

    def _refresh(self) -> None:
        if not self._complete:
            self._lines = self._read()
            self.query_one(Reader).show(self._lines)
        if self._complete:
            self._again.stop()
