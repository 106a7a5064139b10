"""A document as one HTML file: no script, nothing fetched; what stands in it cannot become markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from hostgw.clean import clean
from hostgw.report.document import Block, Commands, Heading, Paragraph, Points, Table

LONGEST = 2000
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #1b2a33; }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #b8c4cc }
h3 { font-size: 1em; margin: 1.6em 0 .2em } p { margin: .3em 0 } ul { margin: .3em 0 }
table { border-collapse: collapse; font-size: .93em } th, td { text-align: left; padding: .2em .9em .2em 0 }
th { color: #55656f; font-weight: 600 } tr + tr td { border-top: 1px solid #dfe6ea }
pre { background: #14232c; color: #e6eef2; padding: .7em 1em; overflow-x: auto; border-radius: 4px }
@media (prefers-color-scheme: dark) {
  body { background: #10191f; color: #dbe5ea } h2, tr + tr td { border-color: #33434d }
}
""".strip()


def html(blocks: Iterable[Block], title: str) -> str:
    """Return the document as a page."""
    body = "\n".join(_WRITERS[type(block)](block) for block in blocks)
    head = f'<meta charset="utf-8"><title>{_plain(title)}</title>\n<style>\n{STYLE}\n</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _plain(text: str) -> str:
    return escape(clean(text, LONGEST))


def _heading(block: Heading) -> str:
    return f"<h{block.level}>{_plain(block.text)}</h{block.level}>"


def _paragraph(block: Paragraph) -> str:
    return f"<p>{_plain(block.text)}</p>"


def _points(block: Points) -> str:
    return "<ul>\n" + "\n".join(f"<li>{_plain(line)}</li>" for line in block.lines) + "\n</ul>"


def _table(block: Table) -> str:
    head = "".join(f"<th>{_plain(column)}</th>" for column in block.columns)
    rows = "\n".join(f"<tr>{''.join(f'<td>{_plain(cell)}</td>' for cell in row)}</tr>" for row in block.rows)
    return f"<table>\n<tr>{head}</tr>\n{rows}\n</table>"


def _commands(block: Commands) -> str:
    return "<pre>" + "\n".join(map(_plain, block.lines)) + "</pre>"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Points: _points,
    Table: _table,
    Commands: _commands,
}
