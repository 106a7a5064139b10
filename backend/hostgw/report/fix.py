"""Plans, outcomes and the journal, as data and text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from hostgw.clean import clean
from hostgw.model.guard import Guard
from hostgw.plans.model import Outcome, Plan, Step
from hostgw.plans.standing import Judged, Left
from hostgw.report.model import (
    SCHEMA,
    FixRunReport,
    GuardsReport,
    JournalEntryReport,
    JournalReport,
    JournalState,
    PendingReport,
    StepReport,
)

PLACES = 3
"""Hosts that a line of the journal names."""


def plan_report(plan: Plan, outcome: Outcome | None = None, put_back: tuple[str, ...] = ()) -> FixRunReport:
    """Return a plan and, when it was applied, how that ended."""
    return FixRunReport(
        SCHEMA,
        plan.title,
        outcome.result.value if outcome else "planned",
        outcome.detail if outcome else "",
        outcome.journal_id if outcome else "",
        plan.refused,
        plan.alternatives,
        tuple(_step(step) for step in plan.steps),
        outcome.remaining if outcome else (),
        plan.management,
        put_back,
        plan.notes,
    )


def _step(step: Step) -> StepReport:
    told = (step.host, step.summary, step.now, step.wanted, step.commands, step.undo, step.finding)
    return StepReport(*told, step.why, step.diff)


def plan_text(plan: Plan) -> Iterator[str]:
    """Yield a preview for people: per host what is, what shall be, the exact commands, and how to get back."""
    yield plan.title
    for step in plan.steps:
        yield f"[{step.host}] {step.summary}"
        if step.why:
            yield f"    why:    {step.why}"
        if step.diff:
            yield from (f"    {line}" for line in step.diff)
            continue
        yield from (f"    now:    {line}" for line in step.now)
        yield from (f"    wanted: {line}" for line in step.wanted)
        yield from (f"    run:    {command.pasted}" for command in step.commands)
        yield from (f"    undo:   {command.pasted}" for command in step.undo)
        if not step.undo:
            yield "    undo:   not possible"
    yield from (f"note: {line}" for line in plan.notes)
    if plan.refused:
        yield f"not applied: {plan.refused}"
        yield from (f"  instead: {line}" for line in plan.alternatives)
        return
    if plan.owner:
        yield f"owner: {plan.owner} may own this and put it back"
    if plan.risk:
        yield f"risk: {plan.risk}"
    for reason in plan.management:
        yield f"management path: {reason}"
    yield f"verified by: {plan.verification}"


def guards_report(hosts: Mapping[str, Iterable[Guard]]) -> GuardsReport:
    """Return what hosts say of guarded changes."""
    rows = (
        PendingReport(host, g.id, g.title, g.operator, g.state, g.put_back or g.detail, g.left_s, g.ago_s)
        for host, guards in hosts.items()
        for g in guards
    )
    return GuardsReport(SCHEMA, tuple(rows))


def guards_text(report: GuardsReport) -> Iterator[str]:
    """Yield guarded changes for people."""
    for row in report.guards:
        when = f"taken back in {row.left_s:.0f} s" if row.state.pending else f"{row.ago_s:.0f} s ago"
        detail = f"  ({row.detail})" if row.detail else ""
        yield clean(
            f"{row.host}  {row.id}  {row.operator:<8} {row.state.value:<11} {when:<22} {row.title}{detail}", 400
        )
    if not report.guards:
        yield "no change is pending, and none ended lately"


_STATES = {
    Left.UNDOABLE: JournalState.NOT_UNDONE,
    Left.FOR_GOOD: JournalState.IRREVERSIBLE,
    Left.UNDO: JournalState.NOTHING,
    Left.NOTHING: JournalState.NOTHING,
}


def journal_report(entries: Iterable[Judged]) -> JournalReport:
    """Return the journal, oldest first, of entries judged newest first."""
    return JournalReport(SCHEMA, tuple(_entry(each) for each in reversed(tuple(entries))))


def _entry(each: Judged) -> JournalEntryReport:
    entry, left = each.entry, each.left
    state = _STATES[left] if left in _STATES else JournalState(left.value)
    told = (entry.id, entry.time, entry.user, entry.title, entry.result, left is Left.UNDOABLE)
    more = (len(entry.changes), each.reason, each.first, entry.undoes)
    return JournalEntryReport(*told, entry.hosts, state, *more)


def journal_text(report: JournalReport) -> Iterator[str]:
    """Yield the journal for people: what can be undone, else why not."""
    width = max((len(_places(entry)) for entry in report.entries), default=0)
    for entry in report.entries:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time))
        because = entry.reason if entry.state in _TOLD else ""
        mark = f"  ({entry.state}{f': {because}' if because else ''})" if entry.state else ""
        places = f"{_places(entry):<{width}}"
        yield clean(f"{entry.id}  {when}  {entry.user:<8} {entry.result:<11} {places}  {entry.title}{mark}", 600)
    if not report.entries:
        yield "the journal is empty"


_TOLD = frozenset(JournalState) - {JournalState.NOT_UNDONE, JournalState.UNDONE, JournalState.IRREVERSIBLE}
"""States whose reason says more than their name."""


def _places(entry: JournalEntryReport) -> str:
    """Return the hosts that an entry concerns, in a few characters."""
    more = f" +{len(entry.hosts) - PLACES}" if len(entry.hosts) > PLACES else ""
    return (", ".join(entry.hosts[:PLACES]) or "-") + more
