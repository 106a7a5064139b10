"""What screens are made of before any widget: parts of text with a tone, lines, rows, and the glyphs of verdicts.

Pure values: `rows.py` of every screen makes them, the widgets paint them, tests read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, overload

from hostgw.checks.standing import Standing
from hostgw.model.finding import Severity
from hostgw.model.host_state import HostState


class Tone(StrEnum):
    """What a piece of text means; the theme gives it a colour."""

    PLAIN = "plain"
    OK = "ok"
    BAD = "bad"
    WARN = "warn"
    NOTE = "note"
    DIM = "dim"
    STRONG = "strong"
    NAME = "name"
    CODE = "code"
    TAB = "tab"
    KEY = "key"
    FLOW_1 = "flow-1"
    FLOW_2 = "flow-2"
    FLOW_3 = "flow-3"
    FLOW_4 = "flow-4"
    FLOW_5 = "flow-5"
    FLOW_6 = "flow-6"


FLOWS = tuple(tone for tone in Tone if tone.value.startswith("flow-"))
"""Tones that mean nothing but which packets belong together."""


class Part(NamedTuple):
    """A piece of text with one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Part, ...]


class Row(NamedTuple):
    """A row of a table: `key` says which thing it stands for, and stays the same while the thing lasts."""

    key: str
    cells: tuple[Line, ...]
    span: bool = False
    """One cell over the whole width: a heading or a remark, which the cursor passes over."""
    dim: bool = False
    """Old or doubtful data."""


class LazyRows(Sequence[Row]):
    """Rows that are made when they come in sight. Subclasses give `__len__`, `row` and `index_of`."""

    def row(self, index: int) -> Row:
        """Return one row."""
        raise NotImplementedError

    def index_of(self, key: str) -> int | None:
        """Return the place of a row without making the others."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Return a row, or some."""
        if isinstance(index, slice):
            return [self._made(i) for i in range(*index.indices(len(self)))]
        return self._made(index if index >= 0 else len(self) + index)

    def _made(self, index: int) -> Row:
        """Return a row that is made once: it is measured before it is painted."""
        made: dict[int, Row] = self.__dict__.setdefault("_rows", {})
        if index not in made:
            made[index] = self.row(index)
        return made[index]


def line(*parts: str | Part) -> Line:
    """Return a line of parts; plain text has no tone."""
    return tuple(part if isinstance(part, Part) else Part(part) for part in parts)


def cell(text: object, tone: Tone = Tone.PLAIN) -> Line:
    """Return a cell of one part."""
    return (Part(str(text), tone),)


def heading(key: str, text: str, tone: Tone = Tone.STRONG) -> Row:
    """Return a row that heads those below it."""
    return Row(key, (cell(text, tone),), span=True)


def plain(parts: Iterable[Part]) -> str:
    """Return the text of a line without its tones."""
    return "".join(part.text for part in parts)


def lines_text(lines: Iterable[Line]) -> str:
    """Return lines as plain text."""
    return "\n".join(plain(parts).rstrip() for parts in lines)


class Sign(NamedTuple):
    """A verdict to look at: glyph, word and tone; each alone is enough to know it."""

    glyph: str
    word: str
    tone: Tone

    @property
    def cell(self) -> Line:
        """The verdict as a table cell."""
        return (Part(f"{self.glyph} {self.word}", self.tone),)


STANDINGS: dict[Standing, Sign] = {
    Standing.OWN: Sign("■", "own", Tone.DIM),
    Standing.OK: Sign("✓", "ok", Tone.OK),
    Standing.MISSING: Sign("✗", "missing", Tone.BAD),
    Standing.WRONG: Sign("≠", "wrong", Tone.BAD),
    Standing.OFF_SEGMENT: Sign("⊘", "off-segment", Tone.BAD),
    Standing.BLOCKED: Sign("⊗", "blocked", Tone.BAD),
    Standing.SHADOWED: Sign("◐", "shadowed", Tone.BAD),
    Standing.DUPLICATE: Sign("≡", "duplicate", Tone.BAD),
    Standing.LOOPED: Sign("↻", "looped", Tone.BAD),
    Standing.TUNNELLED: Sign("≈", "tunnelled", Tone.WARN),
    Standing.UNKNOWN: Sign("?", "unknown", Tone.DIM),
    Standing.NONE: Sign("·", "none", Tone.DIM),
}

ANSWERS: dict[str, Sign] = {
    "answered": Sign("✓", "answers", Tone.OK),
    "unanswered": Sign("✗", "no answer", Tone.BAD),
    "source-rewritten": Sign("▲", "rewritten", Tone.WARN),
    "detour": Sign("▲", "detour", Tone.WARN),
    "large-vanish": Sign("▲", "large lost", Tone.WARN),
    "partly-answered": Sign("▲", "some lost", Tone.WARN),
}
"""What came of probes over a route that is as it should be, by `hostgw.probing.verdict.Verdict`."""

SEVERITIES: dict[Severity, Sign] = {
    Severity.ERROR: Sign("✗", "error", Tone.BAD),
    Severity.WARNING: Sign("▲", "warning", Tone.WARN),
    Severity.NOTICE: Sign("·", "notice", Tone.NOTE),
}

_BAD_STATE = Tone.BAD
NOT_ROOT = Sign("◐", "not root", Tone.WARN)
STATES: dict[HostState, Sign] = {
    HostState.UP: Sign("●", "up", Tone.OK),
    HostState.CONNECTING: Sign("◌", "connecting", Tone.NOTE),
    HostState.STALE: Sign("~", "stale", Tone.WARN),
} | {state: Sign("✗", state.value, _BAD_STATE) for state in HostState if state not in ("up", "connecting", "stale")}
