"""Painting of a table: only lines in sight are made, and a line that is made is kept while its row stays equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from hostgw_tui.look import Line, Part, Row, Tone, line
from hostgw_tui.output import Gate
from hostgw_tui.widgets.arrangement import Arrangement
from hostgw_tui.widgets.layout import Column, cells_of, clipped, fitted, measure, wrapped

if TYPE_CHECKING:
    from hostgw_tui.shell import Shell

KEPT = 128
"""Painted lines that are kept: those in sight of a tall terminal, and some more."""


class GridPainter(ScrollView):
    """Columns and rows as strips; `Grid` adds the data's coming and going, the cursor and the keys."""

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
        self.border_title = Content(title)
        self.arrangement = Arrangement()
        """Order and columns that the person chose."""
        self._widths: tuple[int, ...] = ()
        self._strips: LRUCache[object, Strip] = LRUCache(KEPT)
        self._styles: Mapping[str, Style] = {}
        self._tones: dict[tuple[Tone, str], Style] = {}
        self._gate = Gate(())
        self._base, self._width = Style(), 0

    @property
    def _head(self) -> int:
        if self.heads and self.rows:
            return len(self.heads)
        return 1 if self.rows and any(column.label for column in self.columns) else 0

    def _measure(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        self._widths = measure(self.arrangement.columns(self.columns), self.rows, width)
        lines = len(self.rows) + self._head if self.rows else len(wrapped(self._nothing(), width))
        self._extend(Size(width, max(1, lines)))

    def _extend(self, size: Size) -> None:
        """Take another size of the content; the screen is laid out anew only when more than the scrollbar changes."""
        before, height = self.virtual_size, self.container_size.height
        if size == before:
            return
        if self.styles.is_auto_height or size.width != before.width or not height < min(size.height, before.height):
            self.virtual_size = size
            self.refresh(layout=True)
        else:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    @property
    def extent(self) -> str:
        """Which rows are in sight, as ``3-4 of 8``; empty when all of them are."""
        height, total = self.scrollable_content_region.height - self._head, len(self.rows)
        first = int(self.scroll_offset.y)
        return f"{first + 1}-{min(total, first + height)} of {total}" if 0 < height < total else ""

    @property
    def sifted(self) -> str:
        """How many rows a filter left; empty without one."""
        return ""

    def _nothing(self) -> Sequence[Line]:
        """Return what is said when there are no rows to show."""
        return self.empty

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of the widget.

        Its own style, which is dear, is asked for once. A line fills the width and has its background, so between the
        borders nothing is left for Textual's styling but the filters; live captures need that time.
        """
        self._prepare()
        above = max(0, self.styles.gutter.top - crop.y)
        if crop.x or crop.width != self.size.width or self._is_framed:
            return super().render_lines(crop)
        border = super().render_lines(crop.shrink((0, 0, crop.height - above, 0))) if above else []
        lines, first = range(crop.y + above, crop.bottom), self.styles.gutter.top
        _, background = self.background_colors
        return border + [self.render_line(y - first).apply_filter(self._gate, background) for y in lines]

    def _prepare(self) -> None:
        base, width = self.rich_style, self.scrollable_content_region.width
        styles = cast("Shell", self.app).table_styles
        if base != self._base or styles is not self._styles:
            self._styles = styles
            self._strips.clear()
            self._tones.clear()
        filters = tuple(self.app.get_line_filters())
        if filters != self._gate.filters:
            self._gate = Gate(filters)
        self._base, self._width = base, width

    @property
    def _is_framed(self) -> bool:
        gutter = self.styles.gutter
        return bool(gutter.left or gutter.right or gutter.bottom)

    def render_line(self, y: int) -> Strip:
        """Return one line of the visible part."""
        width, base = self._width, self._base
        if not self.rows:
            lines = wrapped(self._nothing(), width)
            segments = [self._segment(p, "") for p in lines[y]] if y < len(lines) else []
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
        return Strip([self._segment(part, "") for part in parts]).adjust_cell_length(width, self._base)

    def _header(self, width: int) -> Strip:
        widths = clipped(self._widths, width)
        columns = self.arrangement.columns(self.columns)
        cells = [fitted((Part(c.label),), w, c.right) for c, w in zip(columns, widths)]
        style = self._base + self._styles["header"]
        text = " ".join("".join(part.text for part in cell) for cell, w in zip(cells, widths) if w)
        told = line(Part(self.sifted, Tone.NOTE)) if self.sifted else ()
        told = fitted(told, min(cells_of(told), width)) if told else ()
        labels = Strip([Segment(text, style)]).adjust_cell_length(width - cells_of(told), style)
        return Strip([*labels, *(self._segment(part, "") for part in told)], width)

    def _row(self, row: Row, mark: str, width: int) -> Strip:
        key = (row, mark, width, self._widths)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(row, mark, width)
        return strip

    def _paint(self, row: Row, mark: str, width: int) -> Strip:
        if row.span:
            return Strip([self._segment(part, "") for part in fitted(row.cells[0], width)], width)
        segments: list[Segment] = []
        used = 0
        for column, size, cell in zip(self.columns, clipped(self._widths, width), row.cells):
            if size:
                segments += [self._segment(part, mark, row.dim) for part in fitted(cell, size, column.right)]
                text, style, _ = segments[-1]
                segments[-1] = Segment(f"{text} ", style)
                used += size + 1
        return Strip(segments, used).adjust_cell_length(width, self._toned(Tone.PLAIN, mark))

    def _segment(self, part: Part, mark: str, dim: bool = False) -> Segment:
        tone = Tone.DIM if dim and part.tone in (Tone.PLAIN, Tone.NAME, Tone.OK) else part.tone
        return Segment(part.text, self._toned(tone, mark))

    def _toned(self, tone: Tone, mark: str) -> Style:
        """Return the style of a tone, under the cursor or not."""
        style = self._tones.get((tone, mark))
        if style is None:
            base = self._base + self._styles[mark] if mark else self._base
            style = self._tones[tone, mark] = base + self._styles[tone.value]
        return style
