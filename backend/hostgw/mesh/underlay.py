"""Find the NIC by which each host stands on the shared segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hostgw.fabric import Host
from hostgw.inventory.inventory import Intent
from hostgw.mesh.bridges import management_address, underlay_addresses
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.model import Underlay
from hostgw.model.ip import Prefix, address_number, interface_prefix
from hostgw.model.kernel import Address

MAIN = 254


def underlays(hosts: tuple[Host, ...], intents: Mapping[str, Intent]) -> dict[str, Underlay]:
    """Return each host's underlay: told, else the address on the prefix shared with most other hosts.

    An address that repeats on several hosts (Vagrant's NAT) is never it, unless it is all that a host has on the
    segment where most others hold addresses of their own: then somebody took it. Ties: the prefix that holds most
    gateways of all hosts' routes, then the one by which SSH came, then the one of the default route.
    """
    candidates = {host.name: underlay_addresses(host) for host in hosts}
    seen = Counter(text for found in candidates.values() for text in {a.address for a in found})
    unique = {name: [a for a in found if seen[a.address] == 1] for name, found in candidates.items()}
    shared = Counter(segment for found in unique.values() for segment in {_segment(a) for a in found})
    votes = _votes(hosts) if any(len(found) > 1 for found in unique.values()) else Counter()
    chosen: dict[str, Underlay] = {}
    common = max(shared, key=lambda segment: (shared[segment], votes[segment], segment), default=None)
    for host in hosts:
        found = _with_taken(unique[host.name], candidates[host.name], common)
        if found:
            chosen[host.name] = _choose(host, found, shared, votes, intents.get(host.name))
    return chosen


def _with_taken(unique: list[Address], candidates: tuple[Address, ...], common: Prefix | None) -> list[Address]:
    """Return a host's own addresses, and those that others hold, too, where it has no other on the common segment."""
    if any(_segment(address) == common for address in unique):
        return unique
    return [*unique, *(a for a in candidates if _segment(a) == common and a not in unique)]


def _votes(hosts: tuple[Host, ...]) -> Counter[Prefix]:
    """Count, over all hosts, how many next hops lie in each segment: one host that routes astray does not decide."""
    segments = {_segment(a) for host in hosts for a in underlay_addresses(host)}
    gateways: Counter[int] = Counter()
    for host in hosts:
        gateways.update(_gateways(host))
    return Counter({s: sum(n for gateway, n in gateways.items() if s.contains(gateway)) for s in segments})


@per_snapshot
def _gateways(host: Host) -> Counter[int]:
    return Counter(address_number(r.gateway) for r in host.root.routes if r.gateway and r.table == MAIN)


def _choose(
    host: Host, found: list[Address], shared: Counter[Prefix], votes: Counter[Prefix], intent: Intent | None
) -> Underlay:
    told = [a for a in found if intent and intent.underlay == address_number(a.address)]
    best = told[0] if told else max(found, key=lambda a: _score(host, a, shared, votes))
    others = tuple(address_number(a.address) for a in found if a is not best)
    link = host.root.links[best.index]
    number = address_number(best.address)
    up = link.up and link.carrier
    return Underlay(link.index, link.name, number, _segment(best), others, link.mac, link.mtu, up)


def _score(
    host: Host, address: Address, shared: Counter[Prefix], votes: Counter[Prefix]
) -> tuple[int, int, bool, bool, int]:
    segment = _segment(address)
    default = address.index in _default_devices(host)
    return shared[segment], votes[segment], address.address == management_address(host), default, -address.index


@per_snapshot
def _default_devices(host: Host) -> frozenset[int]:
    return frozenset(r.oif for r in host.root.routes if r.table == MAIN and r.dst == "0.0.0.0/0")


def _segment(address: Address) -> Prefix:
    return interface_prefix(f"{address.address}/{address.length}")[1]
