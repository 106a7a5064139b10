"""Chooses what kind of packet goes, and how many; what is wrong is said while it is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Select, Static

from hostgw.report.path import kind
from hostgw_tui.look import Part, Tone, line
from hostgw_tui.path.packet import MOST_PORT, MOST_PROBES, MOST_SIZE, PROTOCOLS, Asked, number, packet
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

FIELDS = (
    ("port", "port", "of udp and tcp"),
    ("size", "bytes", "payload; empty: a few"),
    ("probes", "probes", "how many; empty: one"),
)
NAMES = {"icmp": "icmp: echo request", "udp": "udp: a datagram", "tcp": "tcp: open a connection, close it"}

FRAGMENTING = ("not set: routers may fragment it", "set: it must stay whole")


class PacketKindDialog(ModalScreen[Asked | None]):
    """The result is None when cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "cancel", "cancel")]
    AUTO_FOCUS = "#protocol"

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._before = asked

    def compose(self) -> ComposeResult:
        """Lay out the fields, the remark and the keys."""
        query, probes = self._before
        values = {"port": query.port, "size": query.size, "probes": probes if probes > 1 else 0}
        with Vertical(classes="dialog small") as box:
            box.border_title = "what goes along the path"
            with Horizontal(classes="field"):
                yield Label("protocol", classes="field-label")
                options = [(NAMES[name], name) for name in PROTOCOLS]
                yield Select(options, value=query.protocol, allow_blank=False, id="protocol", compact=True)
            for name, label, help_text in FIELDS:
                with Horizontal(classes="field"):
                    yield Label(label, classes="field-label")
                    yield Input(str(values[name] or ""), id=name, compact=True)
                    yield Label(help_text, classes="field-remark")
            with Horizontal(classes="field"):
                yield Label("DF", classes="field-label")
                options = [(name, name) for name in FRAGMENTING]
                yield Select(options, value=FRAGMENTING[query.whole], allow_blank=False, id="whole", compact=True)
            yield Reader(id="remark")
            keys = (("tab", "next"), ("enter", "use"), ("esc", "cancel"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Say what it is now."""
        self._judge()

    def _read(self) -> Asked:
        text = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in FIELDS}
        port = number(text["port"], MOST_PORT, "port")
        size = number(text["size"], MOST_SIZE, "bytes")
        probes = number(text["probes"], MOST_PROBES, "probes", least=1)
        protocol = str(self.query_one("#protocol", Select).value)
        whole = self.query_one("#whole", Select).value == FRAGMENTING[True]
        return Asked(packet(protocol, port, size, whole=whole), probes)

    @on(Input.Changed)
    @on(Select.Changed)
    def _judge(self) -> None:
        try:
            told = line(Part(f"✓ {kind(self._read().query)}", Tone.OK))
        except ValueError as error:
            told = line(Part(f"✗ {error}", Tone.BAD))
        self.query_one("#remark", Reader).show([told])

    @on(Input.Submitted)
    def _accept(self) -> None:
        try:
            self.dismiss(self._read())
        except ValueError:
            self._judge()

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
