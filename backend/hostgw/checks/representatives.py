"""Packets that stand for many: of the containers that no rule of a host tells apart, one is enough to judge."""

from __future__ import annotations

from dataclasses import dataclass

from hostgw.fabric import Host
from hostgw.mesh import Expected, Mesh, Subnet
from hostgw.mesh.memory import per_mesh, per_snapshot
from hostgw.mesh.stations import container_numbers
from hostgw.model.ip import FULL
from hostgw.paths.netfilter import Flow, passages

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


@per_mesh
def remotes(host: Host, mesh: Mesh) -> tuple[Remote, ...]:
    """Return the containers of other hosts, by what the rules of this host make of them."""
    needed, inside = mesh.expected_of(host.name), mesh.inside
    kinds = passages(host.root).kinds([expected.subnet.gateway + 1 for expected in needed])
    groups: dict[tuple[tuple[int, int], str, bool], list[Expected]] = {}
    for kind, expected in zip(kinds, needed, strict=True):
        groups.setdefault((kind, expected.device, expected.subnet.prefix in inside), []).append(expected)
    return tuple(
        Remote(found[0].subnet.gateway + 1, device, tuple(dict.fromkeys(e.subnet.owner for e in found)), within)
        for (_, device, within), found in groups.items()
        if device
    )


@per_snapshot
def ordinary(host: Host, subnet: Subnet) -> int:
    """Return an address of a subnet that no rule singles out."""
    last = subnet.prefix.address | (FULL >> subnet.prefix.length)
    candidates = [n for n in (subnet.gateway + 1, last - 1, last - 2, last - 3, last - 4) if subnet.prefix.contains(n)]
    kinds = passages(host.root).kinds(candidates)
    return max(zip(kinds, candidates, strict=True), key=lambda found: kinds.count(found[0]))[1]


@per_snapshot
def own(host: Host, subnet: Subnet) -> tuple[int, ...]:
    """Return addresses that stand for the host's own containers: an ordinary one, and those that rules single out."""
    mask, network = subnet.prefix.mask, subnet.prefix.address
    numbers = [number for number in container_numbers(host) if number & mask == network]
    numbers.append(ordinary(host, subnet))
    kinds = dict(zip(passages(host.root).kinds(numbers), numbers, strict=True))
    return tuple(reversed(kinds.values()))[:MAX_OWN]


def flows(source: int, destination: int, iif: str, oif: str) -> tuple[Flow, ...]:
    """Return an echo request and a first TCP segment: what drops both, drops everything."""
    return (
        Flow(source, destination, iif, oif),
        Flow(source, destination, iif, oif, "tcp", *PORTS),
    )
