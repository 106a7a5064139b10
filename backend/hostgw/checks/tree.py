"""Findings as a list of headlines: each root cause, followed by all that it explains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar


class Caused(Protocol):
    """A finding, or the report of one."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def caused_by(self) -> tuple[str, ...]:
        """The names of those that explain it."""


C = TypeVar("C", bound=Caused)


class Placed(NamedTuple, Generic[C]):
    """A finding at its place in the list."""

    finding: C
    below: str
    """Id of the headline that it stands below; empty for a headline."""
    explains: int
    """How many findings stand below it."""


def in_tree_order(findings: Iterable[C]) -> list[Placed[C]]:
    """Return headlines in the given order, each with its effects, and theirs, directly below.

    A finding whose causes are all unlisted is a headline: nothing above it would explain it.
    """
    given = {finding.id: finding for finding in findings}
    effects: dict[str, list[C]] = {name: [] for name in given}
    heads: list[C] = []
    for finding in given.values():
        head = _head(finding, given)
        if head is finding:
            heads.append(finding)
        else:
            effects[head.id].append(finding)
    found: list[Placed[C]] = []
    for head in heads:
        found.append(Placed(head, "", len(effects[head.id])))
        found += [Placed(effect, head.id, 0) for effect in effects[head.id]]
    return found


def _head(finding: C, given: dict[str, C]) -> C:
    """Return the finding at the end of the chain of first causes; one that explains itself is its own head."""
    seen = {finding.id}
    here = finding
    while cause := next((name for name in here.caused_by if name in given), ""):
        if cause in seen:
            return finding
        seen.add(cause)
        here = given[cause]
    return here
