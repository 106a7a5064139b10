"""The JSON outputs; additions are allowed, renames are not. `hostgw-tui schema NAME` prints their schemas."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from hostgw.capture.trace import Trace
from hostgw.model.finding import Severity
from hostgw.model.guard import GuardState
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.path import End, Leg, Query
from hostgw.plans.model import Command
from hostgw.topology.graph import Topology

SCHEMA = 1


class UnderlayReport(msgspec.Struct, frozen=True):
    """Where a host stands in the underlay."""

    interface: str
    address: str


class HostReport(msgspec.Struct, frozen=True):
    """A listed host."""

    name: str
    role: Role
    state: HostState
    underlay: UnderlayReport | None
    subnets: tuple[str, ...]
    error: str | None


class FixReport(msgspec.Struct, frozen=True, rename={"fix_class": "class"}):
    """How a finding can be mended; no commands where no key can, then `refused` says why."""

    fix_class: int
    commands: tuple[Command, ...]
    refused: str = ""
    alternatives: tuple[str, ...] = ()


class FindingReport(msgspec.Struct, frozen=True):
    """A finding with its fix."""

    id: str
    code: str
    entry: str
    severity: Severity
    host: str
    subject: str
    summary: str
    effect: str
    evidence: tuple[str, ...]
    caused_by: tuple[str, ...]
    fix: FixReport


class ProbeReport(msgspec.Struct, frozen=True):
    """Echo requests from one place to another, and what came of them; zero and empty where that is not known."""

    source: str
    """``c1 on vm1``, or the host itself."""
    source_address: str
    destination: str
    destination_address: str
    sent: int
    received: int
    ttl: int
    """Of the reply."""
    observed_source: str
    """The source that the destination saw."""
    observed_ttl: int
    """Of the request, where it arrived."""
    size: int
    """Bytes of the largest packet that was tried unfragmented, 0 for none."""
    largest: int
    """Bytes of the largest that passed."""
    verdict: str
    detail: str
    """In one line."""
    requested_at: tuple[str, ...] = ()
    """Devices that saw the request."""
    replied_at: tuple[str, ...] = ()


class CheckReport(msgspec.Struct, frozen=True):
    """`check --json`."""

    schema: int
    network: str | None
    assumptions: tuple[str, ...]
    hosts: tuple[HostReport, ...]
    findings: tuple[FindingReport, ...]
    notices: tuple[FindingReport, ...] = ()
    """Worth knowing; they do not count in the exit code."""
    probes: tuple[ProbeReport, ...] = ()
    """With --probe."""
    not_probed: tuple[str, ...] = ()
    """What was left out, and why."""


class WatchEvent(StrEnum):
    """What a line of `watch --json` tells."""

    START = "start"
    """The state at the start, as `picture`."""
    APPEARED = "appeared"
    CHANGED = "changed"
    """Another severity, summary, effect or cause."""
    GONE = "gone"
    """The finding is as it was last told."""
    HOST = "host"
    """A host is in another state."""


class WatchReport(msgspec.Struct, frozen=True):
    """One line of `watch --json`; `time` is in UTC."""

    schema: int
    time: datetime
    event: WatchEvent
    host: str | None = None
    state: HostState | None = None
    """Of a host; then `error` says why it is not up."""
    error: str | None = None
    finding: FindingReport | None = None
    picture: CheckReport | None = None
    """The same as `check --json`."""


class RouteReport(msgspec.Struct, frozen=True):
    """A route that is expected or there. `standing`: own, ok, missing, wrong, ...; ``other`` when nobody expects it."""

    host: str
    table: int
    prefix: str
    owner: str
    standing: str
    expected: str
    actual: tuple[str, ...]


class RoutesReport(msgspec.Struct, frozen=True):
    """`routes --json`."""

    schema: int
    routes: tuple[RouteReport, ...]


class Health(StrEnum):
    """How a thing is: ``missing`` costs something, ``wrong`` is in the way."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"


class DoctorItem(msgspec.Struct, frozen=True):
    """One thing that was looked at, on a host or on this machine."""

    where: str
    subject: str
    health: Health
    detail: str
    remedy: str


class DoctorReport(msgspec.Struct, frozen=True):
    """`doctor --json`."""

    schema: int
    items: tuple[DoctorItem, ...]


class SettingReport(msgspec.Struct, frozen=True):
    """A setting, and where it comes from: a file, or ``default``."""

    name: str
    value: str
    source: str


class ConfigReport(msgspec.Struct, frozen=True):
    """`config show --json`."""

    schema: int
    path: str
    exists: bool
    settings: tuple[SettingReport, ...]


class NatRuleReport(msgspec.Struct, frozen=True):
    """A rule with its counters and what it means."""

    host: str
    backend: str
    table: str
    chain: str
    number: int
    rule: str
    packets: int
    bytes: int
    meaning: str


class NatCaseReport(msgspec.Struct, frozen=True):
    """A representative packet and what POSTROUTING does with it."""

    host: str
    backend: str
    case: str
    source: str
    destination: str
    verdict: str
    rule: str


