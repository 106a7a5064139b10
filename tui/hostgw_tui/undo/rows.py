"""The journal as rows, and what there is to say of one entry as lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from hostgw.fabric import Fabric
from hostgw.model.guard import Guard
from hostgw.plans.journal import Entry
from hostgw.plans.model import Result
from hostgw.plans.reverse import reversed_change
from hostgw.plans.standing import Judged, Left
from hostgw_tui.look import LazyRows, Line, Part, Row, Sign, Tone, cell, line
from hostgw_tui.widgets.layout import Column

SIGNS = {
    Left.UNDOABLE: Sign("✓", "can be undone", Tone.OK),
    Left.DEPENDENT: Sign("◐", "another first", Tone.WARN),
    Left.MOVED: Sign("≠", "moved on", Tone.WARN),
    Left.PENDING: Sign("◌", "pending", Tone.WARN),
    Left.UNREACHED: Sign("?", "not reached", Tone.WARN),
    Left.BACK: Sign("·", "back already", Tone.DIM),
    Left.ELSEWHERE: Sign("·", "other hosts", Tone.DIM),
    Left.UNDONE: Sign("↶", "undone", Tone.DIM),
    Left.FOR_GOOD: Sign("·", "for good", Tone.DIM),
    Left.UNDO: Sign("·", "an undo", Tone.DIM),
    Left.NOTHING: Sign("·", "no change", Tone.DIM),
}
COLUMNS = (
    Column("TIME", most=11),
    Column("HOST", most=11),
    Column("N", most=4, right=True),
    Column("STATE", most=15),
    Column("WHAT, AND WHY NOT", grow=True),
    Column("WHO", most=10, above=90),
)
NOTHING = (
    cell("Nothing to undo.", Tone.NOTE),
    cell(
        "No change to these hosts is recorded here: f and F fix, S sets a network up; all of it comes here.", Tone.DIM
    ),
)


class EntryRows(LazyRows):
    """Pending changes of others first, then the journal, the newest first."""

    def __init__(self, pending: Sequence[tuple[str, Guard]], entries: Sequence[Judged], now: float) -> None:
        self._pending, self._entries, self._now = tuple(pending), tuple(entries), now
        self._places = {each.entry.id: len(pending) + place for place, each in enumerate(entries)}
        self._places |= {guard.id: place for place, (_, guard) in enumerate(pending)}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._pending) + len(self._entries)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same rows would be shown."""
        return isinstance(other, EntryRows) and self._told == other._told

    __hash__ = None  # type: ignore[assignment]

    @property
    def _told(self) -> tuple[object, ...]:
        return self._pending, self._entries

    def row(self, index: int) -> Row:
        """Return one row."""
        if index < len(self._pending):
            return _pending_row(*self._pending[index])
        return _row(self._entries[index - len(self._pending)], self._now)

    def index_of(self, key: str) -> int | None:
        """Return the place of an entry."""
        return self._places.get(key)


def when(made: float, now: float) -> str:
    """Return a time of the clock in few characters: of today the time of day, else the date as well."""
    then, today = time.localtime(made), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%m-%d %H:%M", then)


def hosts_text(hosts: Sequence[str]) -> str:
    """Return hosts in few characters."""
    return hosts[0] + (f" +{len(hosts) - 1}" if len(hosts) > 1 else "") if hosts else "-"


def _row(each: Judged, now: float) -> Row:
    entry, sign = each.entry, SIGNS[each.left]
    live = each.left.in_force
    why = f" · {each.reason}" if live and each.reason else ""
    did = (Part("mended: ", Tone.DIM),) if _mended(entry) else ()
    what = line(*did, Part(entry.title, Tone.PLAIN if live else Tone.DIM), Part(why, sign.tone))
    cells = (
        cell(when(entry.time, now), Tone.DIM),
        cell(hosts_text(entry.hosts), Tone.NAME if live else Tone.DIM),
        cell(len(entry.changes), Tone.DIM),
        sign.cell,
        what,
        cell(entry.user, Tone.DIM),
    )
    return Row(entry.id, cells)


def _mended(entry: Entry) -> bool:
    """Tell whether its title is that of findings: `persist` mends some by the way, and is called what it is."""
    return entry.result == Result.VERIFIED and bool(entry.changes) and all(made.finding for made in entry.changes)


def _pending_row(host: str, guard: Guard) -> Row:
    left = f"taken back in {guard.left_s:.0f} s"
    what = line(guard.title, Part(f" · by {guard.operator}, {left} unless confirmed", Tone.WARN))
    sign = SIGNS[Left.PENDING]
    return Row(
        guard.id, (cell("now", Tone.WARN), cell(host, Tone.NAME), cell(""), sign.cell, what, cell(guard.operator))
    )


def pending(fabric: Fabric, entries: Iterable[Judged]) -> list[tuple[str, Guard]]:
    """Return the changes that wait on hosts and are none of the journal's, with their hosts."""
    ours = {number for each in entries for number in each.entry.guards.values()}
    found = ((host.name, guard) for host in fabric.hosts.values() for guard in host.guards)
    return [(name, guard) for name, guard in found if guard.state.pending and guard.id not in ours]


def entry_lines(each: Judged) -> Iterator[Line]:
    """Yield what one entry did, and what is left of it."""
    entry, sign = each.entry, SIGNS[each.left]
    why = f": {each.reason}" if each.reason and each.left is not Left.UNDONE else ""
    yield line(Part(f"{sign.glyph} {sign.word}", sign.tone), why)
    yield line(Part("mended    " if _mended(entry) else "what      ", Tone.DIM), Part(entry.title, Tone.STRONG))
    ended = f"{entry.result}{f' ({entry.detail})' if entry.detail else ''}"
    yield line(Part("entry     ", Tone.DIM), f"{entry.id} by {entry.user} on {', '.join(entry.hosts)}: {ended}")
    if entry.undoes:
        yield line(Part("took back ", Tone.DIM), ", ".join(entry.undoes))
    yield from _changes(entry)


def _changes(entry: Entry) -> Iterator[Line]:
    for place, made in enumerate(entry.changes):
        tail = "" if reversed_change(made.change) else " (cannot be put back)"
        told = line(Part(f"{made.host} ", Tone.NAME), made.summary, Part(tail, Tone.WARN))
        yield line(Part("changed   " if place == 0 else " " * 10, Tone.DIM), *told)


def pending_lines(host: str, guard: Guard) -> Iterator[Line]:
    """Yield what a pending change of somebody is."""
    yield line(Part(f"◌ pending on {host}", Tone.WARN), f": {guard.title}")
    yield line(Part("who       ", Tone.DIM), guard.operator)
    yield line(Part("until     ", Tone.DIM), f"taken back in {guard.left_s:.0f} s unless it is confirmed")


def title(entries: Sequence[Judged]) -> str:
    """Return how many entries there are, and how many can be undone."""
    can = sum(each.left is Left.UNDOABLE for each in entries)
    return f"Undo: {can} of {len(entries)} can be undone" if entries else "Undo"
