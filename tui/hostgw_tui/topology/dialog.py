"""The topology over the whole screen; it follows the view while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw.live.view import View
from hostgw.report.topology.dot import dot
from hostgw.report.topology.graph import Topology, topology
from hostgw.report.topology.svg import svg
from hostgw_tui.look import Part, Tone, line
from hostgw_tui.topology.rows import as_text, topology_lines
from hostgw_tui.widgets.dialog import SCROLLING, TextDialog, hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

LEAST_WIDTH = 120
TEXT_WIDTH = 160
FOLLOWED_S = 1.0
"""How often the picture is made anew, at most."""
NARROW = f"From {LEAST_WIDTH} columns on hosts stand side by side. w writes the whole picture to a file."
KEYS = (("↑↓", "scroll"), ("w", "write SVG, DOT or text"), ("y", "copy"), ("esc", "close"))
FORMS = (("s", "SVG"), ("d", "DOT"), ("t", "text"))


class TopologyDialog(ModalScreen[None]):
    """Hosts, bridges, containers and routes in one picture."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,ctrl+c", "close", "close"),
        Binding("y", "copy", "copy"),
        Binding("w", "write", "write"),
        *SCROLLING,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._of: View | None = None
        self._graph: Topology | None = None

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the picture and the keys."""
        with Vertical(classes="dialog whole") as box:
            box.border_title = "topology"
            with VerticalScroll(can_focus=False):
                yield Reader(id="topology")
            yield Static(content([hint(*KEYS)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show the picture, and follow what changes."""
        self.set_interval(FOLLOWED_S, self._follow)
        self.call_after_refresh(self._follow)

    def on_resize(self) -> None:
        """Lay the boxes out anew."""
        self._of = None
        self.call_after_refresh(self._follow)

    @property
    def graph(self) -> Topology:
        """The graph of the view that is shown."""
        view = self.hostgw.shown
        if self._graph is None or self._of is not view:
            self._of, self._graph = view, topology(view)
        return self._graph

    def _follow(self) -> None:
        if self._of is self.hostgw.shown:
            return
        reader = self.query_one(Reader)
        if self.app.size.width < LEAST_WIDTH:
            reader.show([line(Part(NARROW, Tone.NOTE)), (), *list(topology_lines(self.graph, reader.size.width))])
        else:
            reader.show(topology_lines(self.graph, reader.size.width))

    # ---- actions ----

    def action_scroll(self, by: int) -> None:
        """Scroll the picture."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy the picture as text."""
        self.hostgw.copy(as_text(self.graph, TEXT_WIDTH))

    def action_write(self) -> None:
        """Ask in which form it shall be written."""
        told = line("The whole picture, as a file in this directory. Only you can read it.")
        self.app.push_screen(TextDialog("write the topology", [told], FORMS), self._write)

    def _write(self, key: str | None) -> None:
        if key == "s":
            self.hostgw.save_masked("hostgw-topology", "svg", svg(self.graph))
        elif key == "d":
            self.hostgw.save_masked("hostgw-topology", "dot", dot(self.graph))
        elif key == "t":
            self.hostgw.save_masked("hostgw-topology", "txt", as_text(self.graph, TEXT_WIDTH))

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
