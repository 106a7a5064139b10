"""The palette: the actions of the screen from which it was opened, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from hostgw_tui.actions import Action, keys_text, of
from hostgw_tui.widgets.main_screen import MainScreen

EXPLAINED = 0.1
"""Score of an action whose explanation, not its name, has what was typed."""


class ActionProvider(Provider):
    """Offers the registry."""

    def _actions(self) -> Iterator[tuple[str, Action]]:
        screen = self.screen
        if isinstance(screen, MainScreen):
            moving = of("replay") if screen.hostgw.engine.is_recording else []
            for action in [*moving, *of(screen.SCOPE)]:
                if action.name != "app.command_palette":
                    yield f"{action.description} ({keys_text(action)})" if action.keys else action.description, action

    async def discover(self) -> Hits:
        """Offer everything while nothing is typed."""
        for text, action in self._actions():
            yield DiscoveryHit(text, partial(self._run, action), help=action.tooltip)

    async def search(self, query: str) -> Hits:
        """Offer what matches name or explanation."""
        matcher = self.matcher(query)
        for text, action in self._actions():
            explained = query.lower() in action.tooltip.lower()
            score = matcher.match(text) or (EXPLAINED if explained else 0.0)
            if score > 0:
                yield Hit(score, matcher.highlight(text), partial(self._run, action), help=action.tooltip)

    async def _run(self, action: Action) -> None:
        await self.app.run_action(action.name, default_namespace=self.screen)
