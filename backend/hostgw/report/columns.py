"""Rows as text, each column as wide as its widest cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence


def aligned(rows: Sequence[Sequence[str] | str], right: Collection[int] = (), indent: str = "  ") -> Iterator[str]:
    """Yield a line per row; numbers of columns in `right` are set to the right, a row that is a text stays as it is."""
    cells = [row for row in rows if not isinstance(row, str)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in rows:
        if isinstance(row, str):
            yield row
            continue
        placed = (
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield (indent + "  ".join(placed)).rstrip()
