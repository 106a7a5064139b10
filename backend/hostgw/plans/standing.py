"""What is left to undo of each journal entry, compared with how the hosts are now, and why not where it cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hostgw.fabric import Fabric
from hostgw.plans.journal import UNKNOWN, Entry, Made
from hostgw.plans.objects import objects, stands_on
from hostgw.plans.reverse import reversed_change
from hostgw.plans.taking_back import machines, walk

Place = tuple[str, int, str]
"""Host, container namespace, object."""
Later = Mapping[Place, Sequence[Entry]]


class Left(StrEnum):
    """What of an entry is left to undo."""

    UNDOABLE = "can be undone"
    DEPENDENT = "another first"
    """A later entry that is in force changed the same object."""
    MOVED = "moved on"
    """Somebody changed an object since: it is not as the entry left it."""
    PENDING = "pending"
    """A guard waits for its confirmation."""
    UNREACHED = "not reached"
    """A host that it changed is not listed, or cannot be read."""
    BACK = "back already"
    """Its objects are as they were before, or gone."""
    ELSEWHERE = "other hosts"
    """None of its hosts is listed, or they were started again, which took it back."""
    UNDONE = "undone"
    FOR_GOOD = "for good"
    """Nothing of it can be put back."""
    UNDO = "an undo"
    NOTHING = "no change"

    @property
    def in_force(self) -> bool:
        """Something of it is there that an undo would have to do with."""
        return self in (Left.UNDOABLE, Left.DEPENDENT, Left.MOVED, Left.PENDING, Left.UNREACHED)


REASONS = {
    Left.UNDONE: "{id} is already undone",
    Left.FOR_GOOD: "nothing of it can be put back",
    Left.UNDO: "{id} is an undo itself: fix it again instead",
    Left.NOTHING: "{id} changed nothing that is still in place",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """An entry, what of it is left, why it cannot be undone (empty when it can), and what has to be undone first."""

    entry: Entry
    left: Left
    reason: str = ""
    first: str = ""


def judged(entries: Sequence[Entry], fabric: Fabric | None) -> tuple[Judged, ...]:
    """Return what is left of each entry, the newest first; without a fabric as far as the journal alone can tell."""
    later: dict[Place, list[Entry]] = defaultdict(list)
    found = []
    for entry in reversed(entries):
        each = _judged(entry, fabric, later)
        found.append(each)
        if each.left.in_force:
            for place in _places(entry.changes, standing=True):
                later[place].append(entry)
    return tuple(found)


def _judged(entry: Entry, fabric: Fabric | None, later: Later) -> Judged:
    left = _by_the_journal(entry)
    if left is not Left.UNDOABLE:
        return Judged(entry, left, REASONS[left].format(id=entry.id))
    if fabric is None:
        return _dependent(entry, later) or Judged(entry, Left.UNDOABLE)
    return _absent(entry, fabric) or _pending(entry, fabric) or _compared(entry, fabric, later)


def _by_the_journal(entry: Entry) -> Left:
    if entry.undoes:
        return Left.UNDO
    if not entry.changes:
        return Left.NOTHING
    if entry.undone:
        return Left.UNDONE
    return Left.UNDOABLE if any(reversed_change(made.change) for made in entry.changes) else Left.FOR_GOOD


def _absent(entry: Entry, fabric: Fabric) -> Judged | None:
    """Judge an entry of which some host is not there to be asked."""
    names = {made.host for made in entry.changes}
    held = machines(fabric)
    missing = sorted(name for name in names if name not in fabric.hosts)
    if missing:
        left = Left.UNREACHED if any(made.is_on(held) for made in entry.changes) else Left.ELSEWHERE
        return Judged(entry, left, f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not among the hosts")
    for name in sorted(names):
        if not fabric.hosts[name].readable:
            return Judged(entry, Left.UNREACHED, f"{name} is {fabric.hosts[name].state.value}")
    for made in entry.changes:
        if not made.is_on(held) and not entry.left_on(held):
            why = f"{made.host} is another machine, or was started again since: the change is gone with it"
            return Judged(entry, Left.ELSEWHERE, why)
    return None


def _pending(entry: Entry, fabric: Fabric) -> Judged | None:
    """Judge an entry that has not ended yet; what a host told of a guard may be older than its end."""
    if entry.result != UNKNOWN:
        return None
    for name, number in entry.guards.items():
        for guard in fabric.hosts[name].guards if name in fabric.hosts else ():
            if guard.id == number and guard.state.pending:
                return Judged(entry, Left.PENDING, f"{name} waits: taken back in {guard.left_s:.0f} s unless confirmed")
    return None


def _compared(entry: Entry, fabric: Fabric, later: Later) -> Judged:
    found = walk([entry], fabric)
    if not found.backs and not found.moved:
        return Judged(entry, Left.BACK, f"nothing of it is left to put back: {', '.join(found.already[:3])}")
    if dependent := _dependent(entry, later):
        return dependent
    if found.moved:
        return Judged(entry, Left.MOVED, "; ".join(moved.words for moved in found.moved[:3]))
    return Judged(entry, Left.UNDOABLE)


def _dependent(entry: Entry, later: Later) -> Judged | None:
    """Judge an entry whose objects a later one changed, or needs: the newest of those has to be undone first."""
    for host, inode, name in _places(entry.changes):
        if held := later.get((host, inode, name)):
            why = f"undo {held[0].id} first ({held[0].title}): it stands on {name} on {host} as this one left it"
            return Judged(entry, Left.DEPENDENT, why, held[0].id)
    return None


def _places(changes: Iterable[Made], standing: bool = False) -> Iterator[Place]:
    """Yield the objects that changes alter, and those that they stand on."""
    for made in changes:
        for name in (*objects(made.change), *(stands_on(made.change) if standing else ())):
            yield made.host, made.inode, name
