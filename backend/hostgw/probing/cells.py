"""What a round of probes says of each cell of the mesh: from a host to a subnet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hostgw.mesh import Mesh
from hostgw.model.ip import Prefix, address_number
from hostgw.model.probe import ProbeResult, Probes
from hostgw.probing.verdict import Verdict, verdict

Cell = tuple[str, Prefix]
"""A host, and the subnet that it sends to."""
_WORST = tuple(Verdict)


def by_cell(probes: Probes, mesh: Mesh) -> Mapping[Cell, tuple[ProbeResult, ...]]:
    """Return the probes between containers of two hosts, by where they came from and the subnet that they went to."""
    found: dict[Cell, tuple[ProbeResult, ...]] = {}
    for result in probes.results:
        if result.to_gateway or not result.destination.ns:
            continue
        member, number = mesh.members.get(result.destination.host), address_number(result.destination.address)
        for subnet in member.subnets if member else ():
            if subnet.prefix.contains(number):
                key = result.source.host, subnet.prefix
                found[key] = (*found.get(key, ()), result)
    return found


def worst(results: Iterable[ProbeResult]) -> Verdict:
    """Return what came of them: of several the worst, of none that they were not sent."""
    said = [found for result in results if (found := verdict(result)) is not Verdict.NOT_SENT]
    return min(said, key=_WORST.index, default=Verdict.NOT_SENT)
