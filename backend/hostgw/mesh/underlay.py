"""Find the NIC by which each host stands on the shared segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from hostgw.fabric import Host
from hostgw.inventory.inventory import Intent
from hostgw.mesh.bridges import management_address, underlay_addresses
from hostgw.mesh.memory import Memory, per_snapshot
from hostgw.mesh.model import Underlay
from hostgw.model.ip import Prefix, address_number, interface_prefix
from hostgw.model.kernel import Address, Link

MAIN = 254


class Shown(NamedTuple):
    """What a host shows of where it stands."""

    candidates: tuple[Address, ...]
    links: tuple[Link, ...]
    """The devices that hold them."""
    defaults: frozenset[int]
    """Devices of default routes."""
    management: str


def underlays(hosts: tuple[Host, ...], intents: Mapping[str, Intent], memory: Memory) -> Mapping[str, Underlay]:
    """Return each host's underlay: told, else the address on the prefix shared with most other hosts.

    An address that repeats on several hosts (Vagrant's NAT) is never it, unless it is all that a host has on the
    segment where most others hold addresses of their own: then somebody took it. Ties: the prefix that holds most
    gateways of all hosts' routes, then the one by which SSH came, then the one of the default route.
    """
    shown = {host.name: _shown(host) for host in memory.each(hosts)}
    tie = any(len(each.candidates) > 1 for each in shown.values())
    return memory.unless_changed(_chosen, shown, tuple(map(_gateways, hosts)) if tie else (), intents)


@per_snapshot
def _shown(host: Host) -> Shown:
    candidates = underlay_addresses(host)
    links = tuple(host.root.links[address.index] for address in candidates)
    defaults = frozenset(r.oif for r in host.root.routes if r.table == MAIN and r.dst == "0.0.0.0/0")
    return Shown(candidates, links, defaults, management_address(host))


def _chosen(
    shown: Mapping[str, Shown], gateways: tuple[Counter[int], ...], intents: Mapping[str, Intent]
) -> Mapping[str, Underlay]:
    seen = Counter(text for found in shown.values() for text in {a.address for a in found.candidates})
    unique = {name: [a for a in found.candidates if seen[a.address] == 1] for name, found in shown.items()}
    shared = Counter(segment for found in unique.values() for segment in {_segment(a) for a in found})
    votes = _votes(shown, gateways) if any(len(found) > 1 for found in unique.values()) else Counter()
    chosen: dict[str, Underlay] = {}
    common = max(shared, key=lambda segment: (shared[segment], votes[segment], segment), default=None)
    for name, host in shown.items():
        found = _with_taken(unique[name], host.candidates, common)
        if found:
            chosen[name] = _choose(host, found, shared, votes, intents.get(name))
    return chosen


def _with_taken(unique: list[Address], candidates: tuple[Address, ...], common: Prefix | None) -> list[Address]:
    """Return a host's own addresses, and those that others hold, too, where it has no other on the common segment."""
    if any(_segment(address) == common for address in unique):
        return unique
    return [*unique, *(a for a in candidates if _segment(a) == common and a not in unique)]


def _votes(shown: Mapping[str, Shown], gateways: tuple[Counter[int], ...]) -> Counter[Prefix]:
    """Count, over all hosts, how many next hops lie in each segment: one host that routes astray does not decide."""
    segments = {_segment(a) for found in shown.values() for a in found.candidates}
    counted: Counter[int] = Counter()
    for held in gateways:
        counted.update(held)
    return Counter({s: sum(n for gateway, n in counted.items() if s.contains(gateway)) for s in segments})


@per_snapshot
def _gateways(host: Host) -> Counter[int]:
    counted = Counter(r.gateway for r in host.root.routes if r.gateway and r.table == MAIN)
    return Counter({address_number(gateway): n for gateway, n in counted.items()})


def _choose(
    host: Shown, found: list[Address], shared: Counter[Prefix], votes: Counter[Prefix], intent: Intent | None
) -> Underlay:
    told = [a for a in found if intent and intent.underlay == address_number(a.address)]
    best = told[0] if told else max(found, key=lambda a: _score(host, a, shared, votes))
    others = tuple(address_number(a.address) for a in found if a is not best)
    link = next(link for link in host.links if link.index == best.index)
    number = address_number(best.address)
    up = link.up and link.carrier
    return Underlay(link.index, link.name, number, _segment(best), others, link.mac, link.mtu, up)


def _score(
    host: Shown, address: Address, shared: Counter[Prefix], votes: Counter[Prefix]
) -> tuple[int, int, bool, bool, int]:
    segment = _segment(address)
    managed, default = address.address == host.management, address.index in host.defaults
    return shared[segment], votes[segment], managed, default, -address.index


def _segment(address: Address) -> Prefix:
    return interface_prefix(f"{address.address}/{address.length}")[1]
