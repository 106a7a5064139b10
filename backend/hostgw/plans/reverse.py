"""The undo of a change: the same change turned round."""

from __future__ import annotations

import msgspec

from hostgw.model.change import ChainChange, Change, ConntrackChange, LinkChange


def reversed_change(change: Change) -> Change | None:
    """Return the change that puts `before` back; None where nothing can."""
    if isinstance(change, ConntrackChange):
        return None
    if isinstance(change, LinkChange) and change.after.mac_is_set and not change.before.mac_is_set:
        return None  # a bridge that was given an address keeps it
    back = msgspec.structs.replace(change, before=change.after, after=change.before)
    if isinstance(back, ChainChange) and back.missing:
        return msgspec.structs.replace(back, missing="after" if back.missing == "before" else "before")
    return back
