"""A document as Markdown (CommonMark with tables); what stands in it cannot become markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hostgw.clean import clean
from hostgw.report.document import Block, Commands, Heading, Paragraph, Points, Table

LONGEST = 2000
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(blocks: Iterable[Block]) -> str:
    """Return the document as text."""
    return "\n\n".join("\n".join(_WRITERS[type(block)](block)) for block in blocks) + "\n"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", clean(text, LONGEST))


def _heading(block: Heading) -> Iterator[str]:
    yield f"{'#' * block.level} {_plain(block.text)}"


def _paragraph(block: Paragraph) -> Iterator[str]:
    yield _plain(block.text)


def _points(block: Points) -> Iterator[str]:
    yield from (f"- {_plain(line)}" for line in block.lines)


def _table(block: Table) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain, block.columns))} |"
    yield f"|{'---|' * len(block.columns)}"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in block.rows)


def _commands(block: Commands) -> Iterator[str]:
    lines = [clean(line, LONGEST) for line in block.lines]
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    yield f"{fence}console"
    yield from lines
    yield fence


_WRITERS: dict[type, Callable[[Any], Iterator[str]]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Points: _points,
    Table: _table,
    Commands: _commands,
}
