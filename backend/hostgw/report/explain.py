"""`explain` as data: what the catalogue says of a code, an entry or a finding."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hostgw.checks.catalogue import CODES, ENTRIES, Code, Entry, entries_of
from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.model.finding import Severity
from hostgw.report.model import SCHEMA, CodeReport, EntryReport, ExplainReport

_WORST = (Severity.ERROR, Severity.WARNING, Severity.NOTICE)


def fault_of(entry: Entry) -> str:
    """Return the fault that brings an entry about in the lab; empty where there is none."""
    from hostgw.lab import FAULTS  # only who asks needs the lab

    mine = next((fault.id for fault in FAULTS if fault.id == entry.id), "")
    return mine or next((fault.id for fault in FAULTS if entry.id in fault.entries), "")


def explain_report(asked: str = "") -> ExplainReport:
    """Return what the catalogue says of a code, an entry or a finding's id; of everything when nothing is asked.

    Raises:
        UsageError: nothing has that name.
    """
    if not asked:
        return ExplainReport(SCHEMA, "", tuple(_code(code) for code in CODES.values()), _reports(ENTRIES.values()))
    name = asked.partition("/")[0].strip()
    if entry := ENTRIES.get(name.upper()):
        codes = (_code(CODES[entry.code]),) if entry.code else ()
        return ExplainReport(SCHEMA, entry.id, codes, _reports([entry]))
    if code := CODES.get(name.lower()):
        return ExplainReport(SCHEMA, code.name, (_code(code),), _reports(entries_of(code.name)))
    raise UsageError(f"there is no code and no entry {clean(name, 80)}", "", _hint(name))


def _hint(name: str) -> str:
    near = [
        *difflib.get_close_matches(name.lower(), CODES, 3),
        *difflib.get_close_matches(name.upper(), ENTRIES, 3, 0.5),
    ]
    return f"Did you mean {' or '.join(near[:4])}?" if near else "hostgw-tui explain lists all codes and entries."


def _code(code: Code) -> CodeReport:
    entries = entries_of(code.name)
    severity = code.severity or min((entry.severity for entry in entries), key=_WORST.index, default=Severity.ERROR)
    return CodeReport(code.name, severity, code.title, code.subject, tuple(entry.id for entry in entries))


def _reports(entries: Iterable[Entry]) -> tuple[EntryReport, ...]:
    return tuple(_entry(entry) for entry in entries)


def _entry(entry: Entry) -> EntryReport:
    related = tuple(other.id for other in ENTRIES.values() if other.code and other.code == entry.code)
    return EntryReport(
        entry.id,
        entry.code,
        entry.severity,
        int(entry.fix_class),
        entry.tested.value,
        fault_of(entry),
        entry.symptom,
        entry.detect,
        entry.fix,
        entry.beware,
        entry.reason,
        entry.sources,
        tuple(other for other in related if other != entry.id),
    )
