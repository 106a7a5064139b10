"""Who owns which subnet, by evidence, strongest first.

Inventory; a bridge's address (also of a bridge that is down); the containers' addresses and gateway; flannel's lease
and Docker's bip; NAT rule 3; the next hop that most peers use. So ownership survives the very faults that are looked
for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from hostgw.fabric import Host, NamespaceState
from hostgw.inventory.inventory import Intent
from hostgw.mesh.assigned import assignments
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.model import Subnet, Underlay
from hostgw.mesh.stations import alike
from hostgw.model.ip import DEFAULT, Prefix, address_number, interface_prefix, maybe_prefix, prefix
from hostgw.model.iptables import FilterRule, Option, parse
from hostgw.model.kernel import Link
from hostgw.model.prefixes import PrefixSet

MAIN = 254
READY_MADE = frozenset({"docker0", "virbr0", "lxcbr0", "lxdbr0", "podman0", "cni-podman0"})


@dataclass(frozen=True, slots=True)
class Claim:
    """One piece of evidence that a host owns a prefix; `rank` 0 is the strongest."""

    subnet: Subnet
    rank: int
    busy: bool = True
    """Containers are attached, or somebody routes to it."""


def claims(host: Host, intent: Intent | None) -> Iterator[Claim]:
    """Yield what was told of a host and what it shows itself."""
    for told in intent.subnets if intent else ():
        yield Claim(Subnet(told, host.name, told.first_host, _bridge_for(host, told), "inventory"), 0)
    yield from _shown(host)


@per_snapshot
def _shown(host: Host) -> tuple[Claim, ...]:
    """Return what a host shows itself; many containers of one subnet claim it once."""
    kept: dict[tuple[int, Prefix], Claim] = {}
    for claim in (*_seen(host), *_by_files(host), *_by_nat(host)):
        kept.setdefault((claim.rank, claim.subnet.prefix), claim)
    return tuple(kept.values())


@per_snapshot
def _seen(host: Host) -> tuple[Claim, ...]:
    """Return what a host's bridges and containers show."""
    return (*_by_bridge(host), *_by_containers(host))


def _bridge_for(host: Host, subnet: Prefix) -> str:
    """Return the bridge that serves a subnet: by its address, by its containers', else the only one."""
    for claim in _seen(host):
        if claim.subnet.bridge and claim.subnet.prefix.overlaps(subnet):
            return claim.subnet.bridge
    bridges = [bridge for bridge in container_bridges(host) if not _idles(host, bridge)]
    return bridges[0].name if len(bridges) == 1 else ""


def _idles(host: Host, bridge: Link) -> bool:
    """Tell whether a bridge is one that a package made, with an address of its own choice and nothing attached."""
    unused = not host.root.ports_of(bridge.index) and bool(host.root.addresses_of(bridge.index))
    return unused and bridge.name in READY_MADE


def _by_bridge(host: Host) -> Iterator[Claim]:
    for link in container_bridges(host):
        busy = bool(host.root.ports_of(link.index))
        for address in host.root.addresses_of(link.index):
            gateway, subnet = interface_prefix(f"{address.address}/{address.length}")
            if subnet.length < 32:
                reason = f"address of {link.name}"
                yield Claim(Subnet(subnet, host.name, gateway, link.name, reason), 1, busy)


def _by_containers(host: Host) -> Iterator[Claim]:
    """Yield a claim for each prefix of containers on a bridge; of many containers, the first says it."""
    links = host.root.links
    telling = (s for f, kind in alike(host).items() for s in kind.stations[: 1 if f.master in links else None])
    seen: set[tuple[int, Prefix]] = set()
    for station in sorted(telling, key=attrgetter("place")):
        end, bridge = station.port, links.get(station.port.master)
        for address in station.addresses:
            _, subnet = interface_prefix(f"{address.address}/{address.length}")
            if subnet.length >= 31 or (end.master, subnet) in seen:
                continue
            if not (_orphaned(host, end) if bridge is None else bridge.kind == "bridge"):
                continue  # a namespace with a cable of its own: a VPN's, a test's
            if bridge:
                seen.add((end.master, subnet))
            gateway = _gateway(station.state, subnet)
            reason = f"address of container {station.container.name}"
            yield Claim(Subnet(subnet, host.name, gateway, bridge.name if bridge else "", reason), 2)


