"""Put the mesh together: underlays, owners, network, and the routes that follow."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hostgw.fabric import Fabric, Host
from hostgw.inventory.inventory import Intent
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.local import local_only
from hostgw.mesh.memory import Memory, Segments, per_snapshot
from hostgw.mesh.model import Expected, Member, Mesh, Subnet, Underlay
from hostgw.mesh.network import network
from hostgw.mesh.owners import Claim, by_peers, claims, decide
from hostgw.mesh.underlay import underlays
from hostgw.model.host import Role
from hostgw.model.ip import Prefix, address_number, address_text, interface_prefix, prefix

MAIN = 254
SHOWN_REASONS = 2
"""Claims of this rank and weaker are named among the assumptions."""
SHOWN_HOSTS = 4


def build(
    fabric: Fabric,
    intents: Mapping[str, Intent] | None = None,
    told_network: Prefix | None = None,
    complete: bool = False,
    memory: Memory | None = None,
) -> Mesh:
    """Return what should be, from what is observed and told.

    `memory` holds what the last call worked out, for callers that build again after every event.
    """
    intents, memory = intents or {}, memory or Memory()
    hosts = fabric.readable
    found_underlays = underlays(hosts, intents, memory)
    known = _known_addresses(fabric, found_underlays, intents)
    found = [c for h in memory.each(fabric.hosts.values()) for c in claims(h, intents.get(h.name))]
    aside = local_only(found, hosts, told_network)
    shown = {c.subnet.owner for c in found if c.rank == 0 or (c.subnet.owner, c.subnet.prefix) not in aside}
    if len(shown) < len(fabric.hosts):
        silent = {address: name for address, name in known.items() if name not in shown}
        found += by_peers(hosts, found_underlays, silent)
    owners = memory.unless_changed(decide, found, aside)
    subnets = {subnet.prefix for owned in owners.values() for subnet in owned}
    cluster, source = network(told_network, hosts, subnets)
    members = {
        host.name: Member(
            host.name,
            _role(host, owners, intents),
            found_underlays.get(host.name),
            owners.get(host.name, ()),
            intents[host.name].underlay if host.name in intents else None,
        )
        for host in fabric.hosts.values()
    }
    memory.keep_for(members, known)
    assumed = (
        *_assumptions(cluster, source, memory.members, found),
        *_second_stack(hosts, memory.members),
    )
    return Mesh(cluster, memory.members, _routes(hosts, known, memory), assumed, complete)


def _known_addresses(fabric: Fabric, found: Mapping[str, Underlay], intents: Mapping[str, Intent]) -> dict[int, str]:
    known = {address: name for name, underlay in found.items() for address in underlay.addresses}
    for host in fabric.hosts.values():
        intent = intents.get(host.name)
        if intent and intent.underlay is not None:
            known.setdefault(intent.underlay, host.name)
        if host.name not in found and (number := _number(host.address)) is not None:
            known.setdefault(number, host.name)
    return known


def _number(text: str) -> int | None:
    try:
        return address_number(text)
    except ValueError:
        return None


def _role(host: Host, owners: Mapping[str, tuple[Subnet, ...]], intents: Mapping[str, Intent]) -> Role:
    if host.name in intents:
        return intents[host.name].role
    return Role.EXTERNAL if host.readable and host.name not in owners and not container_bridges(host) else Role.OWNER


def _routes(hosts: Iterable[Host], known: Mapping[int, str], memory: Memory) -> dict[str, tuple[Expected, ...]]:
    """Return what each host needs. Most hosts stand on the same segments: what they need is worked out once."""
    members = memory.members
    contested = Counter(s.prefix for m in members.values() for s in m.subnets)
    wanted = [(m, s) for m in members.values() for s in m.subnets if contested[s.prefix] == 1]
    ordered = sorted(known)
    routes = {}
    for host in memory.each(hosts):
        if members[host.name].subnets or _takes_part(host, members):
            segments = tuple(s for s in _onlink(host) if _holds_any(s[2], ordered))
            if segments not in memory.shared:
                memory.shared[segments] = tuple(_expect(owner, subnet, segments, known) for owner, subnet in wanted)
            routes[host.name] = memory.routes(host.name, memory.shared[segments])
    return routes


def _holds_any(segment: Prefix, addresses: list[int]) -> bool:
    place = bisect_left(addresses, segment.address)
    return place < len(addresses) and segment.contains(addresses[place])


@per_snapshot
def _onlink(host: Host) -> Segments:
    """Return what a host reaches without a next hop: the prefixes of its addresses, link routes."""
    return tuple((index, host.root.name_of(index), segment) for index, segment in dict.fromkeys(_found_onlink(host)))


def _found_onlink(host: Host) -> Iterator[tuple[int, Prefix]]:
    """Yield (ifindex, prefix) of the addresses and the link routes."""
    root = host.root
    up = {link.index for link in root.links.values() if link.up}
    for address in root.addresses:
        if address.family == 4 and address.length < 32 and address.index in up:
            yield address.index, interface_prefix(f"{address.address}/{address.length}")[1]
    bridges = {link.index for link in container_bridges(host)}
    full = {address.index for address in root.addresses if address.family == 4 and address.length == 32}
    for route in root.routes:
        if route.gateway and "onlink" in route.flags and route.oif in up & full:
            yield route.oif, Prefix(address_number(route.gateway), 32)  # a cloud's /32 address: onlink is how it works
        if route.scope == "link" and route.table == MAIN and route.oif in up - bridges and not route.gateway:
            yield route.oif, prefix(route.dst)


def _expect(owner: Member, subnet: Subnet, segments: Segments, known: Mapping[int, str]) -> Expected:
    addresses = (
        owner.underlay.addresses if owner.underlay else tuple(a for a, name in known.items() if name == owner.name)
    )
    reachable = [(a, index, device) for a in addresses for index, device, segment in segments if segment.contains(a)]
    if not reachable:
        return Expected(subnet, ())
    hops = tuple(dict.fromkeys(a for a, _, _ in reachable))
    ways = tuple(dict.fromkeys((address_text(a), index) for a, index, _ in reachable))
    _, index, device = reachable[0]
    return Expected(subnet, hops, device, index, ways)


def _takes_part(host: Host, members: Mapping[str, Member]) -> bool:
    """Tell whether a host without a subnet routes to one: then it is meant to reach them all."""
    owned = {subnet.prefix for member in members.values() for subnet in member.subnets}
    told = members[host.name].role is Role.EXTERNAL
    return told and any(prefix(route.dst) in owned and route.gateway for route in host.root.routes)


def _assumptions(
    cluster: Prefix | None, source: str, members: Mapping[str, Member], found: Iterable[Claim]
) -> Iterator[str]:
    if cluster is None:
        yield "the cluster network is not known (--network tells it)"
    elif source != "told":
        yield f"network {cluster}: {source}"
    ranks = {(claim.subnet.owner, claim.subnet.prefix, claim.subnet.reason): claim.rank for claim in found}
    for member in members.values():
        if member.underlay:
            underlay = member.underlay
            yield f"{member.name}: underlay {underlay.interface} {address_text(underlay.address)}"
        for subnet in member.subnets:
            if ranks.get((subnet.owner, subnet.prefix, subnet.reason), 0) >= SHOWN_REASONS:
                yield f"{subnet.prefix} belongs to {member.name}: {subnet.reason}"


def _second_stack(hosts: Iterable[Host], members: Mapping[str, Member]) -> Iterator[str]:
    """Say that IPv6 is not judged, where bridges or underlays have such addresses beside the others."""
    both = [host.name for host in hosts if host.name in members and _speaks_ipv6(host, members[host.name])]
    if both:
        names = ", ".join(both[:SHOWN_HOSTS]) + (" …" if len(both) > SHOWN_HOSTS else "")
        yield f"only IPv4 counts: {names} {'has' if len(both) == 1 else 'have'} IPv6 too, shown and not judged"


def _speaks_ipv6(host: Host, member: Member) -> bool:
    devices = {host.root.links_by_name[s.bridge].index for s in member.subnets if s.bridge in host.root.links_by_name}
    devices |= {member.underlay.index} if member.underlay else set()
    return any(a.family == 6 and a.scope == "global" and a.index in devices for a in host.root.addresses)
