"""What the app does of jumps: it goes to a place, and remembers where it came from."""

from __future__ import annotations

from collections import deque
from typing import Protocol, cast

from hostgw_tui.jumps import MOST, Place
from hostgw_tui.shell import Shell


class Landing(Protocol):
    """A screen that can be jumped to, and from."""

    @property
    def place(self) -> str:
        """What the cursor is on."""

    def go_to(self, key: str) -> None:
        """Put the cursor there."""


class Jumping(Shell):
    """An app that finds its way back."""

    host: str
    """The host that the screens of one host show."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._came_from: deque[Place] = deque(maxlen=MOST)

    def jump(self, to: Place) -> None:
        """Go to a place; `backspace` comes back."""
        here = self.screen
        key = cast("Landing", here).place if hasattr(here, "place") else ""
        self._came_from.append(Place(self.current_mode, self.host, key))
        self._go(to)

    def action_jump_back(self) -> None:
        """Go back to where the last jump began."""
        if self._came_from:
            self._go(self._came_from.pop())
        else:
            self.tell("there was no jump to come back from")

    def _go(self, to: Place) -> None:
        self.host = to.host or self.host
        self.switch_mode(to.mode)
        self.call_later(self._land, to.key)

    def _land(self, key: str) -> None:
        screen = self.screen
        if hasattr(screen, "go_to"):
            screen.call_after_refresh(cast("Landing", screen).go_to, key)
