"""What has to be put back for journal entries, compared with how the hosts are now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from hostgw.fabric import Fabric, Host
from hostgw.model.change import AttachmentChange, BridgeChange, Change
from hostgw.plans.journal import Entry, Made
from hostgw.plans.objects import GONE, UNSEEN, holds, joined, objects, present, sides, slot, then, without_gone
from hostgw.plans.reverse import reversed_change, undo_order
from hostgw.plans.steps import described


@dataclass(frozen=True, slots=True)
class Back:
    """One change that puts an object back; it may do what several entries need."""

    host: str
    change: Change
    summaries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """An object that is neither as an entry left it nor as it was before."""

    entry: Entry
    host: str
    inode: int
    objects: tuple[str, ...]
    words: str


@dataclass
class Walk:
    """Going from the newest change to the oldest: what is to be put back, and what stands in the way."""

    fabric: Fabric
    moved: list[Moved] = field(default_factory=list)
    for_good: list[str] = field(default_factory=list)
    """Summaries of changes that nothing can put back."""
    already: list[str] = field(default_factory=list)
    """Summaries of changes whose objects are as before, or gone, without our doing."""
    _states: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    _backs: dict[tuple[str, int, str], Back] = field(default_factory=dict)

    @property
    def backs(self) -> tuple[Back, ...]:
        """The changes in the order in which they are to be made."""
        backs = [back for back in self._backs.values() if not holds(*sides(back.change))]
        return tuple(undo_order(backs[::-1], lambda back: back.change))

    def take(self, entry: Entry, made: Made) -> None:
        """Take one more change, older than those before."""
        back = reversed_change(made.change)
        host = self.fabric.hosts[made.host]
        ns = namespace(made, host)
        if back is None:
            self.for_good.append(made.summary)
        elif ns is None:
            self.already.append(f"{made.summary} (container {made.namespace} is gone)")
        else:
            self._compare(entry, made, host, ns, structs.replace(back, ns=ns))

    def _compare(self, entry: Entry, made: Made, host: Host, ns: int, back: Change) -> None:
        key, (before, after) = (made.host, made.inode, slot(back)), sides(back)
        state = self._states[key] if key in self._states else present(back, host, ns)
        if holds(state, before):
            self._states[key] = then(state, after)
            self._put(key, Back(made.host, without_gone(back, state), (made.summary,)))
        elif holds(state, after):
            self.already.append(made.summary)
        else:
            words = _words(back, state, made.host, host, ns)
            self.moved.append(Moved(entry, made.host, made.inode, objects(back), words))

    def _put(self, key: tuple[str, int, str], back: Back) -> None:
        """Keep a change where the oldest of its slot stands: what was made on top of the object goes before it."""
        if before := self._backs.pop(key, None):
            summaries = tuple(dict.fromkeys((*before.summaries, *back.summaries)))
            back = replace(back, change=joined(before.change, back.change), summaries=summaries)
        self._backs[key] = back

    def look_at_bridges(self, owners: Iterable[Entry]) -> None:
        """Note bridges that are to go although ports hang on them that stay."""
        backs = list(self._backs.values())
        for entry in owners:
            for made in entry.changes:
                key = (made.host, made.inode, slot(made.change))
                back = self._backs.get(key)
                if back and isinstance(back.change, BridgeChange) and isinstance(made.change, BridgeChange):
                    going = {name for b in backs if b.host == back.host for name in _detached(b.change)}
                    ports = _ports(self.fabric.hosts[back.host], back.change.name) - going
                    if ports and not back.change.after:
                        words = f"bridge {back.change.name} on {back.host} has ports: {', '.join(sorted(ports)[:5])}"
                        self.moved.append(Moved(entry, made.host, made.inode, objects(back.change), words))


def walk(entries: Iterable[Entry], fabric: Fabric) -> Walk:
    """Return what taking entries back (the newest first) comes to; their hosts are listed and readable."""
    kept = tuple(entries)
    found = Walk(fabric)
    for entry in kept:
        left = entry.left_on(machines(fabric))
        found.already += [f"{made.summary} (gone with the boot)" for made in entry.changes if made not in left]
        for made in reversed(left):
            found.take(entry, made)
    found.look_at_bridges(kept)
    return found


def machines(fabric: Fabric) -> dict[str, tuple[str, ...]]:
    """Return the identities of the hosts by name, until the next boot and for good; none where they are not known."""
    return {host.name: _identities(host) for host in fabric.hosts.values()}


def _identities(host: Host) -> tuple[str, ...]:
    facts = host.snapshot.facts if host.snapshot else None
    return tuple(known for known in (facts.machine, facts.machine_id) if known) if facts else ()


def namespace(made: Made, host: Host) -> int | None:
    """Return the agent's present number of the namespace of a change; None when that is gone."""
    if not made.inode:
        return 0
    namespaces = host.snapshot.namespaces.values() if host.snapshot else ()
    return next((ns.id for ns in namespaces if ns.inode == made.inode and ns.id), None)


def _detached(change: Change) -> tuple[str, ...]:
    return (change.name,) if isinstance(change, AttachmentChange) and not change.after else ()


def _ports(host: Host, bridge: str) -> set[str]:
    link = host.root.links_by_name.get(bridge)
    return {port.name for port in host.root.ports_of(link.index)} if link else set()


def _words(back: Change, state: Any, name: str, host: Host, ns: int) -> str:
    """Say how an object is, where it is not as it was left."""
    what = f"{', '.join(objects(back)[:2])} on {name}"
    if state is GONE or state is UNSEEN:
        return f"{what}: the device is gone, or another one has its name"
    held = {path: state[path] for path in sides(back)[0] if path in state} if isinstance(state, dict) else state
    namespaces = host.snapshot.state(ns) if host.snapshot else host.root
    now = described(structs.replace(back, before=held), namespaces)[0]
    return f"{what} was changed since: it is now {'; '.join(now)[:200] or 'gone'}"
