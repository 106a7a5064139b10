"""Evidence of one host that contradicts itself: a bridge in a subnet that is neither its containers' nor its lease."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from hostgw.fabric import Host
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.owners import Claim
from hostgw.model.ip import Prefix, address_number, prefix

Owned = tuple[str, Prefix]


def contradicted(found: Iterable[Claim], hosts: tuple[Host, ...]) -> Iterator[Owned]:
    """Yield (host, prefix) of observed claims that give way.

    What the others route to the host counts more than what they do not; where they route none of it, what more kinds
    of evidence agree on, then the strongest.
    """
    by_owner: dict[str, list[Claim]] = defaultdict(list)
    for claim in found:
        by_owner[claim.subnet.owner].append(claim)
    disputed = {name: _ordered(held) for name, held in by_owner.items() if len({c.subnet.prefix for c in held}) > 1}
    if not disputed:
        return
    named = {host.name: host for host in hosts}
    ways = frozenset().union(*map(_ways, hosts))
    for name, held in disputed.items():
        if host := named.get(name):
            own = _own(host)
            routed = {p for p in held if any((p, address) in ways for address in own)}
            yield from ((name, claim.subnet.prefix) for claim in _weaker(held, routed))


def _ordered(held: list[Claim]) -> dict[Prefix, Claim]:
    """Return the best claim for each prefix, what is told first, then what most kinds of evidence say."""
    kinds: dict[Prefix, set[int]] = defaultdict(set)
    for claim in held:
        kinds[claim.subnet.prefix].add(claim.rank)
    found: dict[Prefix, Claim] = {}
    for claim in sorted(held, key=lambda c: (c.rank > 0, -len(kinds[c.subnet.prefix]), c.rank)):
        found.setdefault(claim.subnet.prefix, claim)
    return found


def _weaker(held: dict[Prefix, Claim], routed: set[Prefix]) -> Iterator[Claim]:
    kept: list[Claim] = []
    for wanted, claim in held.items():
        if claim.rank == 0 or wanted in routed:
            kept.append(claim)
        elif routed or any(_about_the_same(claim, other) for other in kept):
            yield claim
        else:
            kept.append(claim)


def _about_the_same(claim: Claim, stronger: Claim) -> bool:
    """Tell whether a weaker claim contradicts a stronger one of the same bridge; two addresses of it do not."""
    bridges = claim.subnet.bridge, stronger.subnet.bridge
    return claim.rank != stronger.rank and ("" in bridges or bridges[0] == bridges[1])


@per_snapshot
def _ways(host: Host) -> frozenset[tuple[Prefix, int]]:
    """Return the prefixes that a host routes, each with the next hop."""
    return frozenset((prefix(r.dst), address_number(r.gateway)) for r in host.root.routes if r.gateway)


@per_snapshot
def _own(host: Host) -> tuple[int, ...]:
    return tuple(address_number(a.address) for a in host.root.addresses if a.family == 4)
