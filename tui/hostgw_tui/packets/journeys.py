"""The live list: journeys of a capture, made into rows when they come in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from hostgw.capture.correlate import CAPACITY
from hostgw.capture.journey_rows import list_row
from hostgw.capture.taps import Capture
from hostgw_tui.look import LazyRows, Line, Row, cell
from hostgw_tui.packets.rows import journey_row
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column, measure, wrapped

MEASURED, LEAST_INFO = 40, 8
SCANNED_AT_ONCE = 2_000
"""Journeys that one repaint reads through for a filter."""


class JourneyRows(LazyRows):
    """Numbers of journeys; a row is read from the capture when it is asked for."""

    def __init__(self, capture: Capture, numbers: Sequence[int], taps: Sequence[int], began_ns: int) -> None:
        self._capture, self._numbers, self._taps, self._began_ns = capture, numbers, taps, began_ns

    def __len__(self) -> int:
        return len(self._numbers)

    def row(self, index: int) -> Row:
        """Return the row of a journey; one that left the ring says so."""
        number = self._numbers[index]
        view = self._capture.journey(number)
        if view is None:
            return Row(str(number), (cell(""), cell("(no longer kept)"), *((),) * 6), dim=True)
        capture = self._capture
        listed = list_row(view, self._taps, capture.info(view), capture.verdict(view), capture.point(view.last.tap))
        return journey_row(listed, self._began_ns, view.request)

    def index_of(self, key: str) -> int | None:
        """Return the place of a journey; the oldest when it has left the ring."""
        number = int(key)
        if isinstance(self._numbers, range):
            return max(0, number - self._numbers.start) if self._numbers and number < self._numbers.stop else None
        return self._numbers.index(number) if number in self._numbers else None


class Sieve:
    """Numbers of the journeys that match a filter, found a part at a time."""

    def __init__(self) -> None:
        self._needle = ""
        self._found: list[int] = []
        self._next = 1

    def numbers(self, capture: Capture, total: int, needle: str) -> Sequence[int]:
        """Return the journeys that are kept and match; all of them without a filter."""
        first = max(1, total - CAPACITY + 1)
        if not needle:
            return range(first, total + 1)
        if needle != self._needle:
            self._needle, self._found, self._next = needle, [], first
        self._next = max(self._next, first)
        end = min(total + 1, self._next + SCANNED_AT_ONCE)
        wanted, inverse = needle.removeprefix("!").lower(), needle.startswith("!")
        rows = JourneyRows(capture, range(self._next, end), (), 0)
        self._found += [int(row.key) for row in rows if (wanted in Grid.text_of(row).lower()) != inverse]
        self._next = end
        return [number for number in self._found if number >= first]


class JourneyGrid(Grid):
    """Follows the newest packet until the cursor is moved up; `G` follows again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("end,G", "end(1)", "Newest", show=False)]

    class Followed(Message):
        """Following began or ended."""

    def __init__(self, columns: Sequence[Column], *, id: str, title: str) -> None:  # noqa: A002
        super().__init__(columns, id=id, title=title)
        self.follow = True
        self._measured_for = 0

    def show_newest(self, rows: Sequence[Row], empty: Sequence[Line]) -> None:
        """Show other rows; when following, with the cursor on the newest."""
        self.show(rows, empty)
        if self.follow and len(rows):
            self.cursor = len(rows) - 1

    def _measure(self) -> None:
        """Measure the newest rows only; a column that grew stays so, for a stream must not jitter."""
        region = self.scrollable_content_region
        newest = [self.rows[i] for i in range(max(0, len(self.rows) - MEASURED), len(self.rows))]
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
