"""Keep what was worked out for a host as long as its snapshot is the same object: an event changes but one host's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from hostgw.fabric import Host, Snapshot
from hostgw.mesh.model import Expected, Member
from hostgw.model.ip import Prefix

T = TypeVar("T")


def per_snapshot(work_out: Callable[[Host], T]) -> Callable[[Host], T]:
    """Decorate a function of a host that reads nothing but its name and snapshot; its result must not be altered."""
    known: WeakKeyDictionary[Snapshot, tuple[str, T]] = WeakKeyDictionary()

    @wraps(work_out)
    def remembered(host: Host) -> T:
        snapshot = host.snapshot
        if snapshot is None:
            return work_out(host)
        kept = known.get(snapshot)
        if kept is None or kept[0] != host.name:
            kept = known[snapshot] = host.name, work_out(host)
        return kept[1]

    return remembered


Segments = tuple[tuple[int, str, Prefix], ...]
"""What a host reaches without a next hop, as far as owners stand there: (ifindex, device, prefix)."""


class Memory:
    """The members and expected routes of the last build; what is equal stays the same object."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self._addresses: Mapping[int, str] = {}
        self.shared: dict[Segments, tuple[Expected, ...]] = {}
        """Routes to every owner from a host that stands on these segments."""
        self._routes: dict[str, tuple[tuple[Expected, ...], tuple[Expected, ...]]] = {}

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
            needed = tuple(e for e in shared if e.subnet.owner != host and e.subnet.prefix not in own)
            kept = self._routes[host] = shared, needed
        return kept[1]
