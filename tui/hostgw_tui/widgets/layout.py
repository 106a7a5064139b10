"""Widths of columns, cutting and wrapping of lines: pure, measured in terminal cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from hostgw_tui.look import Line, Part, Row, Tone, plain

MEASURED = 1000
"""Rows whose cells are measured for the width of a column."""
LEAST_GROWN = 8
"""Cells that a growing column gets; for it, columns that may be left out are, from the right."""
LEAST = 10
"""Cells below which nothing is wrapped."""
_WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    label: str
    width: int = 0
    """Cells; 0 takes what the content needs."""
    most: int = 40
    grow: bool = False
    """It takes what the others leave."""
    right: bool = False
    above: int = 0
    """Shown only in a table wider than this."""
    copied: bool = False
    """`y` copies its cell; of a table without such a column, the whole row."""


def measure(columns: Sequence[Column], rows: Sequence[Row], width: int) -> tuple[int, ...]:
    """Return the width of each column in a table of `width` cells; 0 for one that is left out."""
    open_ended = any(not (column.width or column.grow) for column in columns)
    sample = [row for i in range(min(len(rows), MEASURED)) if not (row := rows[i]).span] if open_ended else []
    widths = [
        0 if width <= column.above else column.width or (0 if column.grow else _needed(column, index, sample))
        for index, column in enumerate(columns)
    ]
    growing = [index for index, column in enumerate(columns) if column.grow and width > column.above]
    if growing:
        spare = [i for i, column in enumerate(columns) if column.above and widths[i]]
        while (share := _left(widths, growing, width)) < LEAST_GROWN and spare:
            widths[spare.pop()] = 0
        for index in growing:
            widths[index] = max(LEAST_GROWN, share)
    return tuple(widths)


def _left(widths: Sequence[int], growing: Sequence[int], width: int) -> int:
    """Return what each growing column gets when the others, and the blanks between all, have theirs."""
    taken = sum(w for i, w in enumerate(widths) if i not in growing)
    blanks = sum(1 for i, w in enumerate(widths) if w or i in growing) - 1
    return (width - taken - blanks) // len(growing)


def clipped(widths: Sequence[int], width: int) -> tuple[int, ...]:
    """Return widths of which the last is what `width` leaves of it, and those behind are 0."""
    found, used = [], 0
    for wanted in widths:
        found.append(max(0, min(wanted, width - used)))
        used += wanted + 1 if wanted else 0
    return tuple(found)


def _needed(column: Column, index: int, rows: Iterable[Row]) -> int:
    content = max((cells_of(row.cells[index]) for row in rows if index < len(row.cells)), default=0)
    return min(column.most, max(cell_len(column.label), content))


@lru_cache(4096)
def cells_of(parts: Line) -> int:
    """Return how many cells of a terminal a line takes."""
    return cell_len(plain(parts))


def fitted(parts: Line, width: int, right: bool = False) -> Line:
    """Return a line cut (with `…`) or filled to exactly `width` cells."""
    length = sum(cell_len(part.text) for part in parts)
    if length <= width:
        return _filled(parts, " " * (width - length), right)
    kept: list[Part] = []
    room = width - 1
    for part in parts:
        size = cell_len(part.text)
        if size > room:
            kept.append(Part(set_cell_size(part.text, room), part.tone))
            break
        kept.append(part)
        room -= size
    return (*kept, Part("…", Tone.DIM)) if width else ()


def _filled(parts: Line, blanks: str, right: bool) -> Line:
    """Return a line with blanks in front or behind, as few parts as there were."""
    if not parts:
        return (Part(blanks),)
    if right:
        return (Part(blanks + parts[0].text, parts[0].tone), *parts[1:])
    return (*parts[:-1], Part(parts[-1].text + blanks, parts[-1].tone))


def wrapped(lines: Iterable[Line], width: int) -> list[Line]:
    """Return lines wrapped to `width` between words; what goes on hangs behind a label, or behind the indent."""
    found: list[Line] = []
    for parts in lines:
        fits = sum(cell_len(part.text) for part in parts) <= width
        found += [parts] if fits or width < LEAST else _wrap(parts, width)
    return found


def _wrap(parts: Line, width: int) -> list[Line]:
    indent = min(_indent(parts), width // 2)
    found: list[list[Part]] = [[]]
    used, start = 0, 0
    for word, tone in _words(parts):
        if word.isspace() and used == start and len(found) > 1:
            continue
        if used + cell_len(word) > width and used > start:
            if word.isspace():
                continue
            found.append([Part(" " * indent)])
            used = start = indent
        while used + cell_len(word) > width:  # longer than a whole line
            found[-1].append(Part(word[: width - used], tone))
            word = word[width - used :]
            found.append([Part(" " * indent)])
            used = start = indent
        found[-1].append(Part(word, tone))
        used += cell_len(word)
    return [tuple(line) for line in found]


def _words(parts: Line) -> Iterable[Part]:
    for part in parts:
        for word in _WORDS.findall(part.text):
            yield Part(word, part.tone)


def _indent(parts: Line) -> int:
    """Return where a line that goes on starts: behind a label (a first dim part), else two more than its indent."""
    first = parts[0]
    if first.tone in (Tone.DIM, Tone.KEY) and len(parts) > 1:
        return cell_len(first.text)
    text = plain(parts)
    if len(parts) == 1 and not text.startswith(" "):
        return 0
    return len(text) - len(text.lstrip()) + 2
