"""The first line: screens with their keys, and how the fleet is."""

from __future__ import annotations

from textual import events
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from hostgw.live.view import View
from hostgw.model.finding import Severity
from hostgw.model.host_state import HostState
from hostgw_tui.actions import EVERYWHERE, TITLES
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.widgets.layout import fitted
from hostgw_tui.widgets.states import is_silent
from hostgw_tui.widgets.text import content


class TopBar(Widget, can_focus=False):
    """Screens left, state right."""

    summary: reactive[Line] = reactive(())

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._scope = scope

    def render(self) -> RenderResult:
        """Return the line."""
        left, right = self._parts()
        room = self.size.width - length(left) - 1
        shown = right if length(right) <= room else fitted(right, room)
        return content([(*left, Part(" " * max(0, room - length(shown))), *shown)])

    def _parts(self) -> tuple[Line, Line]:
        """Return both sides as long as they fit: first the label goes, then the names of the other screens."""
        unlabelled = tuple(part for part in self.summary if part.tone is not Tone.DIM)
        for left in (tabs(self._scope), tabs(self._scope, short=True)):
            for right in (self.summary, unlabelled):
                if length(left) + 1 + length(right) <= self.size.width:
                    return left, right
        return tabs(self._scope, short=True), unlabelled

    def on_click(self, event: events.Click) -> None:
        """Show the screen whose name was clicked."""
        end = 0
        for name, part in zip(EVERYWHERE, self._parts()[0]):
            end += len(part.text)
            if event.x < end:
                self.app.call_later(self.app.run_action, f"app.show('{name}')")
                return

    def watch_summary(self) -> None:
        """Repaint."""
        self.refresh()


def length(parts: Line) -> int:
    """Return how many columns a line takes."""
    return sum(len(part.text) for part in parts)


def tabs(scope: str, short: bool = False) -> Line:
    """Return the names of the screens with their keys; in short only the current one's name."""
    parts: list[Part] = []
    for number, name in enumerate(EVERYWHERE, 1):
        here = name == scope
        title = f" {number} " if short and not here else f" {number} {TITLES[name]} "
        parts.append(Part(title, Tone.TAB if here else Tone.DIM))
    return tuple(parts)


def summary(view: View, now: float, paused: bool, title: str = "") -> Line:
    """Return how the fleet is: hosts that are up, findings, pause."""
    hosts = view.fabric.hosts.values()
    up = sum(host.state is HostState.UP for host in hosts)
    found = view.listed
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    state = Part(f"{up}/{len(hosts)} up", Tone.OK if up == len(hosts) else Tone.WARN)
    unread = sum(not (host.readable and host.state is HostState.UP and not host.is_partial) for host in hosts)
    if not any(host.readable for host in hosts):
        verdict = Part(" · nothing read yet", Tone.NOTE)
    elif found:
        verdict = Part(f" · ✗ {len(found)} found", Tone.BAD if errors else Tone.WARN)
    elif unread:
        verdict = Part(f" · ? {unread} not known", Tone.WARN)
    elif silent := sum(is_silent(host, now) for host in hosts):
        verdict = Part(f" · ? {silent} silent", Tone.WARN)
    elif not view.mesh.subnets:
        verdict = Part(" · no network", Tone.NOTE)
    else:
        verdict = Part(" · ✓ healthy", Tone.OK)
    shown = (Part("PAUSED ", Tone.WARN),) if paused else ()
    return line(*shown, Part(f"{title} ", Tone.DIM) if title else "", state, verdict, " ")
