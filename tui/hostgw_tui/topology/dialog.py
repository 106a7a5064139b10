"""The dialog of the picture: it follows the view, a cursor goes over the hosts, and it is written to files."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw.live.view import View
from hostgw.topology.blame import ABOUT_ROUTES
from hostgw.topology.build import build
from hostgw.topology.dot import dot
from hostgw.topology.graph import Topology
from hostgw.topology.svg import svg
from hostgw_tui.actions import bindings
from hostgw_tui.commands.output import json_text
from hostgw_tui.look import Line, Part, Tone, line, lines_text
from hostgw_tui.topology.rows import DESIGNED, Drawn, picture
from hostgw_tui.widgets.dialog import TextDialog, hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

LOOK_S = 0.25
"""How often it is looked whether there is another picture."""
RESTS = 4
STEM = "hostgw-topology"
FORMS = (("s", "SVG"), ("d", "DOT"), ("t", "text"), ("j", "JSON"))
KEYS = hint(("←↑↓→", "host"), ("enter", "open"), ("f", "fix"), ("w", "write SVG, DOT"), ("y", "copy"), ("esc", "close"))


class TopologyDialog(ModalScreen[None]):
    """Shows the picture of the latest view, or of the frozen one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("topology"),
        Binding("left,h", "step(-1)", show=False),
        Binding("right,l", "step(1)", show=False),
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j", "row(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._masked = False
        self._topology = Topology("", (), ())
        self._drawn = Drawn((), {}, 1)
        self._at = 0
        self._rest_until = 0.0

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the picture and the keys."""
        with Vertical(classes="dialog full") as box:
            box.border_title = "topology"
            with VerticalScroll(id="topology", can_focus=False):
                yield Reader(id="picture")
            yield Static(content([KEYS]), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Begin at the host of the screens, and follow the view."""
        names = list(self.hostgw.shown.fabric.hosts)
        self._at = names.index(self.hostgw.current_host()) if names else 0
        self.set_interval(LOOK_S, self._look)

    def on_resize(self) -> None:
        """Draw for another width, once the parts have theirs."""
        self.call_after_refresh(self._paint)

    def _look(self) -> None:
        """Draw again where there is another view; a large picture rests for some times as long as it took."""
        if monotonic() < self._rest_until:
            return
        begin = monotonic()
        if self.hostgw.shown is not self._view or self.hostgw.masked != self._masked:
            self._paint()
            end = monotonic()
            self._rest_until = end + RESTS * (end - begin)

    def _paint(self) -> None:
        view, masked = self.hostgw.shown, self.hostgw.masked
        if view is not self._view or masked != self._masked:
            self._view, self._masked = view, masked
            self._topology = build(view, self.hostgw.hidden)
        self._draw()

    def _draw(self) -> None:
        reader = self.query_one("#picture", Reader)
        self._drawn = picture(self._topology, max(40, reader.content_region.width), self._marked)
        reader.show((*self._note(), *self._drawn.lines))

    def _note(self) -> tuple[Line, ...]:
        if self.app.size.width >= DESIGNED:
            return ()
        return (line(Part(f"Drawn for {DESIGNED} columns and more; w writes it whole, as SVG or DOT.", Tone.DIM)),)

    @property
    def _marked(self) -> str:
        """The host under the cursor, as the picture calls it."""
        hosts = self._topology.hosts
        return hosts[min(self._at, len(hosts) - 1)].name if hosts else ""

    def text(self) -> str:
        """Return the picture as text, without the cursor."""
        return lines_text(picture(self._topology, max(DESIGNED, self.app.size.width)).lines)

    # ---- actions ----

    def action_step(self, by: int) -> None:
        """Go to the next or previous host."""
        if hosts := self._topology.hosts:
            self._at = max(0, min(len(hosts) - 1, self._at + by))
            self._draw()
            self._show()

    def action_row(self, by: int) -> None:
        """Go to the host below or above; behind the last row, scroll to what stands there."""
        before = self._at
        if 0 <= self._at + by * self._drawn.columns < len(self._topology.hosts):
            self.action_step(by * self._drawn.columns)
        if self._at == before:
            self.query_one("#topology", VerticalScroll).scroll_relative(y=by * 3, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        area = self.query_one("#topology", VerticalScroll)
        area.scroll_relative(y=by * max(1, area.size.height - 2), animate=False)

    def _show(self) -> None:
        """Bring the box of the host under the cursor into sight."""
        begin, end = self._drawn.places[self._marked]
        first = begin + len(self._note())
        place = Region(0, max(0, first - 3), 1, end - begin + 3)
        self.query_one("#topology", VerticalScroll).scroll_to_region(place, animate=False)

    @property
    def _real_name(self) -> str:
        """The host under the cursor, as the view calls it: the picture has them in the same order."""
        names = list(self._view.fabric.hosts) if self._view else []
        return names[min(self._at, len(names) - 1)] if names else ""

    def action_choose(self) -> None:
        """Open the screen of the host under the cursor."""
        if name := self._real_name:
            self.hostgw.host = name
            self.dismiss()
            self.hostgw.action_show("host")

    def action_fix(self) -> None:
        """Preview the fix of what is wrong with the routes of the host under the cursor."""
        view, name = self.hostgw.shown, self._real_name
        found = [f for f in view.listed if f.host == name and f.code.startswith(ABOUT_ROUTES)]
        if self.hostgw.refusal:
            self.hostgw.tell(self.hostgw.refusal, "warning")
        elif found:
            self.hostgw.preview(found)
        else:
            self.hostgw.tell("nothing to fix: this host has no finding about routes")

    def action_copy(self) -> None:
        """Copy the picture as text."""
        self.hostgw.copy(self.text())

    def action_write(self) -> None:
        """Ask for a form, and write the picture to a file in this directory."""
        lines = [line(Part(f" {key} ", Tone.KEY), f"the picture as {what}") for key, what in FORMS]
        if self.hostgw.masked:
            lines.append(line(Part("Names and addresses are masked.", Tone.DIM)))
        self.hostgw.push_screen(TextDialog("write to a file in this directory", lines, FORMS), self._write)

    def _write(self, key: str | None) -> None:
        made: dict[str | None, tuple[str, Callable[[], str]]] = {
            "s": ("svg", lambda: svg(self._topology)),
            "d": ("dot", lambda: dot(self._topology)),
            "t": ("txt", lambda: self.text() + "\n"),
            "j": ("json", lambda: json_text(self._topology) + "\n"),
        }
        if key in made:
            suffix, text = made[key]
            self.hostgw.save(STEM, suffix, text())

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()
