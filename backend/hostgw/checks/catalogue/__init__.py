"""One table: entry of the catalogue of failure modes, code, severity, class of the fix, subject form, how tested."""

from __future__ import annotations

from functools import cache
from itertools import chain

from hostgw.checks.catalogue import (
    addressing,
    containers,
    filtering,
    links,
    nat,
    persistence,
    routes,
    underlay,
)
from hostgw.checks.catalogue.codes import CODES
from hostgw.checks.catalogue.model import CLASS_WORDS, Code, Entry, FixClass, Tested
from hostgw.model.finding import Finding, Severity

__all__ = [
    "AREAS",
    "CLASS_WORDS",
    "CODES",
    "ENTRIES",
    "Code",
    "Entry",
    "FixClass",
    "Tested",
    "class_of",
    "entries_of",
    "severity_of",
]

AREAS: dict[str, tuple[Entry, ...]] = {
    "routes": routes.ENTRIES,
    "addressing": addressing.ENTRIES,
    "link layer": links.ENTRIES,
    "forwarding and filtering": filtering.ENTRIES,
    "NAT and conntrack": nat.ENTRIES,
    "containers": containers.ENTRIES,
    "daemons, persistence, order": persistence.ENTRIES,
    "underlay and clouds": underlay.ENTRIES,
}
ENTRIES: dict[str, Entry] = {entry.id: entry for entry in chain.from_iterable(AREAS.values())}


@cache
def entries_of(code: str) -> tuple[Entry, ...]:
    """Return the entries that findings of a code may name, the usual one first."""
    milder = CODES[code].entry if code in CODES else ""
    return tuple(entry for entry in ENTRIES.values() if entry.code == code or entry.id == milder)


def severity_of(code: str, entry: str) -> Severity:
    """Return how bad a finding of that code and entry is."""
    return CODES[code].severity or ENTRIES[entry].severity


def class_of(finding: Finding) -> FixClass:
    """Return how safe the fix of a finding is."""
    return FixClass.ADVICE if CODES[finding.code].severity else ENTRIES[finding.entry].fix_class
