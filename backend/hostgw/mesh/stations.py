"""Containers on their ports: what hangs on which, with which addresses.

A host has hundreds of containers, and nearly all stand alike: in one bridge, in one prefix, with one way out. So they
are kept by kind (`Footing`), and what is true of one of a kind is asked once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec

from hostgw.fabric import Host, NamespaceState
from hostgw.mesh.memory import per_containers
from hostgw.mesh.model import Subnet
from hostgw.model.host import Namespace
from hostgw.model.ip import MASKS, Prefix, address_number
from hostgw.model.kernel import Address, Link, Route
from hostgw.wire import Section

MAIN = 254
DEFAULT = "0.0.0.0/0"
_NONE: Mapping[Any, Any] = {}
_LINKS, _ADDRESSES, _ROUTES = Section.LINKS, Section.ADDRESSES, Section.ROUTES
"""A member of an enumeration costs more to look up than all that is read by it."""


class Footing(NamedTuple):
    """What a container's veth stands in, and how the container leaves."""

    master: int
    """ifindex of the bridge on the host; 0 for none."""
    mtu: int
    """Of the inner end."""
    prefixes: tuple[Prefix, ...]
    """The prefixes of the inner end's IPv4 addresses."""
    scopes: tuple[str, ...]
    """Their scopes."""
    defaults: tuple[tuple[str, bool], ...]
    """The container's default routes, the one that is used first: the gateway, and whether it leaves by this veth."""


