"""Bridge prefixes that are nobody else's business: libvirt's, a second Docker network's, an idle docker0's."""

from __future__ import annotations

from collections import Counter, defaultdict

from hostgw.fabric import Host
from hostgw.mesh.assigned import flannel_networks
from hostgw.mesh.contradictions import Owned, contradicted
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.network import named_networks
from hostgw.mesh.owners import Claim
from hostgw.model.ip import Prefix, prefix

BRIDGE_RANK = 1


def local_only(found: list[Claim], hosts: tuple[Host, ...], told: Prefix | None) -> frozenset[Owned]:
    """Return (host, prefix) of the claims that are not part of the mesh: foreign prefixes, and what gives way."""
    foreign = _foreign(found, hosts, told)
    aside = {(c.subnet.owner, c.subnet.prefix) for c in found if c.rank > 0 and c.subnet.prefix in foreign}
    left = [c for c in found if c.rank == 0 or c.subnet.prefix not in foreign]
    return frozenset(aside.union(contradicted(left, hosts)))


def _foreign(found: list[Claim], hosts: tuple[Host, ...], told: Prefix | None) -> frozenset[Prefix]:
    """Return the prefixes of bridges that nobody else needs.

    Outside the network that was told; or routed by nobody and outside the network that NAT rules name, repeated on
    several hosts, or beside another bridge of the same host that is routed, or in use where this one is idle.
    """
    bridged = [claim for claim in found if claim.rank == BRIDGE_RANK]
    repeated = Counter(claim.subnet.prefix for claim in bridged)
    siblings: dict[str, list[Claim]] = defaultdict(list)
    for claim in bridged:
        siblings[claim.subnet.owner].append(claim)
    network = told or _named(hosts, bridged)
    routed = (
        _routed(hosts) if len(bridged) > len(siblings) or max(repeated.values(), default=0) > 1 or network else set()
    )

    def is_local(claim: Claim) -> bool:
        wanted = claim.subnet.prefix
        outside = network is not None and not network.covers(wanted)
        if wanted in routed:
            return outside and network == told
        beside = (other for other in siblings[claim.subnet.owner] if other is not claim)
        better = any(other.subnet.prefix in routed or (other.busy and not claim.busy) for other in beside)
        return outside or repeated[wanted] > 1 or better

    aside = {
        claim.subnet.prefix
        for claim in found
        if claim.rank > BRIDGE_RANK and network is not None and not network.covers(claim.subnet.prefix)
    }
    return frozenset({claim.subnet.prefix for claim in bridged if is_local(claim)} | (aside - routed))


def _routed(hosts: tuple[Host, ...]) -> set[Prefix]:
    return set().union(*map(_routed_by, hosts))


@per_snapshot
def _routed_by(host: Host) -> frozenset[Prefix]:
    return frozenset(prefix(route.dst) for route in host.root.routes if route.gateway)


def _named(hosts: tuple[Host, ...], bridged: list[Claim]) -> Prefix | None:
    """Return the network that flannel or most NAT rules name, if it holds a bridge's subnet at all."""
    named = [*flannel_networks(hosts), *named_networks(hosts)]
    return next((p for p in named if any(p.covers(claim.subnet.prefix) for claim in bridged)), None)
