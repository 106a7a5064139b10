"""The plan that takes journal entries back: one of them, also out of order, or all since a point."""

from __future__ import annotations

from collections.abc import Sequence

from hostgw.checks.catalogue import FixClass
from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.plans.build import forbidden, marked
from hostgw.plans.journal import Entry
from hostgw.plans.model import Plan, Step
from hostgw.plans.standing import Judged, Left, judged
from hostgw.plans.steps import step
from hostgw.plans.taking_back import Back, walk

VERIFICATION = "the host is read again and must be as it was before"
NOTHING = "nothing to undo: no change was recorded that is not undone"
NAMED = 3
"""Entries that the title of a plan names."""


def undo_plan(
    number: str | None, entries: Sequence[Entry], fabric: Fabric, mesh: Mesh, local: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that puts back what one entry of the journal changed; `refused` says why there is none.

    Without a number it is the newest one that changed something on these hosts that is still there.
    """
    found = judged(entries, fabric)
    chosen = next((each for each in found if each.entry.id == number or (number is None and each.left.in_force)), None)
    if chosen is None:
        return Plan("undo", FixClass.ADVICE, refused=NOTHING)
    title = f"undo: {chosen.entry.title}"
    if chosen.left is not Left.UNDOABLE:
        alternatives = _alternatives(chosen, found)
        undoes = (chosen.entry.id,)
        return Plan(title, FixClass.ADVICE, refused=chosen.reason, alternatives=alternatives, undoes=undoes)
    return _plan(title, [chosen.entry], fabric, mesh, local)


def undo_since(
    number: str | None, entries: Sequence[Entry], fabric: Fabric, mesh: Mesh, local: frozenset[str] = frozenset()
) -> Plan:
    """Return the one plan that takes back an entry and all later ones, newest first; all there are without a number.

    What belongs to other hosts, or is gone by itself, is passed over. One that somebody has changed since refuses it.
    """
    found = judged(entries, fabric)
    place = next((place for place, each in enumerate(found) if each.entry.id == number), len(found) - 1)
    chosen = [each for each in found[: place + 1] if each.left.in_force]
    if not chosen:
        return Plan("undo", FixClass.ADVICE, refused=NOTHING)
    title = _title([each.entry for each in chosen])
    undoes = tuple(each.entry.id for each in chosen)
    if refused := _refused_together(chosen, fabric):
        blocked = next(i for i, each in enumerate(chosen) if each.entry.id in refused)
        alternatives = _newer(chosen[:blocked])
        reasons = "; ".join(f"{i}: {why}" for i, why in refused.items())
        return Plan(title, FixClass.ADVICE, refused=reasons, alternatives=alternatives, undoes=undoes)
    return _plan(title, [each.entry for each in chosen], fabric, mesh, local)


def _title(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        return f"undo: {entries[0].title}"
    more = f"; and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
    return f"undo {len(entries)} changes, the newest first: {'; '.join(e.title for e in entries[:NAMED])}{more}"


def _refused_together(chosen: Sequence[Judged], fabric: Fabric) -> dict[str, str]:
    """Return why entries cannot be taken back together, by their ids; what they do to each other is no reason."""
    alone = {each.entry.id: each.reason for each in chosen if each.left in (Left.UNREACHED, Left.PENDING)}
    if alone:
        return alone
    moved = walk([each.entry for each in chosen], fabric).moved
    return {entry.id: why for entry, why in reversed([(each.entry, each.words) for each in moved])}


def _newer(entries: Sequence[Judged]) -> tuple[str, ...]:
    if not entries:
        return ("take back the others one by one",)
    last = entries[-1].entry
    many = f"the {len(entries)} changes since {last.id}" if len(entries) > 1 else f"{last.id} alone"
    return (f"take back {many} ({last.title})",)


def _alternatives(chosen: Judged, found: Sequence[Judged]) -> tuple[str, ...]:
    if chosen.left is Left.PENDING:
        return tuple(f"take it back now: hostgw-tui undo {guard}" for guard in chosen.entry.guards.values())
    if chosen.left is not Left.DEPENDENT:
        return ()
    named = next((each.entry for each in found if each.entry.id == chosen.first), None)
    return (
        f"undo {chosen.first} first ({named.title if named else ''})",
        f"or all since this one: hostgw-tui undo --since {chosen.entry.id}; in the dashboard s in the list",
    )


def _plan(title: str, entries: Sequence[Entry], fabric: Fabric, mesh: Mesh, local: frozenset[str]) -> Plan:
    walked = walk(entries, fabric)
    hosts = list(dict.fromkeys(back.host for back in walked.backs))  # what is done at once on a host stands together
    backs = sorted(walked.backs, key=lambda back: hosts.index(back.host))
    steps = marked([_step(back, fabric) for back in backs], fabric, mesh, local)
    refused = forbidden(steps, fabric) if steps else "taken together they change nothing"
    remarks = [f"not put back, for nothing can: {', '.join(walked.for_good)}"] if walked.for_good else []
    remarks += [f"as it was before already: {', '.join(walked.already)}"] if walked.already else []
    undoes = tuple(entry.id for entry in entries)
    risk = "; ".join(remarks)
    return Plan(title, FixClass.SAFE, steps, risk, verification=VERIFICATION, refused=refused, undoes=undoes)


def _step(back: Back, fabric: Fabric) -> Step:
    return step(fabric.hosts[back.host], back.change, f"take back: {'; '.join(back.summaries)}")
