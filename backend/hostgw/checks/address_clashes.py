"""Subnets that several hosts claim (A1, A4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hostgw.checks.bridge_addresses import prefixes_of
from hostgw.checks.underlay_clashes import machines_of
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Member, Mesh
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.memory import per_mesh, per_snapshot
from hostgw.model.finding import Finding
from hostgw.model.host import Role
from hostgw.model.ip import Prefix


class Stake(NamedTuple):
    """A range that a host owns, or in which its bridge stands all the same (`astray`)."""

    prefix: Prefix
    astray: bool
    owner: str
    reason: str


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield what hosts hold in common that they must not."""
    yield from _overlaps(fabric, mesh)
    yield from _everywhere(fabric, mesh)


def _overlaps(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    machines = machines_of(fabric)
    named: set[tuple[str, Prefix]] = set()
    astray = [stake for host in fabric.readable for stake in _astray(host, mesh)]
    owned = (Stake(s.prefix, False, s.owner, s.reason) for s in mesh.subnets)
    for first, second in overlapping((*owned, *astray)) if astray or mesh.overlaps else ():
        wrong, right = (first, second) if first.astray and not second.astray else (second, first)
        if machines.get(wrong.owner, wrong.owner) == machines.get(right.owner, right.owner):
            continue
        if (wrong.owner, wrong.prefix) not in named:
            named.add((wrong.owner, wrong.prefix))
            both = f"both own {wrong.prefix}" if wrong.prefix == right.prefix else "own overlapping subnets"
            detail = "" if wrong.prefix == right.prefix else f": {right.prefix} and {wrong.prefix}"
            summary = f"{right.owner} and {wrong.owner} {both}{detail}"
            effect = f"other hosts reach the containers of {right.owner} or of {wrong.owner}, not of both"
            evidence = tuple(f"{s.owner}: {s.prefix} ({s.reason})" for s in (right, wrong))
            yield finding("subnet-overlap", wrong.owner, str(wrong.prefix), summary, effect, evidence)


@per_mesh
def _astray(host: Host, mesh: Mesh) -> tuple[Stake, ...]:
    """Return the ranges in which bridges stand that serve a subnet elsewhere."""
    subnets = mesh.members[host.name].subnets
    names = {subnet.bridge for subnet in subnets if subnet.bridge}
    bridges = (bridge for name in names if (bridge := host.root.links_by_name.get(name)))
    held = ((bridge.name, found) for bridge in bridges for found in prefixes_of(host, bridge))
    return tuple(
        Stake(found, True, host.name, f"address of {name}")
        for name, found in held
        if not any(found.overlaps(subnet.prefix) for subnet in subnets)
    )


def overlapping(stakes: Iterable[Stake]) -> Iterator[tuple[Stake, Stake]]:
    """Yield the pairs of different owners that overlap: prefixes either nest or share nothing, so one sweep will do."""
    around: list[Stake] = []
    for stake in sorted(stakes):
        while around and not around[-1].prefix.covers(stake.prefix):
            around.pop()
        yield from ((outer, stake) for outer in around if outer.owner != stake.owner)
        around.append(stake)


def _everywhere(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the prefix that several hosts use for containers, where no bridge of theirs serves an own subnet."""
    places: dict[Prefix, list[tuple[str, str]]] = defaultdict(list)
    for host in fabric.readable:
        if mesh.members[host.name].role is Role.OWNER:
            for bridge, prefix in _busy(host):
                if _unserved(mesh.members[host.name], prefix, mesh):
                    places[prefix].append((host.name, bridge))
    for prefix, found in places.items():
        if len(found) > 1:
            names = ", ".join(name for name, _ in found[:-1])
            count = "both" if len(found) == 2 else "all"
            summary = f"{names} and {found[-1][0]} {count} have {prefix} for their containers"
            effect = "no host can route to the containers of another: the addresses mean its own"
            evidence = tuple(f"{name}: {bridge} in {prefix}" for name, bridge in found)
            yield finding("subnet-everywhere", found[0][0], str(prefix), summary, effect, evidence)


def _unserved(member: Member, busy: Prefix, mesh: Mesh) -> bool:
    """Tell whether a host has no subnet of its own, or one that only routes of others speak of, and swallows it."""
    if any(subnet.bridge for subnet in member.subnets):
        return False
    return not mesh.subnets or any(busy.overlaps(subnet.prefix) for subnet in member.subnets)


@per_snapshot
def _busy(host: Host) -> tuple[tuple[str, Prefix], ...]:
    """Return the bridges that have containers, with their prefixes."""
    return tuple(
        (bridge.name, prefix)
        for bridge in container_bridges(host)
        if any(port.kind == "veth" for port in host.root.ports_of(bridge.index))
        for prefix in prefixes_of(host, bridge)
    )
