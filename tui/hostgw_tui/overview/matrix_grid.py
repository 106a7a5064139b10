"""The widget of the matrix: a grid with a cell cursor and a first column that stays."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from hostgw.mesh import Subnet
from hostgw_tui.look import Part, Row
from hostgw_tui.overview.matrix import MatrixRows
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column, fitted

CELL = 13
"""Least width of a cell: `⊘ off-segment`, `10.239.0.0/24`."""
NAME = 16


class MatrixGrid(Grid):
    """Hosts down, subnets across."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "column(-1)", "Left", show=False),
        Binding("right,l", "column(1)", "Right", show=False),
    ]
    column = reactive(0, repaint=False)

    def __init__(self, *, id: str, title: str) -> None:  # noqa: A002
        super().__init__((), id=id, title=title)
        self._subnets: tuple[Subnet, ...] = ()
        self._head_width, self._cell = 4, CELL

    def show_matrix(self, rows: MatrixRows, names: int, empty: tuple[tuple[Part, ...], ...]) -> None:
        """Show other rows; `names` is the width of the longest host name."""
        self._subnets, self._head_width = rows.subnets, min(NAME, max(4, names))
        self._cell = max([CELL, *(len(str(subnet.prefix)) for subnet in rows.subnets)])
        self.columns = (Column("HOST", self._head_width), *(Column(str(s.prefix), self._cell) for s in rows.subnets))
        self.column = max(0, min(self.column, len(rows.subnets) - 1))
        self.show(rows, empty)

    @property
    def subnet(self) -> Subnet | None:
        """The subnet under the cursor."""
        return self._subnets[self.column] if self.column < len(self._subnets) else None

    @property
    def _head(self) -> int:
        return 1 if self.rows else 0

    def _selectable(self, index: int, step: int = 1) -> int:
        return max(0, min(index, len(self.rows) - 1))

    def _measure(self) -> None:
        if not self.rows:
            super()._measure()
            return
        width = self._head_width + 1 + len(self._subnets) * (self._cell + 1)
        size = Size(max(width, self.scrollable_content_region.width), len(self.rows) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh(layout=True)

    def action_column(self, by: int) -> None:
        """Move the cursor sideways."""
        self.column = max(0, min(self.column + by, len(self._subnets) - 1))

    def watch_column(self) -> None:
        """Keep the cursor in sight."""
        at = self.column * (self._cell + 1)
        room = self.scrollable_content_region.width - self._head_width - 1
        left = int(self.scroll_offset.x)
        if at < left or at + self._cell > left + room:
            self.scroll_to(x=at if at < left else at + self._cell + 1 - room, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the cell first."""
        at = event.get_content_offset(self)
        if at and at.x > self._head_width and self._subnets:
            place = (at.x - self._head_width - 1 + int(self.scroll_offset.x)) // (self._cell + 1)
            self.column = max(0, min(place, len(self._subnets) - 1))
        super().on_click(event)

    def _in_sight(self, width: int) -> range:
        """Return the columns of which something can be seen."""
        left = int(self.scroll_offset.x)
        first = left // (self._cell + 1)
        return range(first, min(len(self._subnets), (left + width) // (self._cell + 1) + 1))

    def _header(self, width: int) -> Strip:
        style = self._base + self.style("header")
        labels = [str(self._subnets[place].prefix)[: self._cell] for place in self._in_sight(width)]
        cells = [Segment(f"{label:<{self._cell}} ", style) for label in labels]
        return self._joined(Segment(" " * (self._head_width + 1), style), cells, width, style)

    def _row(self, row: Row, mark: str, width: int) -> Strip:
        seen = self._in_sight(width)
        shown = row.cells[seen.start + 1 : seen.stop + 1]
        key = (row.key, shown, row.dim, mark, width, self.column if mark else -1, int(self.scroll_offset.x))
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(row, mark, width)
        return strip

    def _paint(self, row: Row, mark: str, width: int) -> Strip:
        base = self._base
        cells: list[Segment] = []
        for place in self._in_sight(width):
            here = mark if place == self.column else ""
            cells += [self._segment(part, here, row.dim) for part in fitted(row.cells[place + 1], self._cell)]
            cells.append(Segment(" ", base if mark else cells[-1].style))
        name = fitted(row.cells[0], self._head_width)
        head = Segment("".join(part.text for part in name) + " ", base + self.style("name"))
        return self._joined(head, cells, width, base)

    def _joined(self, head: Segment, cells: list[Segment], width: int, style: Style) -> Strip:
        left = int(self.scroll_offset.x) % (self._cell + 1)
        room = max(0, width - self._head_width - 1)
        moved = Strip(cells).crop(left, left + room)
        return Strip.join([Strip([head]), moved]).adjust_cell_length(width, style)
