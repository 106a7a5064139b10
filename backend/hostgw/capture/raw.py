"""The bytes of the newest frames, bounded: what `w` writes, and what is dissected again when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

MAX_BYTES = 64 << 20
OVERHEAD = 250
"""Bytes that a kept frame costs beside its own."""


class Raw(msgspec.Struct, frozen=True, gc=False):
    """A frame as a tap saw it, its time corrected by what the host's SSH echo told then."""

    serial: int
    tap: int
    time_ns: int
    wire_length: int
    outbound: bool
    data: bytes


class RawRing:
    """Frames by serial number; the oldest go when the bytes run out."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._frames: dict[int, Raw] = {}
        self._bytes = 0
        self._oldest = 0

    def add(self, raw: Raw) -> None:
        """Keep a frame; serial numbers rise by one."""
        if not self._frames:
            self._oldest = raw.serial
        self._frames[raw.serial] = raw
        self._bytes += len(raw.data) + OVERHEAD
        while self._bytes > self._max_bytes and self._frames:
            gone = self._frames.pop(self._oldest, None)
            self._oldest += 1
            self._bytes -= len(gone.data) + OVERHEAD if gone else 0

    def get(self, serial: int) -> Raw | None:
        """Return a frame if it is still kept."""
        return self._frames.get(serial)

    def __iter__(self) -> Iterator[Raw]:
        """Yield all kept frames, oldest first."""
        return iter(list(self._frames.values()))

    def __len__(self) -> int:
        return len(self._frames)