class NatReport(msgspec.Struct, frozen=True):
    """`nat --json`."""

    schema: int
    rules: tuple[NatRuleReport, ...]
    cases: tuple[NatCaseReport, ...]


class StepReport(msgspec.Struct, frozen=True):
    """One change of a plan."""

    host: str
    summary: str
    now: tuple[str, ...]
    wanted: tuple[str, ...]
    commands: tuple[Command, ...]
    undo: tuple[Command, ...]
    finding: str
    why: str = ""
    """What it is good for, where it is no finding that says so."""
    diff: tuple[str, ...] = ()
    """Of a file: what differs, as a unified diff."""


class FixRunReport(msgspec.Struct, frozen=True):
    """`fix --json` and `undo --json`. `result` is ``planned`` when nothing was applied."""

    schema: int
    title: str
    result: str
    detail: str
    journal_id: str
    refused: str
    alternatives: tuple[str, ...]
    steps: tuple[StepReport, ...]
    remaining: tuple[str, ...] = ()
    management: tuple[str, ...] = ()
    """Which changes touch the way back to the operator."""
    put_back: tuple[str, ...] = ()
    """What somebody else changed again after it was confirmed."""
    notes: tuple[str, ...] = ()
    """What is left as it is, and why."""


class JournalState(StrEnum):
    """What of a journal entry is left to undo: as the journal knows it, and with hosts as these are now."""

    NOT_UNDONE = "not undone"
    """It can be undone; without hosts, as far as the journal alone can tell."""
    DEPENDENT = "another first"
    MOVED = "moved on"
    PENDING = "pending"
    UNREACHED = "not reached"
    BACK = "back already"
    ELSEWHERE = "other hosts"
    UNDONE = "undone"
    IRREVERSIBLE = "nothing of it can be put back"
    NOTHING = ""
    """It changed nothing, or is an undo itself."""


class JournalEntryReport(msgspec.Struct, frozen=True):
    """One entry of `undo --list --json`; `time` is epoch seconds.

    Without hosts, `undoable` says that it changed what can be put back, not that its hosts are still as it left them.
    """

    id: str
    time: float
    user: str
    title: str
    result: str
    undoable: bool
    hosts: tuple[str, ...] = ()
    state: JournalState = JournalState.NOTHING
    changes: int = 0
    reason: str = ""
    """Why it cannot be undone; empty when it can."""
    first: str = ""
    """Id of the entry that has to be undone before it."""
    undoes: tuple[str, ...] = ()
    """Ids of the entries that it took back."""


class PendingReport(msgspec.Struct, frozen=True):
    """One guarded change on a host: pending, or how it ended. Times are seconds from now, or ago."""

    host: str
    id: str
    title: str
    operator: str
    state: GuardState
    detail: str
    left_s: float
    ago_s: float


class GuardsReport(msgspec.Struct, frozen=True):
    """`undo --pending --json`."""

    schema: int
    guards: tuple[PendingReport, ...]


class JournalReport(msgspec.Struct, frozen=True):
    """`undo --list --json`."""

    schema: int
    entries: tuple[JournalEntryReport, ...]


class CodeReport(msgspec.Struct, frozen=True):
    """What findings of a code have in common. `severity` is that of the worst of its entries."""

    name: str
    severity: Severity
    title: str
    subject: str
    entries: tuple[str, ...]


class EntryReport(msgspec.Struct, frozen=True, rename={"fix_class": "class"}):
    """One way in which a network breaks. `code` is empty where no finding names it."""

    id: str
    code: str
    severity: Severity
    fix_class: int
    tested: str
    """lab: detected and broken in the lab; state: detected, tested on recorded state; told; refused."""
    lab_fault: str
    """What `lab break` takes; empty where there is none."""
    symptom: str
    detect: str
    fix: str
    beware: str
    reason: str
    """Why it is only told, or refused."""
    sources: str
    related: tuple[str, ...]
    """Other entries of the same code."""


class ExplainReport(msgspec.Struct, frozen=True):
    """`explain --json`; `asked` is empty for the whole catalogue."""

    schema: int
    asked: str
    codes: tuple[CodeReport, ...]
    entries: tuple[EntryReport, ...]


class PathReport(msgspec.Struct, frozen=True):
    """The document of `path --json`."""

    source: End
    destination: End
    query: Query
    works: bool
    """A question is predicted to be answered."""
    request: Leg
    reply: Leg | None
    schema: int = SCHEMA


SCHEMAS: dict[str, Any] = {
    "check": CheckReport,
    "routes": RoutesReport,
    "nat": NatReport,
    "fix": FixRunReport,
    "undo-list": JournalReport,
    "undo-pending": GuardsReport,
    "explain": ExplainReport,
    "path": PathReport,
    "topology": Topology,
    "trace": Trace,
    "watch": WatchReport,
    "config": ConfigReport,
    "doctor": DoctorReport,
}
"""Outputs by the name that `hostgw-tui schema` takes."""


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema of an output."""
    return msgspec.json.schema(SCHEMAS[name])
