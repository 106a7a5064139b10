"""Other keys for actions, as config.toml has them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw_tui.actions import Action


def slug(action: Action) -> str:
    """Return an action's name for settings: ``next-finding``."""
    return action.description.lower().replace(" ", "-").replace("/", "-")


def remapped(actions: Sequence[Action], keys: Mapping[str, str | tuple[str, ...]], where: str) -> tuple[Action, ...]:
    """Return the registry with other keys.

    Raises:
        UsageError: there is no such action, or two would have one key on one screen.
    """
    names = {slug(action) for action in actions}
    for name in keys:
        if name not in names:
            near = difflib.get_close_matches(name, sorted(names), 1)
            remedy = f"Did you mean {near[0]}?" if near else "The palette (:) of the dashboard names them."
            raise UsageError(f"{where}: there is no action {clean(name, 40)}", "", remedy)
    found = tuple(_with(action, keys[slug(action)]) if slug(action) in keys else action for action in actions)
    _refuse_doubles(found, frozenset(keys), where)
    return found


def _with(action: Action, keys: str | tuple[str, ...]) -> Action:
    return replace(action, keys=(keys,) if isinstance(keys, str) else tuple(keys))


def _refuse_doubles(actions: Sequence[Action], changed: frozenset[str], where: str) -> None:
    for scope in {scope for action in actions for scope in action.scope}:
        held: dict[str, str] = {}
        for action in (action for action in actions if scope in action.scope):
            for key in action.keys:
                other = held.setdefault(key, slug(action))
                if other != slug(action) and {other, slug(action)} & changed:
                    what = f"{where}: {clean(key, 20)} would be {other} and {slug(action)} on {scope}"
                    raise UsageError(what, "", "Give one of them another key.")
