"""In which order a table's rows stand, and which of its columns are shown: what the person at the screen chose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hostgw_tui.look import LazyRows, Row, plain
from hostgw_tui.widgets.layout import Column

NEVER = 1 << 30
"""No terminal is as wide: a column above this is hidden."""
_UNITS = {
    "": 1,
    "B": 1,
    "k": 1e3,
    "K": 2**10,
    "M": 2**20,
    "G": 2**30,
    "T": 2**40,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(" + "|".join(sorted(filter(None, _UNITS), key=len, reverse=True)) + r")?")
_NUMBER = re.compile(r"(\d+)")
_GLYPH = re.compile(r"^[^\w(/.:-]+\s+")

Key = tuple[int, float, tuple[tuple[int, int, str], ...]]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A column by which rows are sorted (-1: as they come), and columns that are left out, all by index."""

    by: int = -1
    descending: bool = False
    hidden: frozenset[int] = frozenset()

    def sorted_by(self, column: int) -> Arrangement:
        """Return the next order by a column: upwards, downwards, then as rows come."""
        if column != self.by:
            return replace(self, by=column, descending=False)
        return replace(self, descending=True) if not self.descending else replace(self, by=-1, descending=False)

    def toggled(self, column: int, columns: int) -> Arrangement:
        """Return this with a column shown or hidden; one of `columns` always stays."""
        hidden = self.hidden ^ {column}
        return replace(self, hidden=hidden) if len(hidden) < columns else self

    def columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Return columns as they are shown: hidden ones so that no width shows them, the order's with a mark."""
        return tuple(self._column(index, column) for index, column in enumerate(columns))

    def _column(self, index: int, column: Column) -> Column:
        if index in self.hidden:
            return replace(column, above=NEVER)
        if index != self.by:
            return column
        label = f"{column.label}{'▼' if self.descending else '▲'}"
        return replace(column, label=label, width=max(column.width, len(label)) if column.width else 0)

    def rows(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return rows in order, those below a heading below it; rows that are made on demand stay as they are."""
        if self.by < 0 or isinstance(rows, LazyRows):
            return rows
        return [row for part in _parts(rows) for row in self._sorted(part)]

    def _sorted(self, rows: list[Row]) -> list[Row]:
        head, rest = (rows[:1], rows[1:]) if rows and rows[0].span else ([], rows)
        return head + sorted(rest, key=lambda row: sort_key(_cell(row, self.by)), reverse=self.descending)


def _cell(row: Row, column: int) -> str:
    return plain(row.cells[column]) if column < len(row.cells) else ""


def _parts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield rows from one heading to the next."""
    part: list[Row] = []
    for row in rows:
        if row.span and part:
            yield part
            part = []
        part.append(row)
    yield part


def sort_key(text: str) -> Key:
    """Return what a cell is sorted by: amounts by size, other text with its numbers as numbers, so vm2 before vm10."""
    text = _GLYPH.sub("", text.strip())
    if text == "now":
        return 0, 0.0, ()
    if amount := _AMOUNT.fullmatch(text):
        return 0, float(amount[1]) * _UNITS[amount[2] or ""], ()
    words = (part for part in _NUMBER.split(text.lower()) if part)
    return 1, 0.0, tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in words)
