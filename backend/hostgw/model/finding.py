"""A finding: one thing that is wrong on one host, in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Traffic is or will be lost or wrong."""
    WARNING = "warning"
    """It works, but by luck or not for long."""
    NOTICE = "notice"
    """Worth knowing; not in the list of findings, not in the exit code."""


class Finding(msgspec.Struct, frozen=True):
    """What is wrong: `id` is code/host/subject and stays the same while the fault lasts."""

    code: str
    entry: str
    severity: Severity
    host: str
    subject: str
    summary: str
    """One line in plain words with the facts in it."""
    effect: str
    """Who cannot reach whom."""
    evidence: tuple[str, ...] = ()
    """The kernel objects read, one line each."""
    caused_by: tuple[str, ...] = ()
    """Ids of the findings that explain this one; empty for a root cause."""

    @property
    def id(self) -> str:
        """The stable name ``code/host/subject``."""
        return f"{self.code}/{self.host}/{self.subject}"


def listed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that belong in the list and the exit code: no notices."""
    return tuple(found for found in findings if found.severity is not Severity.NOTICE)
