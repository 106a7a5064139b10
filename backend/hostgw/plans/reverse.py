"""The undo of a change: the same change turned round; and the order in which several are taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from hostgw.model.change import ChainChange, Change, ConntrackChange, FileChange, LinkChange, ServiceChange

T = TypeVar("T")
LASTING = (FileChange, ServiceChange)
"""What a reboot does not take back by itself."""


def undo_order(made: Sequence[T], change_of: Callable[[T], Change]) -> list[T]:
    """Return what was made in the order of its undo: a daemon is restarted when all that it reads is put back."""
    back = made[::-1]
    daemons = [each for each in back if isinstance(change_of(each), ServiceChange)]
    return [*(each for each in back if each not in daemons), *daemons]


def reversed_change(change: Change) -> Change | None:
    """Return the change that puts `before` back; None where nothing can."""
    if isinstance(change, ConntrackChange):
        return None
    if isinstance(change, ServiceChange):
        return change
    if isinstance(change, LinkChange) and change.after.mac_is_set and not change.before.mac_is_set:
        return None  # a bridge that was given an address keeps it
    back = msgspec.structs.replace(change, before=change.after, after=change.before)
    if isinstance(back, ChainChange) and back.missing:
        return msgspec.structs.replace(back, missing="after" if back.missing == "before" else "before")
    return back
