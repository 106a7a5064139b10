"""What the catalogue says of a finding, in lines; notices of a host with their explanation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hostgw.checks.catalogue import CODES, ENTRIES
from hostgw.checks.catalogue.model import PLACEHOLDERS
from hostgw.model.finding import Finding
from hostgw_tui.look import Line, Part, Tone, cell, line

MANY = 3
"""Notices of one kind that are named one by one."""
_QUOTED = re.compile("(`[^`]*`)")


def explanation_lines(entry_id: str) -> Iterator[Line]:
    """Yield symptom, detection, fix and sources of an entry."""
    from hostgw.report.explain import fault_of  # not needed for the first picture
    from hostgw.report.explain_text import placeholders

    entry = ENTRIES[entry_id]
    yield from _labelled("symptom", entry.symptom)
    yield from _labelled("detected", entry.detect)
    yield from _labelled("beware", entry.beware, Tone.WARN)
    yield from _labelled("fix", entry.fix)
    words = placeholders(entry.detect, entry.fix)
    yield from _labelled("where", "; ".join(f"{word}: {PLACEHOLDERS[word]}" for word in words))
    if fault := fault_of(entry):
        yield from _labelled("try it", f"`hostgw-tui lab break {fault}` breaks a lab in this way")
    yield from _labelled("sources", entry.sources)


def explained(entry_id: str) -> Iterator[Line]:
    """Yield the explanation under a heading of its own."""
    yield ()
    yield cell(f"What {entry_id} is", Tone.STRONG)
    yield from explanation_lines(entry_id)


def notice_lines(notices: Iterable[Finding]) -> Iterator[Line]:
    """Yield what is worth knowing of a host: each kind once, with what it means."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for notice in notices:
        kinds.setdefault((notice.code, notice.entry), []).append(notice)
    for (code, entry_id), alike in kinds.items():
        yield ()
        yield line(Part("notice    ", Tone.DIM), Part(CODES[code].title, Tone.STRONG), Part(f" ({code})", Tone.DIM))
        for notice in alike[:MANY]:
            yield line(Part("        · ", Tone.DIM), notice.summary)
        if len(alike) > MANY:
            yield cell(f"        · and {len(alike) - MANY} more", Tone.DIM)
        yield from explanation_lines(entry_id)


def _labelled(label: str, text: str, tone: Tone = Tone.PLAIN) -> Iterator[Line]:
    """Yield a text behind its label, commands in it marked; nothing where there is no text."""
    if text:
        parts = [
            Part(piece.strip("`"), Tone.CODE if piece[0] == "`" else tone) for piece in _QUOTED.split(text) if piece
        ]
        yield line(Part(f"{label:<10}", Tone.DIM), *parts)
