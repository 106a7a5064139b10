"""The last line: the keys that matter here, from the registry. It is one line of text, so a new focus costs nothing."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.widget import Widget

from hostgw_tui.actions import Action, keys_text, of
from hostgw_tui.look import Line, Part, Tone
from hostgw_tui.widgets.text import content

TYPING = (Part(" enter ", Tone.KEY), Part("use  "), Part(" esc ", Tone.KEY), Part("leave  "))


class KeyBar(Widget, can_focus=False):
    """Keys of a screen; a click does what the key does."""

    typing = False

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._actions = tuple(action for action in of(scope) if scope in action.footer)

    def show_typing(self, typing: bool) -> None:
        """Show the keys of an input line, or those of the screen again."""
        if typing != self.typing:
            self.typing = typing
            self.refresh()

    def render(self) -> RenderResult:
        """Return the line."""
        parts = TYPING if self.typing else tuple(part for action in self.shown for part in key_parts(action))
        return content([parts])

    @property
    def shown(self) -> tuple[Action, ...]:
        """The actions that there is room for; the last two, help and quit, always are."""
        kept = list(self._actions)
        while len(kept) > 2 and sum(cell_len(part.text) for a in kept for part in key_parts(a)) > self.size.width:
            del kept[-3]
        return tuple(kept)

    def on_click(self, event: events.Click) -> None:
        """Run the action that was clicked."""
        end = 0
        for action in () if self.typing else self.shown:
            end += sum(len(part.text) for part in key_parts(action))
            if event.x < end:
                self.app.call_later(self.app.run_action, action.name, self.screen)
                return


def key_parts(action: Action) -> Line:
    """Return an action for the line of keys: its first key and its name."""
    key = keys_text(action).split(" ")[0]
    return (Part(f" {key} ", Tone.KEY), Part(f"{action.description} "))
