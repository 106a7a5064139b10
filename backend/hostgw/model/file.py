"""Configuration files of a host, as they are."""

from __future__ import annotations

import msgspec


class HostFile(msgspec.Struct, frozen=True):
    """One file; `text` is None where there is none, or where `error` says why it cannot be read."""

    path: str
    text: str | None
    mode: int = 0
    missing: tuple[str, ...] = ()
    """Directories above it that are not there, the outermost first."""
    error: str = ""
