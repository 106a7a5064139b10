"""The widget of the matrix: a grid with a cell cursor, a first column that stays, and a zoom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from hostgw.live.view import View
from hostgw.mesh import Subnet
from hostgw.model.finding import Finding
from hostgw_tui.look import Line, Row
from hostgw_tui.overview.matrix import Answers, Cell, MatrixRows, answers, bad_cells, subnets_of
from hostgw_tui.overview.matrix_zoom import GLYPH, GROUP, WORDS, GroupRows, Zoom, fitting, group_size, labels
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column, fitted

if TYPE_CHECKING:
    from hostgw_tui.shell import Shell

NAME = 16


class MatrixGrid(Grid):
    """Hosts down, subnets across."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "column(-1)", "Left", show=False),
        Binding("right,l", "column(1)", "Right", show=False),
    ]
    column = reactive(0, repaint=False)
    arrangeable = False

    def __init__(self, *, id: str, title: str) -> None:  # noqa: A002
        super().__init__((), id=id, title=title)
        self._view = View()
        self._hosts: tuple[str, ...] = ()
        self._subnets: tuple[Subnet, ...] = ()
        self._answers: Answers = {}
        self._bad: Mapping[Cell, Finding | None] = {}
        self._labels: tuple[str, ...] = ()
        self._head_width, self._cell = 4, WORDS
        self._wanted: Zoom | None = None
        self.zoom, self._share = Zoom.WORDS, 1

    # ---- what is shown ----

    def show_matrix(self, view: View, empty: tuple[Line, ...]) -> None:
        """Show another view, as closely as asked for; else as near as lets all columns be in sight."""
        if view.findings is not self._view.findings or view.mesh is not self._view.mesh:
            self._answers = answers(view)  # probes join the findings
            self._bad = bad_cells(view, self._answers)
        old = [self._view, self.all_rows]
        self._view, self._subnets, self._hosts = view, subnets_of(view.mesh), tuple(view.fabric.hosts)
        self._choose()
        self.show(self._made(), empty)
        cast("Shell", self.app).releaser.take(old.pop(), old.pop())

    def let_go(self) -> None:
        """Hold no picture while nobody sees it: of a great fabric each is dear, and there are newer ones."""
        old = [self._view, self.all_rows]
        self._view, self.all_rows, self.rows = View(), (), ()
        cast("Shell", self.app).releaser.take(old.pop(), old.pop())

    def _made(self) -> MatrixRows | GroupRows:
        if self.zoom is Zoom.GROUPS:
            return GroupRows(self._view, self._share, self._bad)
        return MatrixRows(self._view, self.zoom is Zoom.GLYPHS, self._answers)

    def _choose(self) -> None:
        """Lay out for the width that there is."""
        widest = max([WORDS, *(len(str(subnet.prefix)) for subnet in self._subnets)])
        names = max((len(name) for name in self._hosts), default=0)
        room = self.scrollable_content_region.width - min(NAME, max(4, names)) - 1
        zoom = fitting(len(self._subnets), widest, room) if self._wanted is None else self._wanted
        size = group_size(len(self._subnets), room) if zoom is Zoom.GROUPS else 1
        self._move_to_zoom(zoom, size)
        self._head_width = NAME if zoom is Zoom.GROUPS else min(NAME, max(4, names))
        self._cell = {Zoom.WORDS: widest, Zoom.GLYPHS: GLYPH, Zoom.GROUPS: GROUP}[zoom]
        self._labels = labels(self._view, zoom, size)
        self.columns = (Column("HOST", self._head_width), *(Column(label, self._cell) for label in self._labels))
        self.column = max(0, min(self.column, len(self._labels) - 1))

    def _move_to_zoom(self, zoom: Zoom, size: int) -> None:
        """Keep the cursor where it is in the mesh."""
        if (zoom, size) == (self.zoom, self._share):
            return
        row, column = self.cursor * self._share // size, self.column * self._share // size
        self.zoom, self._share = zoom, size
        self._strips.clear()
        if self.rows:
            self.rows = self.all_rows = self._made()
            self.cursor = self._selectable(row)
        self.column = column

    def action_zoom(self) -> None:
        """Look from further away; from the furthest, in words again."""
        self.zoom_to(Zoom((self.zoom + 1) % len(Zoom)))

    def zoom_to(self, zoom: Zoom) -> None:
        """Look this closely from now on."""
        self._wanted = zoom
        if self._subnets:
            self.show_matrix(self._view, self.empty)
            self.call_after_refresh(self._reveal_cell)  # when there is room for all of it

    # ---- the cell under the cursor ----

    @property
    def subnet(self) -> Subnet | None:
        """The subnet under the cursor; of a group the first."""
        place = self.column * self._share
        return self._subnets[place] if place < len(self._subnets) else None

    @property
    def finding(self) -> Finding | None:
        """The finding under the cursor; of a group the first."""
        return next((found for key in self._here() if (found := self._bad.get(key))), None)

    def _here(self) -> list[Cell]:
        """Return the hosts and subnets of the cell under the cursor."""
        top, left = self.cursor * self._share, self.column * self._share
        subnets = self._subnets[left : left + self._share]
        return [(host, subnet.prefix) for host in self._hosts[top : top + self._share] for subnet in subnets]

    @property
    def told(self) -> str:
        """What the cells tell of, for a title; and where the cursor is, where glyphs or groups do not tell it."""
        if not self._here():
            return ""
        return " · ".join(filter(None, ("routes and probes" if self._answers else "routes", self._place())))

    def _place(self) -> str:
        here = self._here()
        if self.zoom is Zoom.WORDS:
            return ""
        (host, first), (last, until) = here[0], here[-1]
        found = sum(key in self._bad for key in here)
        if self.zoom is Zoom.GLYPHS:
            return f"{host} to {first}{': wrong' if found else ''}"
        many = f"{host}…{last} to {first}…{until}"
        return f"{many}: {found} wrong, z shows them" if found else many

    def go_to_bad(self, by: int) -> bool:
        """Put the cursor on the next cell that has a finding, or the one before; tell whether there is any."""
        rows = {name: place // self._share for place, name in enumerate(self._hosts)}
        columns = {subnet.prefix: place // self._share for place, subnet in enumerate(self._subnets)}
        cells = sorted({(rows[host], columns[subnet]) for host, subnet in self._bad})
        if not cells:
            return False
        here = self.cursor, self.column
        further = [c for c in cells if c > here] if by > 0 else [c for c in reversed(cells) if c < here]
        self.cursor, self.column = (further or (cells if by > 0 else cells[::-1]))[0]
        return True

    def enter_group(self) -> bool:
        """Zoom into the group under the cursor, to what is wrong there; tell whether it was one."""
        if self.zoom is not Zoom.GROUPS or not (here := self._here()):
            return False
        host, subnet = next((key for key in here if key in self._bad), here[0])
        self.zoom_to(Zoom.WORDS)
        self.cursor = self._hosts.index(host)
        self.column = next(i for i, each in enumerate(self._subnets) if each.prefix == subnet)
        return True

    # ---- moving ----

    @property
    def _head(self) -> int:
        return 1 if self.rows else 0

    def _selectable(self, index: int, step: int = 1) -> int:
        return max(0, min(index, len(self.rows) - 1))

    def _measure(self) -> None:
        if not self.rows:
            super()._measure()
            return
        width = self._head_width + 1 + len(self._labels) * (self._cell + 1)
        size = Size(max(width, self.scrollable_content_region.width), len(self.rows) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh(layout=True)

    def on_resize(self) -> None:
        """Choose anew what fits."""
        if self._subnets and self._wanted is None:
            self.show_matrix(self._view, self.empty)
        super().on_resize()

    def _reveal_cell(self) -> None:
        self._reveal()
        self.watch_column()

    def action_column(self, by: int) -> None:
        """Move the cursor sideways."""
        self.column = max(0, min(self.column + by, len(self._labels) - 1))

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
        if at and at.x > self._head_width and self._labels:
            place = (at.x - self._head_width - 1 + int(self.scroll_offset.x)) // (self._cell + 1)
            self.column = max(0, min(place, len(self._labels) - 1))
        super().on_click(event)

    # ---- painting ----

    def _in_sight(self, width: int) -> range:
        """Return the columns of which something can be seen."""
        left = int(self.scroll_offset.x)
        first = left // (self._cell + 1)
        return range(first, min(len(self._labels), (left + width) // (self._cell + 1) + 1))

    def _header(self, width: int) -> Strip:
        style, step = self._base + self._styles["header"], self._cell + 1
        text = ""
        for place in self._in_sight(width):
            text = f"{text:<{(place - self._in_sight(width).start) * step}}"
            text += self._labels[place][: self._cell if self.zoom is Zoom.WORDS else None]
        filled = Segment(f"{text:<{len(self._in_sight(width)) * step}}", style)
        return self._joined(Segment(" " * (self._head_width + 1), style), [filled], width, style)

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
        head = Segment("".join(part.text for part in name) + " ", base + self._styles["name"])
        return self._joined(head, cells, width, base)

    def _joined(self, head: Segment, cells: list[Segment], width: int, style: Style) -> Strip:
        left = int(self.scroll_offset.x) % (self._cell + 1)
        room = max(0, width - self._head_width - 1)
        moved = Strip(cells).crop(left, left + room)
        return Strip.join([Strip([head]), moved]).adjust_cell_length(width, style)
