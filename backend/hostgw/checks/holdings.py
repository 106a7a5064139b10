"""Which container of a host holds which address on a bridge, and who holds one that is odd.

Containers that stand in the same prefixes are judged at once; each is looked at alone only where one of them is odd.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from hostgw.checks.bridge_addresses import prefixes_of
from hostgw.fabric import Host
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.stations import alike, stations
from hostgw.model.ip import Prefix, interface_prefix

GLOBAL = "global"


class Held(NamedTuple):
    """An address of a container on a bridge."""

    container: str
    bridge: str
    text: str
    address: int
    prefix: Prefix


class _Bridge(NamedTuple):
    name: str
    prefixes: tuple[Prefix, ...]


class _Kind(NamedTuple):
    """Containers on one bridge with global addresses in the same prefixes."""

    around: tuple[Prefix, ...]
    """The prefixes of the bridge."""
    prefixes: tuple[Prefix, ...]
    numbers: tuple[int, ...]
    """The addresses themselves."""


@per_snapshot
def by_address(host: Host) -> Mapping[int, tuple[Held, ...]]:
    """Return the containers of a host by their addresses."""
    found: dict[int, tuple[Held, ...]] = {}
    for _, held in _each(host):
        for one in held:
            found[one.address] = (*found.get(one.address, ()), one)
    return found


@per_snapshot
def twice(host: Host) -> tuple[int, ...]:
    """Return the addresses that more than one container of a host holds."""
    numbers = [number for kind in _kinds(host) for number in kind.numbers]
    if len(set(numbers)) == len(numbers):
        return ()
    return tuple(n for n, holders in by_address(host).items() if len({h.container for h in holders}) > 1)


@per_snapshot
def outside(host: Host) -> tuple[Held, ...]:
    """Return the containers that stand outside the prefixes of their bridge, each by its first address."""
    if all(any(p.covers(q) for p in kind.around for q in kind.prefixes) for kind in _kinds(host)):
        return ()
    return tuple(
        held[0] for around, held in _each(host) if not any(p.contains(one.address) for one in held for p in around)
    )


@per_snapshot
def wide(host: Host) -> tuple[Held, ...]:
    """Return the addresses whose mask takes in more than their bridge's does."""
    if all(q in kind.around for kind in _kinds(host) for q in kind.prefixes):
        return ()
    return tuple(
        one
        for around, held in _each(host)
        for one in held
        if one.prefix not in around and any(one.prefix.covers(p) for p in around)
    )


@per_snapshot
def _bridges(host: Host) -> Mapping[int, _Bridge]:
    """Return the bridges by ifindex."""
    bridges = (link for link in host.root.links.values() if link.kind == "bridge")
    return {link.index: _Bridge(link.name, prefixes_of(host, link)) for link in bridges}


@per_snapshot
def _kinds(host: Host) -> tuple[_Kind, ...]:
    return tuple(_found_kinds(host))


def _found_kinds(host: Host) -> Iterator[_Kind]:
    bridges = _bridges(host)
    for footing, kind in alike(host).items():
        places = [place for place, scope in enumerate(footing.scopes) if scope == GLOBAL]
        if places and (bridge := bridges.get(footing.master)):
            numbers = chain.from_iterable(kind.numbers[place :: len(footing.scopes)] for place in places)
            yield _Kind(bridge.prefixes, tuple(footing.prefixes[place] for place in places), tuple(numbers))


def _each(host: Host) -> Iterator[tuple[tuple[Prefix, ...], tuple[Held, ...]]]:
    """Yield the global addresses of every container on a bridge, with the prefixes of that bridge."""
    bridges = _bridges(host)
    for station in stations(host):
        if bridge := bridges.get(station.port.master):
            texts = [f"{a.address}/{a.length}" for a in station.addresses if a.scope == GLOBAL]
            if texts:
                name = station.container.name
                yield bridge.prefixes, tuple(Held(name, bridge.name, t, *interface_prefix(t)) for t in texts)
