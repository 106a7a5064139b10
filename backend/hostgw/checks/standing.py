"""How a host can stand to a subnet; apart from the judging, for reports and pictures name it and are light."""

from __future__ import annotations

from enum import StrEnum


class Standing(StrEnum):
    """How a host stands to a subnet: the words of the mesh matrix."""

    OWN = "own"
    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    OFF_SEGMENT = "off-segment"
    BLOCKED = "blocked"
    SHADOWED = "shadowed"
    DUPLICATE = "duplicate"
    LOOPED = "looped"
    TUNNELLED = "tunnelled"
    UNKNOWN = "unknown"
    NONE = "none"
    """No route is expected."""


FINE = frozenset({Standing.OK, Standing.OWN, Standing.TUNNELLED, Standing.UNKNOWN})
"""Standings that are no fault."""
