"""What the lab tests found out, printed as a table at the end of the run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Row:
    """One fault: whether it was named, mended and taken back, and how long all of it took."""

    entry: str
    detected: str = "no"
    fixed: str = "no"
    seconds: float = 0.0


ROWS: list[Row] = []


@dataclass
class Case:
    """One healthy variant: what was found, and how long it took."""

    name: str
    findings: str = "FAILED"
    seconds: float = 0.0


HEALTHY: list[Case] = []


@contextmanager
def row(entry: str) -> Iterator[Row]:
    """Keep a row for an entry, with the time that the block takes."""
    kept = Row(entry)
    ROWS.append(kept)
    started = time.monotonic()
    try:
        yield kept
    finally:
        kept.seconds = time.monotonic() - started


def packed() -> dict[str, Any]:
    """Return all that was kept as plain data, for the process that prints it."""
    return {"rows": [asdict(each) for each in ROWS], "healthy": [asdict(each) for each in HEALTHY]}


def add(kept: Mapping[str, Any]) -> None:
    """Take what another process has kept."""
    ROWS.extend(Row(**each) for each in kept["rows"])
    HEALTHY.extend(Case(**each) for each in kept["healthy"])


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'entry':<6} {'detected':<9} {'fixed':<8} seconds"
    for each in sorted(ROWS, key=lambda row: row.entry):
        yield f"{each.entry:<6} {each.detected:<9} {each.fixed:<8} {each.seconds:7.1f}"


@contextmanager
def healthy(name: str) -> Iterator[Case]:
    """Keep a row for a healthy variant, with the time that the block takes."""
    kept = Case(name)
    HEALTHY.append(kept)
    started = time.monotonic()
    try:
        yield kept
    finally:
        kept.seconds = time.monotonic() - started


def healthy_table() -> Iterator[str]:
    """Yield the lines of the table of healthy variants."""
    yield f"{'case':<30} {'findings':<9} seconds"
    for each in sorted(HEALTHY, key=lambda case: case.name):
        yield f"{each.name:<30} {each.findings:<9} {each.seconds:7.1f}"
