"""Keep what was worked out for a host as long as its snapshot is the same object: an event changes but one host's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TypeVar, TypeVarTuple, cast

from hostgw.fabric import Host
from hostgw.mesh.model import Expected, Member, Mesh
from hostgw.model.ip import Prefix

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def per_snapshot(work_out: Callable[[Host, *Ts], T]) -> Callable[[Host, *Ts], T]:
    """Decorate a function of a host that reads nothing but its name, snapshot and further arguments.

    Those are hashable; the result must not be altered.
    """

    @wraps(work_out)
    def remembered(host: Host, *more: *Ts) -> T:
        if host.snapshot is None:
            return work_out(host, *more)
        notes, what = host.snapshot.notes, (work_out, host.name, more)
        if what not in notes:
            notes[what] = work_out(host, *more)
        return cast("T", notes[what])

    return remembered


def per_containers(work_out: Callable[[Host, *Ts], T]) -> Callable[[Host, *Ts], T]:
    """Decorate a function that reads nothing of a host but its links, its containers and their namespaces' states.

    What it returned outlives the snapshot: most events are about the host's own routes and neighbours.
    """

    @wraps(work_out)
    def remembered(host: Host, *more: *Ts) -> T:
        if host.snapshot is None:
            return work_out(host, *more)
        notes, what = host.snapshot.container_notes, (work_out, more)
        if what not in notes:
            notes[what] = work_out(host, *more)
        return cast("T", notes[what])

    return remembered


def per_mesh(work_out: Callable[[Host, Mesh], T]) -> Callable[[Host, Mesh], T]:
    """Decorate a function of a host and the mesh that reads nothing else of the fabric; it must not alter its result.

    What it returned is kept as long as snapshot and mesh are the very same objects.
    """

    @wraps(work_out)
    def remembered(host: Host, mesh: Mesh) -> T:
        if host.snapshot is None:
            return work_out(host, mesh)
        notes, what = host.snapshot.notes, (work_out, host.name)
        kept = cast("tuple[Mesh, T] | None", notes.get(what))
        if kept is None or kept[0] is not mesh:
            kept = notes[what] = mesh, work_out(host, mesh)
        return kept[1]

    return remembered


Segments = tuple[tuple[int, str, Prefix], ...]
"""What a host reaches without a next hop, as far as owners stand there: (ifindex, device, prefix)."""


class Memory:
    """The members and expected routes of the last build; what is equal stays the same object."""

    def __init__(self, between: Callable[[], None] = lambda: None) -> None:
        """`between` is called before each host that is looked at: it may let others go first."""
        self._between = between
        self.members: dict[str, Member] = {}
        self._addresses: Mapping[int, str] = {}
        self.shared: dict[Segments, tuple[Expected, ...]] = {}
        """Routes to every owner from a host that stands on these segments."""
        self._routes: dict[str, tuple[tuple[Expected, ...], tuple[Expected, ...]]] = {}
        self._kept: dict[object, tuple[object, object]] = {}

    def each(self, hosts: Iterable[Host]) -> Iterator[Host]:
        """Yield hosts one by one; between them others may go first."""
        for host in hosts:
            self._between()
            yield host

    def unless_changed(self, work_out: Callable[[*Ts], T], *inputs: *Ts) -> T:
        """Return what `work_out` makes of `inputs`: what it made last time, where they are equal to those."""
        kept = self._kept.get(work_out)
        if kept is None or kept[0] != inputs:
            kept = self._kept[work_out] = inputs, work_out(*inputs)
        return cast("T", kept[1])

    def keep_for(self, members: Mapping[str, Member], addresses: Mapping[int, str]) -> None:
        """Take the members of this build; forget the routes when one or an address is another than last time."""
        old = self.members
        self.members = {name: old[name] if old.get(name) == new else new for name, new in members.items()}
        if self.members != old or self._addresses != addresses:
            self._addresses = addresses
            self.shared.clear()
            self._routes.clear()

    def routes(self, host: str, shared: tuple[Expected, ...]) -> tuple[Expected, ...]:
        """Return a host's part of the routes to every owner: those to its own subnets are not needed."""
        kept = self._routes.get(host)
        if kept is None or kept[0] is not shared:
            own = {subnet.prefix for subnet in self.members[host].subnets}
            needed = tuple([e for e in shared if e.subnet.owner != host and e.subnet.prefix not in own])
            kept = self._routes[host] = shared, needed
        return kept[1]
