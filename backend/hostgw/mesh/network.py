"""The cluster network: one prefix that holds every container subnet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hostgw.fabric import Host
from hostgw.mesh.assigned import flannel_networks
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.owners import nat_rules
from hostgw.model.ip import Prefix, maybe_prefix, prefix
from hostgw.model.iptables import FilterRule

PRIVATE = (prefix("10.0.0.0/8"), prefix("172.16.0.0/12"), prefix("192.168.0.0/16"), prefix("100.64.0.0/10"))
WIDEST = 8


def network(told: Prefix | None, hosts: tuple[Host, ...], subnets: Iterable[Prefix]) -> tuple[Prefix | None, str]:
    """Return the network and where it is known from.

    Told, flannel's own, the NAT rules', else the common prefix of the subnets.
    """
    if told:
        return told, "told"
    owned = list(subnets)
    for source, named in (("flannel's subnet.env", flannel_networks), ("the NAT rules", named_networks)):
        for candidate in named(hosts) if owned else ():
            if all(candidate.covers(subnet) for subnet in owned):
                return candidate, source
    common = common_prefix(owned)
    if common and common.length >= WIDEST and any(block.covers(common) for block in PRIVATE):
        return common, "the common prefix of the subnets"
    return None, ""


def named_networks(hosts: tuple[Host, ...]) -> list[Prefix]:
    """Return the networks that NAT rules exempt, those of most hosts and the widest first."""
    named = Counter(p for host in hosts for p in _named_on(host))
    return sorted(named, key=lambda p: (-named[p], p.length))


@per_snapshot
def _named_on(host: Host) -> frozenset[Prefix]:
    return frozenset(p for rule in nat_rules(host) if (p := named_by(rule)))


def named_by(rule: FilterRule) -> Prefix | None:
    """Return the network that an exemption names: the wider of its two prefixes, where one holds the other.

    ``-s NET -d NET -j RETURN``, flannel's ``-s SUBNET -d NET -j RETURN``, rule 3's ``! -s NET -d SUBNET -j RETURN``.
    """
    source, destination = rule.option("-s"), rule.option("-d")
    if not (source and destination) or destination.inverted or rule.target not in ("RETURN", "ACCEPT"):
        return None
    first, second = (maybe_prefix(option.values[0]) if option.values else None for option in (source, destination))
    if first is None or second is None or 0 in (first.length, second.length):
        return None
    if first.covers(second):
        return first
    return second if second.covers(first) and not source.inverted else None


def common_prefix(prefixes: list[Prefix]) -> Prefix | None:
    """Return the longest prefix that covers all of `prefixes`; None for an empty list."""
    if not prefixes:
        return None
    low = min(p.address for p in prefixes)
    high = max(p.address | (0xFFFFFFFF >> p.length) for p in prefixes)
    length = min(32 - (low ^ high).bit_length(), *(p.length for p in prefixes))
    return Prefix(low & Prefix(0, length).mask, length)
