"""What the app does of a recording: the keys that move it. Without one, they do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType

from hostgw_tui.actions import bindings, of
from hostgw_tui.engine import Engine
from hostgw_tui.overview.events import difference_lines
from hostgw_tui.replay.dialog import TimeDialog
from hostgw_tui.replay.times import clock
from hostgw_tui.shell import READ_S, Shell
from hostgw_tui.widgets.dialog import TextDialog

if TYPE_CHECKING:
    from hostgw.live.replay import Replay
    from hostgw.live.view import View

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
_NAMES = frozenset(action.name.removeprefix("app.").partition("(")[0] for action in of("replay"))


class Replaying(Shell):
    """An app whose engine may be a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("replay")]
    engine: Engine
    compared_ns: int | None = None
    """The time that is marked for comparing."""
    stops_at_finding = False
    """Time stands still where the first finding comes: who looks around meanwhile shall not miss it."""

    @property
    def replay(self) -> Replay | None:
        """The recording; None when hosts are shown."""
        return cast("Replay", self.engine) if self.engine.is_recording else None

    def stop_at_finding(self, view: View) -> None:
        """Stand still at the first finding, once, where that is wanted."""
        if self.stops_at_finding and self.replay and view.listed:
            self.stops_at_finding = False
            self.replay.play(False)
            self.tell("Something broke: time stands still. enter explains it, space lets time go on.", timeout=READ_S)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what moves a recording only where there is one."""
        if action in _NAMES and self.replay is None:
            return False
        return super().check_action(action, parameters)

    def action_replay_step(self, by: int) -> None:
        """Stand still at the next change, or the one before."""
        if self.replay:
            self.replay.step(by)

    def action_replay_speed(self, by: int) -> None:
        """Let time go faster or slower."""
        if self.replay:
            nearest = min(SPEEDS, key=lambda speed: abs(speed - self.replay.position.speed))  # type: ignore[union-attr]
            index = max(0, min(len(SPEEDS) - 1, SPEEDS.index(nearest) + by))
            self.replay.hurry(SPEEDS[index])

    def action_replay_compare(self) -> None:
        """Mark a time; at another, say what differs from the earlier to the later."""
        if not self.replay:
            return
        from hostgw.live.differences import differences

        now = self.replay.now_ns()
        if self.compared_ns is None or self.compared_ns == now:
            self.compared_ns = now
            self.tell(f"marked {clock(now)}; go to another time and press = again")
            return
        first, last = sorted((self.compared_ns, now))
        self.compared_ns = None
        found = differences(self.replay.view_at(first), self.replay.view_at(last))
        self.push_screen(TextDialog(f"from {clock(first)} to {clock(last)}", difference_lines(found)))

    def action_replay_time(self) -> None:
        """Ask for a time, and go there."""

        def go(time_ns: int | None) -> None:
            if time_ns is not None and self.replay:
                self.replay.seek(time_ns)

        if self.replay:
            self.push_screen(TimeDialog(self.replay.position), go)
