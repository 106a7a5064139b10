"""The line that says where a recording stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import RenderResult
from textual.widget import Widget

from hostgw_tui.actions import keys_text, of
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.replay.times import clock, span
from hostgw_tui.widgets.text import content
from hostgw_tui.widgets.topbar import length

if TYPE_CHECKING:
    from hostgw.live.replay import Position
    from hostgw_tui.app import HostgwApp

AGAIN_S = 0.25
LEAST, MOST = 10, 60
"""Columns of the picture of time."""


class ReplayBar(Widget, can_focus=False):
    """Time as a line; a click goes there."""

    _from = _width = 0
    _shown: Position | None = None

    def on_mount(self) -> None:
        """Follow time."""
        self.set_interval(AGAIN_S, self._follow)

    def _follow(self) -> None:
        replay = cast("HostgwApp", self.app).replay
        if replay and (place := replay.position) != self._shown:
            self._shown = place
            self.refresh()

    def render(self) -> RenderResult:
        """Return the line."""
        replay = cast("HostgwApp", self.app).replay
        if replay is None:
            return content([()])
        left, right = head(replay.position), tail(replay.position)
        room = self.size.width - length(left) - length(right)
        keys = tuple(part for part in KEYS if part)
        while keys and room - length(keys) < LEAST:
            keys = keys[:-2]
        self._from, self._width = length(left), max(0, min(MOST, room - length(keys)))
        return content([(*left, *track(replay.position, self._width), *right, *keys)])

    def on_click(self, event: events.Click) -> None:
        """Go to the time that was clicked."""
        replay = cast("HostgwApp", self.app).replay
        if replay and self._width and 0 <= (at := event.x - self._from) < self._width:
            place = replay.position
            replay.seek(place.begin_ns + (place.end_ns - place.begin_ns) * at // max(1, self._width - 1))


def head(position: Position) -> Line:
    """Return what goes before the line: whether time goes on, and the time of day."""
    sign, tone = ("▶", Tone.OK) if position.playing else ("‖", Tone.WARN)
    speed = f" x{position.speed:g}" if position.speed != 1 else ""
    return line(Part(f" {sign}{speed} ", tone), Part(f"{clock(position.now_ns)} ", Tone.STRONG))


def track(position: Position, width: int) -> Line:
    """Return the line itself."""
    whole = max(1, position.end_ns - position.begin_ns)
    at = min(width - 1, (position.now_ns - position.begin_ns) * width // whole) if width else -1
    if at < 0:
        return ()
    return line(Part("━" * at, Tone.NAME), Part("●", Tone.NAME), Part("─" * (width - at - 1), Tone.DIM))


def tail(position: Position) -> Line:
    """Return what goes after it."""
    gone, whole = position.now_ns - position.begin_ns, position.end_ns - position.begin_ns
    return line(Part(f" {span(gone)}/{span(whole)} ", Tone.DIM))


def _keys() -> Line:
    found: list[Part] = [Part(" space ", Tone.KEY), Part("play/pause ")]
    for action in of("replay"):
        if action.keys:
            found += [Part(f" {keys_text(action)} ", Tone.KEY), Part(f"{action.description} ")]
    return tuple(found)


KEYS = _keys()
