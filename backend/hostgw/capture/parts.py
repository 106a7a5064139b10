"""What one tap has shown of a packet that is in several frames."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

MAX_GAPS = 64
"""Holes in what one passage has shown; a packet with more is not followed further there."""

Passage = tuple[int, bool, int]
"""Tap, outbound, TTL: a packet that loops passes a tap again with less."""


class Parts(msgspec.Struct, gc=False):
    """What one passage has shown of a packet."""

    time_ns: int
    fragments: bool
    """Its bytes are counted within the IP datagram, not in TCP's sequence."""
    frames: int = 0
    edges: list[int] = []
    """Starts and ends in turn, ascending: the bytes that were seen."""

    @property
    def covered(self) -> int:
        """Bytes seen."""
        return sum(self.edges[1::2]) - sum(self.edges[::2])

    def shows(self, start: int, end: int) -> bool:
        """Tell whether one of these bytes was seen already, or too many holes are open to tell."""
        if len(self.edges) > 2 * MAX_GAPS:
            return True
        return any(start < b and a < end for a, b in self.spans())

    def take(self, start: int, end: int) -> None:
        """Add a frame; its bytes were not seen yet."""
        self.frames += 1
        edges = self.edges
        if edges and edges[-1] == start:  # they come in order, nearly always
            edges[-1] = end
            return
        joined: list[int] = []
        for a, b in sorted([*self.spans(), (start, end)]):
            if joined and joined[-1] == a:
                joined[-1] = b
            else:
                joined += a, b
        self.edges = joined

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield starts and ends."""
        return zip(self.edges[::2], self.edges[1::2], strict=True)