def _orphaned(host: Host, port: Link) -> bool:
    """Tell whether a container's veth was left behind by a bridge that is gone: nothing else leads to the container.

    Only on a host without a container bridge: beside one, a single veth is a cable of its own, or detached from it.
    """
    if container_bridges(host) or host.root.addresses_of(port.index):
        return False
    return not any(route.oif == port.index for route in host.root.routes)


def _by_files(host: Host) -> Iterator[Claim]:
    for given in assignments(host):
        yield Claim(Subnet(given.prefix, host.name, given.gateway, given.bridge, given.reason), 3)


def _gateway(container: NamespaceState, subnet: Prefix) -> int:
    gateways = (address_number(r.gateway) for r in container.routes if r.gateway and prefix(r.dst) == DEFAULT)
    return next((gateway for gateway in gateways if subnet.contains(gateway)), subnet.first_host)


def nat_rules(host: Host) -> Iterator[FilterRule]:
    """Yield the rules of nat POSTROUTING and of the chains that it jumps to, of every iptables backend."""
    for backend in ("nft", "legacy"):
        if held := host.root.filters.get(backend):
            for chain in parse(held.text, backend).tables.get("nat", {}).values():
                if chain.name not in ("PREROUTING", "OUTPUT", "INPUT", "DOCKER"):
                    yield from chain.rules


def _by_nat(host: Host) -> Iterator[Claim]:
    """NAT rule 3: ``! -s NETWORK -d SUBNET -j RETURN`` names the host's own subnet."""
    for rule in nat_rules(host):
        source, destination = rule.option("-s"), rule.option("-d")
        if source and source.inverted and destination and not destination.inverted and rule.target == "RETURN":
            network, subnet = _first(source), _first(destination)
            if network and subnet and network.covers(subnet):
                yield Claim(Subnet(subnet, host.name, subnet.first_host, _bridge_for(host, subnet), "its NAT rules"), 4)


def _first(option: Option) -> Prefix | None:
    return maybe_prefix(option.values[0]) if option.values else None


def by_peers(hosts: tuple[Host, ...], underlays: Mapping[str, Underlay], known: Mapping[int, str]) -> Iterator[Claim]:
    """Yield what most peers' routes say: PREFIX via an address of a listed host.

    `known` are the addresses of the hosts that show no subnet themselves: a route to one that shows another subnet is
    a fault, and no evidence. At least half of the others must agree: one host's route to a LAN makes no mesh.
    """
    readable = {host.name for host in hosts}
    votes: dict[Prefix, Counter[str]] = {}
    for host in hosts:
        own = underlays.get(host.name)
        for route in host.root.routes:
            owner = known.get(address_number(route.gateway)) if route.gateway else None
            if owner and owner != host.name and route.table == MAIN and own and route.oif == own.index:
                votes.setdefault(prefix(route.dst), Counter())[owner] += 1
    for subnet, counted in votes.items():
        owner = counted.most_common(1)[0][0]
        voters = len(readable - {owner})
        if subnet.length not in (0, 32) and counted[owner] * 2 >= voters:
            yield Claim(Subnet(subnet, owner, subnet.first_host, "", "next hop that most peers use"), 5)


def decide(found: list[Claim], local_only: frozenset[tuple[str, Prefix]]) -> dict[str, tuple[Subnet, ...]]:
    """Return the subnets of each owner: per range the strongest claims, weaker ones are dropped.

    Two hosts with equally strong claims both keep the subnet: that is an overlap, and a finding.
    """
    owners: dict[str, list[Subnet]] = {}
    taken: dict[Prefix, list[Claim]] = {}
    index = PrefixSet()
    for claim in sorted(found, key=lambda c: (c.rank, c.subnet.prefix, not c.busy)):
        subnet = claim.subnet
        if claim.rank > 0 and (subnet.owner, subnet.prefix) in local_only:
            continue
        clashes = (other for held in index.overlapping(subnet.prefix) for other in taken[held])
        if any(other.rank < claim.rank or other.subnet.owner == subnet.owner for other in clashes):
            continue
        taken.setdefault(subnet.prefix, []).append(claim)
        index.add(subnet.prefix)
        owners.setdefault(subnet.owner, []).append(subnet)
    return {name: tuple(subnets) for name, subnets in owners.items()}
