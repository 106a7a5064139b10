"""How closely the matrix is looked at: in words, in glyphs, or in groups of hosts and subnets that share a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum

from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix
from hostgw_tui.look import LazyRows, Line, Row, Tone, cell
from hostgw_tui.overview.matrix import subnets_of

WORDS = 13
"""Least width of a cell in words: `⊘ off-segment`, `10.239.0.0/24`."""
GLYPH, GROUP = 1, 5
EVERY = 5
"""Over glyphs, so many columns share a label."""


class Zoom(IntEnum):
    """From near to far."""

    WORDS = 0
    GLYPHS = 1
    GROUPS = 2


def fitting(columns: int, widest: int, room: int) -> Zoom:
    """Return the nearest zoom at which all columns are in sight, of which the widest label takes `widest` cells."""
    for zoom, width in ((Zoom.WORDS, widest), (Zoom.GLYPHS, GLYPH)):
        if columns * (width + 1) <= room:
            return zoom
    return Zoom.GROUPS


def group_size(columns: int, room: int) -> int:
    """Return how many subnets, and hosts, share a cell so that all columns are in sight."""
    return max(2, -(-columns // max(1, room // (GROUP + 1))))


class GroupRows(LazyRows):
    """A row per group of hosts; a cell counts what is wrong between them and a group of subnets."""

    def __init__(self, view: View, size: int, bad: Mapping[tuple[str, Prefix], Finding | None]) -> None:
        self.size = size
        self._hosts = tuple(view.fabric.hosts.values())
        self._columns = -(-len(subnets_of(view.mesh)) // size)
        rows = {host.name: place // size for place, host in enumerate(self._hosts)}
        columns = {subnet.prefix: place // size for place, subnet in enumerate(subnets_of(view.mesh))}
        self._counted = Counter((rows[host], columns[subnet]) for host, subnet in bad)
        self._unread = {rows[h.name] for h in self._hosts if not h.readable or h.state is not HostState.UP}

    def __len__(self) -> int:
        return -(-len(self._hosts) // self.size) if self._columns else 0

    def index_of(self, key: str) -> int | None:
        """Return the place of a group by the name of its first host."""
        return next((i for i in range(len(self)) if self._hosts[i * self.size].name == key), None)

    def row(self, index: int) -> Row:
        """Return the row of a group."""
        group = self._hosts[index * self.size : (index + 1) * self.size]
        name = group[0].name if len(group) == 1 else f"{group[0].name}…{group[-1].name}"
        return Row(group[0].name, (cell(name, Tone.NAME), *(self._cell(index, c) for c in range(self._columns))))

    def _cell(self, row: int, column: int) -> Line:
        if found := self._counted[row, column]:
            return cell(f"✗ {found}", Tone.BAD)
        return cell("?", Tone.DIM) if row in self._unread else cell("✓", Tone.OK)


def labels(view: View, zoom: Zoom, size: int) -> tuple[str, ...]:
    """Return what stands over the columns; numbers are places among the subnets, counted from 1."""
    subnets = subnets_of(view.mesh)
    if zoom is Zoom.WORDS:
        return tuple(str(subnet.prefix) for subnet in subnets)
    if zoom is Zoom.GLYPHS:
        return tuple("" if place % EVERY else str(place + 1) for place in range(len(subnets)))
    return tuple(str(place + 1) for place in range(0, len(subnets), size))
