"""`explain` as text: for a terminal of any width, and the parts that the dashboard shows too."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator

from hostgw.checks.catalogue import AREAS, CLASS_WORDS, CODES, ENTRIES, FixClass, Tested
from hostgw.checks.catalogue.model import PLACEHOLDERS
from hostgw.report.model import CodeReport, EntryReport, ExplainReport

_QUOTED = re.compile("`([^`]*)`")
_CAPITALS = re.compile("[A-Z][A-Z_]+")
_LABEL, _NAME, _LEVEL = 10, max(map(len, CODES)) + 1, 8
"""Widths: of labels in front of texts; of the first two columns of the list."""
_LEAST = 30
_TIE = "\xa0"
"""A space at which no line ends."""
DECIDED = {Tested.LAB: "tested", Tested.STATE: "tested", Tested.TOLD: "only told", Tested.REFUSED: "refused"}


def placeholders(*texts: str) -> tuple[str, ...]:
    """Return the words in capitals that stand for values in the commands of texts."""
    commands = " ".join(command for text in texts for command in _QUOTED.findall(text))
    return tuple(word for word in dict.fromkeys(_CAPITALS.findall(commands)) if word in PLACEHOLDERS)


def explain_text(report: ExplainReport, width: int) -> Iterator[str]:
    """Yield a report for people, wrapped to a width."""
    if not report.asked:
        yield from _list(report, width)
        return
    for code in report.codes:
        severity = ENTRIES[report.asked].severity if report.asked in ENTRIES else code.severity
        yield from textwrap.wrap(f"{code.name} · {severity.value} · {code.title}", max(_LEAST, width))
        yield ""
    for entry in report.entries:
        yield from _entry(entry, width)
        yield ""
    yield from _ending(report, width)


def _entry(entry: EntryReport, width: int) -> Iterator[str]:
    yield from _labelled(entry.id, entry.symptom, width)
    yield from _labelled("detected", entry.detect, width)
    yield from _labelled("beware", entry.beware, width)
    yield from _labelled("fix", entry.fix, width)
    if entry.code:
        yield from _labelled("by key", CLASS_WORDS[FixClass(entry.fix_class)], width)
    yield from _labelled(*decided(entry), width)
    yield from _labelled("sources", entry.sources, width)


def decided(entry: EntryReport) -> tuple[str, str]:
    """Return how an entry is decided, as a label and a text."""
    told = Tested(entry.tested)
    if told in (Tested.TOLD, Tested.REFUSED):
        return DECIDED[told], entry.reason
    if told is Tested.STATE:
        return DECIDED[told], "on recorded state, for a lab cannot hold it"
    where = f": hostgw-tui lab break {entry.lab_fault}" if entry.lab_fault else ""
    return DECIDED[told], f"on real hosts in the lab{where}"


def _ending(report: ExplainReport, width: int) -> Iterator[str]:
    """Yield what the words in capitals mean, and where else to look."""
    texts = [text for entry in report.entries for text in (entry.detect, entry.fix)]
    meanings = "; ".join(f"{word}: {PLACEHOLDERS[word]}" for word in placeholders(*texts))
    yield from _labelled("where", meanings, width)
    if len(report.entries) == 1 and report.entries[0].related:
        yield from _labelled("see also", ", ".join(report.entries[0].related), width)


def _list(report: ExplainReport, width: int) -> Iterator[str]:
    for area, entries in AREAS.items():
        mine = {entry.id for entry in entries}
        yield area.upper()
        for code in report.codes:
            if code.entries and code.entries[0] in mine:
                yield from _code(code, width)
        for entry in entries:
            if entry.tested in (Tested.TOLD, Tested.REFUSED):
                yield from _row(entry.id, entry.tested.value, entry.symptom, width)
        yield ""
    yield from textwrap.wrap(counted(), max(_LEAST, width))
    yield "hostgw-tui explain CODE, ENTRY or FINDING tells more."


def _code(code: CodeReport, width: int) -> Iterator[str]:
    return _row(code.name, code.severity.value, f"{code.title} ({', '.join(code.entries)})", width)


def counted() -> str:
    """Return how many entries are decided in which way, in words."""
    count = Counter(entry.tested for entry in ENTRIES.values())
    return (
        f"{len(ENTRIES)} entries: {count[Tested.LAB] + count[Tested.STATE]} are detected ({count[Tested.LAB]} tested on"
        f" real hosts in the lab, {count[Tested.STATE]} on recorded state), {count[Tested.TOLD]} are only told,"
        f" {count[Tested.REFUSED]} refused."
    )


def _row(name: str, level: str, text: str, width: int) -> Iterator[str]:
    return _wrapped(f"  {name:<{_NAME}}{level:<{_LEVEL}}", text, width)


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    return _wrapped(f"{label:<{_LABEL}}", text, width)


def _wrapped(head: str, text: str, width: int) -> Iterator[str]:
    """Yield a text behind its head, nothing where there is no text; short commands are not torn."""
    room = max(_LEAST, width - len(head))
    whole = _QUOTED.sub(lambda found: _tied(found[0], room), text)
    lines = textwrap.wrap(whole, room, break_on_hyphens=False, break_long_words=False)
    for place, each in enumerate(lines):
        yield (head if place == 0 else " " * len(head)) + each.replace(_TIE, " ")


def _tied(command: str, room: int) -> str:
    return command.replace(" ", _TIE) if len(command) < room else command
