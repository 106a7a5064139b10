"""A guard on a host: a change that is pending there, or how one ended."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec


class GuardState(StrEnum):
    """How far a guarded change has come."""

    APPLYING = "applying"
    APPLIED = "applied"
    """It waits to be confirmed, and takes everything back when that does not come."""
    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled-back"
    UNDO_FAILED = "undo-failed"
    """Something could not be put back."""
    FAILED = "failed"
    """The host refused a change; those before it were put back."""

    @property
    def pending(self) -> bool:
        """Nobody has decided yet."""
        return self in (GuardState.APPLYING, GuardState.APPLIED)


class Guard(msgspec.Struct, frozen=True):
    """What a host says of a guard."""

    id: str
    title: str
    operator: str
    state: GuardState
    detail: str = ""
    put_back: str = ""
    """How an object is that somebody else changed again after it was confirmed; empty when nobody did."""
    left_s: float = 0.0
    """Seconds until it takes everything back."""
    ago_s: float = 0.0
    """Seconds since it ended."""


def guard_id(token: str) -> str:
    """Return by what the guard with this secret is named; who knows the name cannot confirm."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
