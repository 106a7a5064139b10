"""The live list as a widget: it follows the newest packet, and shows a list or lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from hostgw_tui.look import Line, Row
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column, measure, wrapped

MEASURED, LEAST_INFO = 40, 8
ONE_LINE = (Column("", grow=True),)
"""The columns of pictures: a row is one line."""


class OneLineGrid(Grid):
    """Lines of a picture that is drawn for a width."""

    class Resized(Message):
        """There is more or less room."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(ONE_LINE, id=id)

    def on_resize(self) -> None:
        """Tell it."""
        self.post_message(self.Resized())

    def _reveal(self) -> None:
        """Keep in sight also what is said below the row of the cursor."""
        super()._reveal()
        last = self.cursor
        while last + 1 < len(self.rows) and self.rows[last + 1].span:
            last += 1
        height = max(1, self.scrollable_content_region.height - self._head)
        if last >= int(self.scroll_offset.y) + height:
            self.scroll_to(y=min(self.cursor, last - height + 1), animate=False, immediate=True)


class JourneyGrid(Grid):
    """Follows the newest packet until the cursor is moved up; `G` follows again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("end,G", "end(1)", "Newest", show=False)]

    class Followed(Message):
        """Following began or ended."""

    class Resized(Message):
        """There is more or less room."""

    @property
    def sifted(self) -> str:
        """Nothing: the title counts packets."""
        return ""

    def __init__(self, columns: Sequence[Column], *, id: str, title: str) -> None:  # noqa: A002
        super().__init__(columns, id=id, title=title)
        self.follow = True
        self._measured_for = 0

    def dress(self, columns: Sequence[Column], heads: Sequence[Line] = ()) -> None:
        """Take other columns, and lines above them."""
        if (tuple(columns), tuple(heads)) != (self.columns, self.heads):
            self.columns, self.heads = tuple(columns), tuple(heads)
            self._widths = ()
            self.call_after_refresh(self._reveal)

    def show_newest(self, rows: Sequence[Row], empty: Sequence[Line]) -> None:
        """Show other rows; when following, with the cursor on the newest."""
        self.show(rows, empty)
        if self.follow and len(rows):
            self.cursor = len(rows) - 1
            self._reveal()  # behind a dialog nothing is laid out, so that the cursor may have gone out of sight

    def _measure(self) -> None:
        """Measure the newest rows only; a column that grew stays so, for a stream must not jitter."""
        region = self.scrollable_content_region
        sample = MEASURED if self.columns != ONE_LINE else 0
        newest = [self.rows[i] for i in range(max(0, len(self.rows) - sample), len(self.rows))]
        found = measure(self.columns, newest, region.width)
        if len(found) == len(self._widths) and region.width == self._measured_for:
            wider = tuple(max(a, b) for a, b in zip(found[:-1], self._widths))
            self._widths = (*wider, max(LEAST_INFO, region.width - sum(wider) - sum(1 for w in wider if w)))
        else:
            self._widths, self._measured_for = found, region.width
        lines = len(self.rows) + self._head if self.rows else len(wrapped(self._nothing(), region.width))
        self._extend(Size(region.width, max(1, lines)))

    def _matching(self) -> Sequence[Row]:
        return self.all_rows  # the sieve has done it

    def _selectable(self, index: int, step: int = 1) -> int:
        return max(0, min(index, len(self.rows) - 1))

    def on_resize(self) -> None:
        """Tell it: lanes are laid out for a width."""
        self.post_message(self.Resized())

    def action_move(self, by: int) -> None:
        """Move the cursor; upwards ends following."""
        self._lead(by)
        super().action_move(by)

    def action_page(self, by: int) -> None:
        """Move by pages; upwards ends following."""
        self._lead(by)
        super().action_page(by)

    def action_end(self, by: int) -> None:
        """Go to the oldest, or follow the newest."""
        self.follow = by > 0
        super().action_end(by)
        self.post_message(self.Followed())

    def _lead(self, by: int) -> None:
        follow = self.follow and by > 0
        if follow != self.follow:
            self.follow = follow
            self.post_message(self.Followed())
