"""A table that paints lines itself: rows are values, only visible ones are rendered, equal ones are not rendered again.

Textual's DataTable measures every cell on the event loop; this one takes a list of any length in no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from hostgw_tui.look import LazyRows, Line, Part, Row, Tone, cell, plain
from hostgw_tui.widgets.arrangement import Arrangement
from hostgw_tui.widgets.grid_painter import GridPainter
from hostgw_tui.widgets.layout import Column, fitted, measure

_PAGE_OVERLAP = 2


class Grid(GridPainter, can_focus=True):
    """A table with a row cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("home", "end(-1)", "First", show=False),
        Binding("g", "first", "First", show=False),
        Binding("end,G", "end(1)", "Last", show=False),
    ]
    needle = reactive("", repaint=False)
    """Only rows with this text are shown; ``!`` in front turns it round."""

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

        grid: Grid
        row: Row | None

        @property
        def control(self) -> Grid:
            """The grid."""
            return self.grid

    @dataclass
    class Chosen(Message):
        """Enter or a double click on a row."""

        grid: Grid
        row: Row

        @property
        def control(self) -> Grid:
            """The grid."""
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,  # noqa: A002
        title: str = "",
        sortable: bool = True,
    ) -> None:
        """Make a table; the order of the rows of one that is not `sortable` says something itself."""
        super().__init__(columns, id, title)
        self._sortable = sortable
        self.all_rows: Sequence[Row] = ()
        """The rows before the filter."""

    # ---- data ----

    def show(self, rows: Sequence[Row], empty: Sequence[Line] = ()) -> None:
        """Show other rows; the cursor stays on its key."""
        if rows == self.all_rows and tuple(empty) == self.empty:
            return
        self.empty = tuple(empty)
        self.all_rows = rows
        self._sift()

    def watch_needle(self) -> None:
        """Show only what matches."""
        self._sift()

    def _sift(self) -> None:
        key = row.key if (row := self.current) else None
        self.rows = self.arrangement.rows(self._matching() if self.needle else self.all_rows)
        self._measure()
        found = self.index_of(key) if key is not None else None
        self.cursor = self._selectable(self.cursor if found is None else found)
        self.refresh()

    @property
    def sifted(self) -> str:
        """How many rows a filter left, of how many; empty without one."""
        if not self.needle:
            return ""
        return f" {len(self.rows)} of {sum(not row.span for row in self.all_rows)} match {self.needle}"

    def _matching(self) -> Sequence[Row]:
        wanted, inverse = self.needle.removeprefix("!").lower(), self.needle.startswith("!")
        return [r for r in self.all_rows if not r.span and (wanted in self.text_of(r).lower()) != inverse]

    arrangeable = True
    """Its columns can be chosen."""

    @property
    def sortable(self) -> bool:
        """Its rows can be put in another order."""
        return self._sortable and not isinstance(self.all_rows, LazyRows)

    def rearrange(self, arrangement: Arrangement) -> None:
        """Show rows in another order, or other columns."""
        self.arrangement = arrangement
        self._strips.clear()
        self._sift()

    def _nothing(self) -> Sequence[Line]:
        if self.needle and self.all_rows:
            return (cell(f"No row matches {self.needle}", Tone.NOTE), cell("esc shows all rows again", Tone.DIM))
        return self.empty

    @staticmethod
    def text_of(row: Row) -> str:
        """Return a row as plain text, cells apart by two blanks."""
        return "  ".join(plain(cell) for cell in row.cells)

    def cell_text(self, row: Row) -> str:
        """Return what `y` copies: the cell that people paste, else the row."""
        cells = (plain(cell).strip() for cell, column in zip(row.cells, self.columns) if column.copied)
        return next(filter(None, cells), "") or self.copy_text(row)

    def copy_text(self, row: Row) -> str:
        """Return a row as one line."""
        return "  ".join(filter(None, (plain(cell).strip() for cell in row.cells)))

    def as_text(self) -> str:
        """Return title, header and all rows as text with aligned columns."""
        widths = measure(self.columns, self.rows, 0) if not self.rows else measure(self.columns, self.rows, 10_000)
        heads = ["".join(p.text for p in fitted((Part(c.label),), w, c.right)) for c, w in zip(self.columns, widths)]
        body = [self._text_line(row, widths) for row in self.rows] or [plain(parts) for parts in self.empty]
        title = f"# {self.border_title}" if self.border_title else ""
        return "\n".join(part.rstrip() for part in [title, *([" ".join(heads)] if self._head else []), *body] if part)

    def _text_line(self, row: Row, widths: tuple[int, ...]) -> str:
        if row.span:
            return plain(row.cells[0])
        cells = (fitted(cell, w, c.right) for c, w, cell in zip(self.columns, widths, row.cells))
        return " ".join(plain(cell) for cell in cells)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        if 0 <= self.cursor < len(self.rows):
            row = self.rows[self.cursor]
            return None if row.span else row
        return None

    def select(self, key: str) -> bool:
        """Put the cursor on a row; tell whether it is there."""
        found = self.index_of(key)
        if found is not None:
            self.cursor = found
        return found is not None

    def index_of(self, key: str) -> int | None:
        """Return the place of a row among those shown."""
        if isinstance(self.rows, LazyRows):
            return self.rows.index_of(key)
        return next((i for i, row in enumerate(self.rows) if row.key == key), None)

    # ---- cursor ----

    def _selectable(self, index: int, step: int = 1) -> int:
        """Return the nearest row that is no heading: in the direction of `step`, else the other way."""
        index = max(0, min(index, len(self.rows) - 1))
        for way in (step, -step):
            at = index
            while 0 <= at < len(self.rows):
                if not self.rows[at].span:
                    return at
                at += way
        return 0

    def watch_cursor(self, old: int, new: int) -> None:
        """Keep the cursor in sight and tell others."""
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    def _reveal(self) -> None:
        height = max(1, self.scrollable_content_region.height - self._head)
        top = int(self.scroll_offset.y)
        first = self.cursor
        while first and self.rows[first - 1].span:
            first -= 1
        target = min(first, top) if first < top else max(top, self.cursor - height + 1)
        if target != top:
            self.scroll_to(y=target, animate=False, immediate=True)

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.cursor = self._selectable(self.cursor + by, by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        page = max(1, self.scrollable_content_region.height - self._head - _PAGE_OVERLAP)
        self.cursor = self._selectable(self.cursor + by * page, by)

    def action_end(self, by: int) -> None:
        """Move the cursor to the first or last row."""
        self.cursor = self._selectable(0 if by < 0 else len(self.rows) - 1, -by)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.action_end(-1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the key to a recording, which goes to a time by it."""
        if action == "first" and getattr(self.app, "replay", None):
            return False
        return super().check_action(action, parameters)

    def choose(self) -> None:
        """Tell that the row under the cursor was chosen."""
        if row := self.current:
            self.post_message(self.Chosen(self, row))

    def on_click(self, event: events.Click) -> None:
        """Select by one click, choose by two; sort by a click on a column's label."""
        at = event.get_content_offset(self)
        index = at.y - self._head + int(self.scroll_offset.y) if at and at.y >= self._head else -1
        if at and self.sortable and at.y < self._head and not self.heads:
            self._sort_at(at.x)
        if 0 <= index < len(self.rows) and not self.rows[index].span:
            self.cursor = index
            if event.chain > 1:
                self.choose()

    def _sort_at(self, x: int) -> None:
        """Sort by the column whose label was clicked."""
        left = 0
        for index, width in enumerate(self._widths):
            if left <= x < left + width:
                self.rearrange(self.arrangement.sorted_by(index))
                return
            left += width + 1 if width else 0

    def on_resize(self) -> None:
        """Lay the columns out anew."""
        self._strips.clear()
        self._measure()
        self._reveal()
        self.refresh()

    def on_focus(self) -> None:
        """Repaint the cursor."""
        self._repaint_cursor()

    def on_blur(self) -> None:
        """Repaint the cursor."""
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        y = self.cursor - int(self.scroll_offset.y) + self._head
        self.refresh(Region(0, max(0, y), self.size.width, 1))