class Station(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A veth of a container: its end inside, its end on the host."""

    place: int
    """Its rank among the host's, by the containers' names."""
    container: Namespace
    state: NamespaceState
    inner: Link
    port: Link

    @property
    def addresses(self) -> tuple[Address, ...]:
        """IPv4 addresses of the inner end."""
        rows = cast("Iterable[Address]", self.state.table(_ADDRESSES).values())
        return tuple(row for row in rows if row.family == 4 and row.index == self.inner.index)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The same as integers."""
        return tuple(address_number(address.address) for address in self.addresses)

    @property
    def defaults(self) -> tuple[Route, ...]:
        """The container's default routes in table main, the one that is used first."""
        return tuple(_defaults(self.state))


class Kind(NamedTuple):
    """The stations that share a footing."""

    stations: tuple[Station, ...]
    numbers: tuple[int, ...]
    """Their addresses, as many for each as the footing has prefixes."""


@per_containers
def stations(host: Host) -> tuple[Station, ...]:
    """Return the veths of a host's containers, by the containers' names."""
    return _in_order(kind.stations for kind in alike(host).values())


def alike(host: Host) -> Mapping[Footing, Kind]:
    """Return the veths of a host's containers by what they stand in."""
    return _visit(host).alike


def container_numbers(host: Host) -> Sequence[int]:
    """Return the IPv4 addresses of a host's containers, those of devices that are no station too."""
    return _visit(host).numbers


class _Visit:
    """One walk through a host's containers: with so many, to enter each is what costs."""

    def __init__(self, host: Host) -> None:
        self._ends = _ends(host)
        self._kinds: dict[tuple[object, ...], tuple[Footing, list[Station], list[int]]] = {}
        self._place = 0
        self.numbers: list[int] = []
        states = host.snapshot.states if host.snapshot else {}
        for container in host.snapshot.containers if host.snapshot else ():
            if state := states.get(container.id):
                self._enter(container, state)
        self.alike = {footing: Kind(tuple(found), tuple(held)) for footing, found, held in self._kinds.values()}

    def _enter(self, container: Namespace, state: NamespaceState) -> None:
        """Take a container; the tables themselves are read, for no index of so many is ever used again."""
        tables: Mapping[Section, Mapping[Any, Any]] = state.tables
        rows = tables.get(_ADDRESSES, _NONE).values()
        held = [(row, address_number(row.address)) for row in rows if row.family == 4]
        for _, number in held:
            self.numbers.append(number)
        for end in self._ends.get(container.nsid, ()):
            inner = tables.get(_LINKS, _NONE).get((end.peer,))
            if inner and inner.kind == "veth":
                self._stand(Station(self._place, container, state, inner, end), held)
                self._place += 1

    def _stand(self, station: Station, held: Iterable[tuple[Address, int]]) -> None:
        """Put a station to those alike; the key has all that makes a footing, flat, for it is made for each."""
        index = station.port.peer
        key: list[object] = [station.port.master, station.inner.mtu]
        own = []
        for row, number in held:
            if row.index == index:
                key += (number & MASKS[row.length], row.length, row.scope)
                own.append(number)
        key.append(None)
        for route in _defaults(station.state):
            key += (route.gateway, route.oif == index)
        found = tuple(key)
        kind = self._kinds.get(found)
        if kind is None:
            kind = self._kinds[found] = _footing(station), [], []
        kind[1].append(station)
        kind[2].extend(own)


_visit = per_containers(_Visit)


def _ends(host: Host) -> Mapping[int, list[Link]]:
    """Return the veths on the host by the netns id of their other end."""
    ends: dict[int, list[Link]] = {}
    for link in host.root.links.values():
        if link.kind == "veth" and link.peer_nsid >= 0:
            ends.setdefault(link.peer_nsid, []).append(link)
    return ends


def _defaults(state: NamespaceState) -> list[Route]:
    tables: Mapping[Section, Mapping[Any, Any]] = state.tables
    found = [row for key, row in tables.get(_ROUTES, _NONE).items() if key[1] == DEFAULT and key[0] == MAIN]
    if len(found) > 1:
        found.sort(key=lambda r: (-r.tos, r.metric, r.position))
    return found


def _footing(station: Station) -> Footing:
    held, index = station.addresses, station.inner.index
    prefixes = tuple(Prefix(n & MASKS[a.length], a.length) for n, a in zip(station.numbers, held, strict=True))
    defaults = tuple((route.gateway, route.oif == index) for route in station.defaults)
    return Footing(station.port.master, station.inner.mtu, prefixes, tuple(a.scope for a in held), defaults)


def _in_order(kinds: Iterable[tuple[Station, ...]]) -> tuple[Station, ...]:
    found = tuple(kinds)
    return found[0] if len(found) == 1 else tuple(sorted(chain.from_iterable(found), key=attrgetter("place")))


@per_containers
def footings(host: Host, wanted: Prefix) -> tuple[Footing, ...]:
    """Return the kinds of which some hold an address of a prefix."""
    return tuple(footing for footing in alike(host) if any(wanted.overlaps(prefix) for prefix in footing.prefixes))


@per_containers
def _within(host: Host, wanted: Prefix, master: int | None) -> tuple[Station, ...]:
    kinds = []
    for footing in footings(host, wanted):
        if master is None or footing.master == master:
            same = alike(host)[footing].stations
            whole = any(wanted.covers(prefix) for prefix in footing.prefixes)
            kinds.append(same if whole else tuple(s for s in same if any(map(wanted.contains, s.numbers))))
    return _in_order(kinds)


def within(host: Host, subnet: Subnet, master: int | None = None) -> tuple[Station, ...]:
    """Return the veths of a host's containers that hold an address of a subnet; only those of a bridge, if told."""
    return _within(host, subnet.prefix, master)


def served(host: Host, subnets: Iterable[Subnet]) -> Iterator[tuple[Station, Subnet]]:
    """Yield the veths of a host's containers that hold an address of one of `subnets`, with that subnet."""
    for subnet in subnets:
        for station in within(host, subnet):
            yield station, subnet


@per_containers
def _ends_by_container(host: Host) -> Mapping[int, tuple[Link, ...]]:
    found: dict[int, tuple[Link, ...]] = {}
    for station in stations(host):
        found[station.container.id] = (*found.get(station.container.id, ()), station.port)
    return found


def host_ends(host: Host, container: Namespace) -> tuple[Link, ...]:
    """Return the host's ends of all of a container's veths, by ifindex."""
    return _ends_by_container(host).get(container.id, ())


def host_end(host: Host, container: Namespace) -> Link | None:
    """Return the host's end of a container's veth."""
    return next(iter(host_ends(host, container)), None)
