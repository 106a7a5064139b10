"""From our lines to Textual's content: never markup, only styles by name."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from hostgw_tui.look import FLOWS, Line, Part, Tone

STYLES: dict[Tone, str] = {
    Tone.PLAIN: "",
    Tone.OK: "$ok",
    Tone.BAD: "bold $missing",
    Tone.WARN: "$caution",
    Tone.NOTE: "$note",
    Tone.DIM: "$muted",
    Tone.STRONG: "bold",
    Tone.NAME: "$named",
    Tone.CODE: "$code",
    Tone.TAB: "bold reverse",
    Tone.KEY: "bold $accent",
} | {tone: f"${tone.value}" for tone in FLOWS}


def content(lines: Iterable[Line]) -> Content:
    """Return lines as content."""
    return Content("\n").join(Content.assemble(*(_piece(part) for part in parts)) for parts in lines)


def _piece(part: Part) -> Content:
    return Content.styled(part.text, STYLES[part.tone]) if STYLES[part.tone] else Content(part.text)
