"""One packet at two taps, as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hostgw.capture.difference import FieldRow
from hostgw_tui.look import Line, Part, Row, Tone, cell, line
from hostgw_tui.widgets.layout import Column

SAME = "move to another tap: it is compared with the marked one; space on that ends it"


def diff_columns(first: str, second: str) -> tuple[Column, ...]:
    """Return the columns, headed by the names of the taps."""
    return (Column("", 1), Column("FIELD", 16), Column(first, most=38), Column(second, grow=True))


def diff_rows(fields: Iterable[FieldRow], *, same: bool) -> list[Row]:
    """Return the rows: what differs has a mark; `same` when both taps are one."""
    if same:
        return [Row("same", (cell(SAME, Tone.NOTE),), span=True)]
    return [_row(field) for field in fields]


def _row(field: FieldRow) -> Row:
    if field.note:
        told: Line = line(Part(f"  {field.name:<16} ", Tone.DIM), Part(field.note, Tone.STRONG))
        return Row(field.name, (told,), span=True)
    tone = Tone.WARN if field.differs else Tone.DIM
    mark = cell("≠" if field.differs else "", Tone.WARN)
    name = cell(field.name, Tone.STRONG if field.differs else Tone.DIM)
    return Row(field.name, (mark, name, cell(field.first, tone), cell(field.second, tone)))
