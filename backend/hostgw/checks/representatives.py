"""Packets that stand for many: of the containers that no rule of a host tells apart, one is enough to judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from hostgw.fabric import Host, Snapshot
from hostgw.mesh import Expected, Mesh, Subnet
from hostgw.mesh.memory import per_snapshot
from hostgw.model.ip import FULL, address_number
from hostgw.paths.netfilter import Flow, Passages, passages

MAX_OWN = 6
"""Kinds of own containers that are judged apart."""
PORTS = (40000, 50000)
"""High ones, which no service is known by."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Containers of other hosts that share their fate here."""

    address: int
    device: str
    owners: tuple[str, ...]
    inside: bool
    """They and the host's own containers belong to the network: packets between them keep their source."""


_REMOTES: WeakKeyDictionary[Snapshot, tuple[Mesh, tuple[Remote, ...]]] = WeakKeyDictionary()


def remotes(host: Host, mesh: Mesh) -> tuple[Remote, ...]:
    """Return the containers of other hosts, by what the rules of this host make of them."""
    if host.snapshot is None:
        return ()
    known = _REMOTES.get(host.snapshot)
    if known is None or known[0] is not mesh:
        known = _REMOTES[host.snapshot] = mesh, tuple(_remotes(host, mesh))
    return known[1]


def _remotes(host: Host, mesh: Mesh) -> Iterator[Remote]:
    judged = passages(host.root)
    groups: dict[tuple[int, int, str, bool], list[Expected]] = {}
    for expected in mesh.expected_of(host.name):
        address = expected.subnet.gateway + 1
        inside = mesh.network is not None and mesh.network.covers(expected.subnet.prefix)
        kind = (judged.destination_class(address), judged.source_class(address), expected.device, inside)
        groups.setdefault(kind, []).append(expected)
    for (_, _, device, within), found in groups.items():
        if device:
            owners = tuple(dict.fromkeys(e.subnet.owner for e in found))
            yield Remote(found[0].subnet.gateway + 1, device, owners, within)


def ordinary(host: Host, subnet: Subnet) -> int:
    """Return an address of a subnet that no rule singles out."""
    judged = passages(host.root)
    last = subnet.prefix.address | (FULL >> subnet.prefix.length)
    candidates = [n for n in (subnet.gateway + 1, last - 1, last - 2, last - 3, last - 4) if subnet.prefix.contains(n)]
    kinds = [_kind(judged, number) for number in candidates]
    return max(zip(kinds, candidates, strict=True), key=lambda found: kinds.count(found[0]))[1]


def own(host: Host, subnet: Subnet) -> tuple[int, ...]:
    """Return addresses that stand for the host's own containers: an ordinary one, and those that rules single out."""
    judged = passages(host.root)
    held = (number for number in container_numbers(host) if subnet.prefix.contains(number))
    kinds = {_kind(judged, number): number for number in (*held, ordinary(host, subnet))}
    return tuple(reversed(kinds.values()))[:MAX_OWN]


def _kind(judged: Passages, number: int) -> tuple[int, int]:
    return judged.source_class(number), judged.destination_class(number)


@per_snapshot
def container_numbers(host: Host) -> tuple[int, ...]:
    """Return the IPv4 addresses of the containers of a host."""
    snapshot = host.snapshot
    states = (snapshot.state(ns.id) for ns in snapshot.containers) if snapshot else ()
    return tuple(address_number(a.address) for state in states for a in state.addresses if a.family == 4)


def flows(source: int, destination: int, iif: str, oif: str) -> tuple[Flow, ...]:
    """Return an echo request and a first TCP segment: what drops both, drops everything."""
    return (
        Flow(source, destination, iif, oif),
        Flow(source, destination, iif, oif, "tcp", *PORTS),
    )
