"""A plan: changes as data, with everything a person needs to decide about them."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from hostgw.checks.catalogue import FixClass
from hostgw.model.change import Change


class Command(msgspec.Struct, frozen=True):
    """What a person would type as root on `host`; in a container's namespace when `namespace` is its path."""

    host: str
    namespace: str | None
    argv: tuple[str, ...]

    @property
    def pasted(self) -> str:
        """The command as a person would paste it on its host, as root."""
        inside = f"nsenter --net={shlex.quote(self.namespace)} " if self.namespace else ""
        return f"{inside}{shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class Step:
    """One change on one host."""

    host: str
    change: Change
    summary: str
    now: tuple[str, ...]
    """What the host has, as its own tools print it."""
    wanted: tuple[str, ...]
    commands: tuple[Command, ...]
    undo: tuple[Command, ...]
    """What takes it back; empty where nothing can."""
    finding: str = ""
    """Id of the finding that it mends."""
    namespace: str = ""
    """Name of the container whose namespace is changed; empty for the host's own."""
    inode: int = 0
    """Identity of that namespace, which outlives the agent that numbered it."""
    machine: str = ""
    """Identity of the host, since its boot where the change does not outlive one: names are given twice."""
    danger: str = ""
    """How it touches the way back to the operator; empty when it does not."""
    diff: tuple[str, ...] = ()
    """Of a file: what differs, as a unified diff."""
    why: str = ""
    """Why it is needed, for somebody who learns; empty where the finding says it."""

    @property
    def reversible(self) -> bool:
        """The change can be taken back."""
        return bool(self.undo)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are applied, or the reason why there are none."""

    title: str
    fix_class: FixClass
    steps: tuple[Step, ...] = ()
    risk: str = ""
    owner: str = ""
    """Program that may own the objects and put them back."""
    verification: str = ""
    refused: str = ""
    """Why nothing can be applied; empty when it can."""
    alternatives: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    """Ids of the findings that should be gone afterwards."""
    undoes: tuple[str, ...] = ()
    """Ids of the journal entries that this plan takes back."""
    notes: tuple[str, ...] = ()
    """What is left as it is, and why."""
    cuts: bool = False
    """What is reached now will not be reached afterwards, for that is wanted: probes prove nothing then."""

    @property
    def management(self) -> tuple[str, ...]:
        """Which hosts' way back to the operator is touched, and how; that needs a second, deliberate word."""
        return tuple(dict.fromkeys(f"{step.host}: {step.danger}" for step in self.steps if step.danger))

    def without(self, places: Collection[int]) -> Plan:
        """Return the plan less some steps; what they would mend is not expected to go any more."""
        left_out = {self.steps[place].finding for place in places}
        return replace(
            self,
            steps=tuple(step for place, step in enumerate(self.steps) if place not in places),
            findings=tuple(found for found in self.findings if found not in left_out),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are changed, in order."""
        return tuple(dict.fromkeys(step.host for step in self.steps))

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands in order."""
        return tuple(command for step in self.steps for command in step.commands)


class Result(StrEnum):
    """How applying a plan ended."""

    VERIFIED = "verified"
    """Applied and confirmed, and the kernel says so: the findings are gone."""
    ROLLED_BACK = "rolled-back"
    """Applied, but it did not verify or could not be confirmed: everything is as it was before."""
    STALE = "stale"
    """The host is not as the preview showed it; nothing was done."""
    BUSY = "busy"
    """Another change is pending there; nothing was done."""
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How applying a plan ended, on which host, and why."""

    result: Result
    detail: str = ""
    host: str = ""
    journal_id: str = ""
    remaining: tuple[str, ...] = ()
    """Ids of findings that should have gone and are still there."""
    changed: tuple[str, ...] = ()
    """Hosts that were, or may have been, changed although it did not go as planned."""
