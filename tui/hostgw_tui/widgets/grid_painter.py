"""Painting of a table: only lines in sight are made, and a line that is made is kept while its row stays equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hostgw_tui.look import Line, Part, Row, Tone
from hostgw_tui.widgets.layout import Column, clipped, fitted, measure, wrapped


class GridPainter(ScrollView):
    """Columns and rows as strips; `Grid` adds the data's coming and going, the cursor and the keys."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"grid--{tone.value}" for tone in Tone} | {
        "grid--header",
        "grid--cursor",
        "grid--cursor-idle",
    }
    cursor = reactive(0, repaint=False)
    """Index of the row under the cursor, among those shown."""

    def __init__(self, columns: Sequence[Column], id: str | None, title: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.rows: Sequence[Row] = ()
        """The rows that are shown."""
        self.heads: tuple[Line, ...] = ()
        """Lines above the rows, in place of the columns' labels; they stay while the rows scroll."""
        self.empty: tuple[Line, ...] = ()
        """What is said when there are none."""
        self.border_title = title
        self._widths: tuple[int, ...] = ()
        self._strips: LRUCache[object, Strip] = LRUCache(512)
        self._styles: dict[str, Style] = {}

    @property
    def _head(self) -> int:
        if self.heads and self.rows:
            return len(self.heads)
        return 1 if self.rows and any(column.label for column in self.columns) else 0

    def _measure(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        self._widths = measure(self.columns, self.rows, width)
        lines = len(self.rows) + self._head if self.rows else len(wrapped(self._nothing(), width))
        size = Size(width, max(1, lines))
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh(layout=True)

    @property
    def extent(self) -> str:
        """Which rows are in sight, as ``3-4 of 8``; empty when all of them are."""
        height, total = self.scrollable_content_region.height - self._head, len(self.rows)
        first = int(self.scroll_offset.y)
        return f"{first + 1}-{min(total, first + height)} of {total}" if 0 < height < total else ""

    def _nothing(self) -> Sequence[Line]:
        """Return what is said when there are no rows to show."""
        return self.empty

    def notify_style_update(self) -> None:
        """Forget what was painted in other colours."""
        super().notify_style_update()
        self._strips.clear()
        self._styles.clear()

    def style(self, name: str) -> Style:
        """Return the style of a component."""
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"grid--{name}", partial=True)
        return self._styles[name]

    @property
    def base(self) -> Style:
        """The style of plain text; asked for with every line, and slow to work out."""
        if "" not in self._styles:
            self._styles[""] = self.rich_style
        return self._styles[""]

    def render_line(self, y: int) -> Strip:
        """Return one line of the visible part."""
        width = self.scrollable_content_region.width
        base = self.base
        if not self.rows:
            lines = wrapped(self._nothing(), width)
            segments = [self._segment(p, base) for p in lines[y]] if y < len(lines) else []
            return Strip(segments).adjust_cell_length(width, base)
        if y < self._head:
            return self._line(self.heads[y], width) if self.heads else self._header(width)
        index = y - self._head + int(self.scroll_offset.y)
        if index >= len(self.rows):
            return Strip.blank(width, base)
        return self._row(self.rows[index], self._mark(index), width)

    def _mark(self, index: int) -> str:
        if index != self.cursor:
            return ""
        return "cursor" if self.has_focus else "cursor-idle"

    def _line(self, parts: Line, width: int) -> Strip:
        return Strip([self._segment(part, self.base) for part in parts]).adjust_cell_length(width, self.base)

    def _header(self, width: int) -> Strip:
        widths = clipped(self._widths, width)
        cells = [fitted((Part(c.label),), w, c.right) for c, w in zip(self.columns, widths)]
        style = self.base + self.style("header")
        text = " ".join("".join(part.text for part in cell) for cell, w in zip(cells, widths) if w)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _row(self, row: Row, mark: str, width: int) -> Strip:
        key = (row, mark, width, self._widths)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(row, mark, width)
        return strip

    def _paint(self, row: Row, mark: str, width: int) -> Strip:
        base = self.base
        if mark and not row.span:
            base += self.style(mark)
        segments: list[Segment] = []
        if row.span:
            segments = [self._segment(part, base) for part in fitted(row.cells[0], width)]
        else:
            for column, size, cell in zip(self.columns, clipped(self._widths, width), row.cells):
                if size:
                    parts = fitted(cell, size, column.right)
                    segments += [self._segment(part, base, row.dim) for part in parts]
                    segments.append(Segment(" ", segments[-1].style))
        return Strip(segments).adjust_cell_length(width, base)

    def _segment(self, part: Part, base: Style, dim: bool = False) -> Segment:
        tone = Tone.DIM if dim and part.tone in (Tone.PLAIN, Tone.NAME, Tone.OK) else part.tone
        return Segment(part.text, base + self.style(tone.value))
