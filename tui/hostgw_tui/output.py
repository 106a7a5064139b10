"""The last gate before the terminal: control characters go, and where asked everything becomes ASCII.

Text from hosts went through `hostgw.clean` long before. These filters see every line that is painted, also of widgets
that are not ours, so that one forgotten path still cannot move the cursor.
"""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_NOT_ASCII = re.compile("[^\x20-\x7e]")

_LOOKALIKES = {
    "_": "▁",
    "-": "–—─┄━═╸╺╴╶▂",
    "|": "│┃║▏▎▍▌▋▐▕▊",
    "+": "✓┌┐└┘├┤┬┴┼╭╮╰╯⊕±",
    "#": "■▉█▇▆▅▄▃▪",
    "x": "✗×⊗",
    "*": "●◆",
    "o": "◌○",
    ">": "→▶▸",
    "<": "←◀↩↶",
    "^": "↑▲▀▔",
    "v": "↓▼",
    "~": "≈⇄",
    "!": "≠",
    "0": "⊘",
    "%": "◐",
    "=": "≡",
    "@": "↻",
    ".": "·…",
    "u": "µ",
    "/": "╱",
}
ASCII_GLYPHS = {glyph: plain for plain, glyphs in _LOOKALIKES.items() for glyph in glyphs}


class ControlFilter(LineFilter):
    """Takes out what a terminal could obey. The characters have no width, so nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without control characters."""
        return [_without_controls(segment) for segment in segments]


class Gate(LineFilter):
    """Several filters as one: a line that is painted often is made anew once, not once for each."""

    def __init__(self, filters: tuple[LineFilter, ...]) -> None:
        super().__init__()
        self.filters = filters

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return what is left behind the last filter."""
        for each in self.filters:
            segments = each.apply(segments, background)
        return segments


def _without_controls(segment: Segment) -> Segment:
    text, style, control = segment
    if control or not _CONTROLS.search(text):
        return segment
    return Segment(_CONTROLS.sub(lambda m: " " * cell_len(m.group()), text), style, control)


class AsciiFilter(LineFilter):
    """Paints with ASCII only: known glyphs by a table, others as question marks of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [segment if segment.text.isascii() else _ascii(segment) for segment in segments]


def _ascii(segment: Segment) -> Segment:
    return Segment(ascii_text(segment.text), segment.style, segment.control)


def ascii_text(text: str) -> str:
    """Return text in ASCII, as wide as before."""
    return _NOT_ASCII.sub(lambda m: ASCII_GLYPHS.get(m.group()) or "?" * cell_len(m.group()), text)
