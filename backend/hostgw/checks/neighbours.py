"""Neighbour entries of next hops, and MAC addresses that clash (catalogue 3.3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from hostgw.checks import arp
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Underlay
from hostgw.mesh.memory import per_mesh, per_snapshot
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_text
from hostgw.model.kernel import Neighbour
from hostgw.wire import Section

LIMIT = "net/ipv4/neigh/default/gc_thresh3"
NEARLY = 0.9
SHARED_BY_DESIGN = frozenset({"ipvlan", "ipvtap"})
"""Devices that have the MAC address of the one below them."""


class Suspect(NamedTuple):
    """A neighbour entry of a host that may be wrong, and whose address it is about."""

    entry: Neighbour
    owner: str


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield settings that keep a host from answering ARP, or let it answer too much, and a table that is full."""
    yield from arp.check(host, mesh)
    yield from _full(host)


def _full(host: Host) -> Iterator[Finding]:
    """The limit is one for the machine, and is seen only where it can be set."""
    limit = host.root.sysctls.get(LIMIT, "")
    if host.snapshot is None or not limit.isdigit():
        return
    states = host.snapshot.states.values()
    entries = sum(len(state.table(Section.NEIGHBOURS)) for state in states)
    if entries >= NEARLY * int(limit):
        subject = LIMIT.replace("/", ".")
        summary = f"the neighbour table of {host.name} holds {entries} entries of at most {limit}"
        effect = f"{host.name} and its containers reach no new neighbour while it is full"
        evidence = (f"{subject} = {limit}", f"entries of the host and its containers: {entries}")
        yield finding("neighbour-table-full", host.name, subject, summary, effect, evidence)


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield next hops that do not answer, entries with a wrong MAC address, and MAC addresses on two hosts."""
    for host in fabric.readable:
        for suspect in _suspects(host, mesh):
            owner = fabric.hosts[suspect.owner]
            if owner.state is HostState.UP and owner.readable:
                yield from _judged(host, owner, suspect.entry, fabric, mesh)
    yield from _same_mac(mesh, fabric)


@per_mesh
def _suspects(host: Host, mesh: Mesh) -> tuple[Suspect, ...]:
    """Return the entries worth a second look."""
    return tuple(_suspected(host, mesh))


def _suspected(host: Host, mesh: Mesh) -> Iterator[Suspect]:
    """Yield entries of next hops that a route uses, and rightly so: a route to elsewhere is a finding of its own."""
    for entry in host.root.neighbours:
        owner = mesh.host_of_text.get(entry.address)
        if owner is None or owner == host.name:
            continue
        underlay = mesh.members[owner].underlay
        differs = entry.state in ("reachable", "permanent") and underlay and underlay.mac and entry.mac != underlay.mac
        odd = (entry.unanswered or differs) and (entry.address, entry.index) in _next_hops(host)
        if odd and (entry.address, entry.index) in _right_ways(host, mesh):
            yield Suspect(entry, owner)


def _right_ways(host: Host, mesh: Mesh) -> set[tuple[str, int]]:
    """Return the next hops that a host's routes should use, each with its device."""
    return {way for expected in mesh.expected_of(host.name) for way in expected.ways}


@per_snapshot
def _next_hops(host: Host) -> frozenset[tuple[str, int]]:
    """Return the next hops that routes use, each with its device: what was asked elsewhere before says nothing now."""
    direct = {(route.gateway, route.oif) for route in host.root.routes if route.gateway}
    return frozenset(direct | {(hop.gateway, hop.oif) for route in host.root.routes for hop in route.nexthops})


@per_snapshot
def _macs(host: Host) -> frozenset[str]:
    return frozenset(link.mac for link in host.root.links.values() if link.mac)


def _judged(host: Host, owner: Host, entry: Neighbour, fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    underlay = mesh.members[owner.name].underlay
    if underlay is None:
        return
    if entry.unanswered:
        yield _silent(host, owner, entry, underlay)
    elif entry.mac not in _macs(owner):
        whose = next((other.name for other in fabric.readable if entry.mac in _macs(other)), "")
        if entry.state == "permanent":
            yield _wrong("neighbour-pinned", "is pinned to", host, owner, entry, underlay, whose)
        elif whose or not _of_a_router(host, entry):
            yield _wrong("neighbour-wrong-mac", "is known by", host, owner, entry, underlay, whose)


def _of_a_router(host: Host, entry: Neighbour) -> bool:
    """Tell whether one MAC address stands for several neighbours: a cloud's router answers for all of them."""
    same = (n for n in host.root.neighbours if n.index == entry.index and n.mac == entry.mac)
    return sum(1 for _ in same) > 1


def _silent(host: Host, owner: Host, entry: Neighbour, underlay: Underlay) -> Finding:
    device = host.root.name_of(entry.index)
    summary = f"{owner.name} ({entry.address}) does not answer the ARP requests of {host.name} on {device}"
    effect = f"nothing that {host.name} and its containers send to {owner.name} and its containers arrives"
    evidence = (f"{host.name}: {entry.address} dev {device} {entry.state.upper()}", f"{owner.name} is up and was read")
    down = (f"underlay-down/{owner.name}/{underlay.interface}",) if not underlay.up else ()
    return finding("neighbour-unresolved", host.name, entry.address, summary, effect, evidence, caused_by=down)


def _wrong(code: str, how: str, host: Host, owner: Host, entry: Neighbour, underlay: Underlay, whose: str) -> Finding:
    device = host.root.name_of(entry.index)
    stranger = f", which is {whose}'s" if whose else ", which is nobody's that is listed"
    summary = f"on {host.name}, {owner.name} ({entry.address}) {how} {entry.mac}{stranger}"
    effect = f"what {host.name} and its containers send to {owner.name} and its containers goes to {whose or 'nobody'}"
    evidence = (
        f"{host.name}: {entry.address} dev {device} lladdr {entry.mac} {entry.state.upper()}",
        f"{owner.name}: {underlay.interface} {underlay.mac}",
    )
    return finding(code, host.name, entry.address, summary, effect, evidence)


def _same_mac(mesh: Mesh, fabric: Fabric) -> Iterator[Finding]:
    """Yield NICs of two hosts of one segment with the same MAC address, and different IP addresses."""
    counted = Counter(m.underlay.mac for m in mesh.members.values() if m.underlay)
    twice = {mac for mac, times in counted.items() if times > 1 and mac.strip("0:")}
    holders: dict[str, list[tuple[str, Underlay]]] = defaultdict(list)
    for member in mesh.members.values() if twice else ():
        underlay = member.underlay
        if underlay and underlay.mac in twice and not _is_shared(fabric.hosts[member.name], underlay):
            holders[underlay.mac].append((member.name, underlay))
    for mac, found in holders.items():
        first, *others = found
        for name, underlay in others:
            if underlay.segment == first[1].segment and underlay.address != first[1].address:
                yield _clone(mac, first, (name, underlay))


def _is_shared(host: Host, underlay: Underlay) -> bool:
    link = host.root.links.get(underlay.index)
    return link is not None and link.kind in SHARED_BY_DESIGN


def _clone(mac: str, first: tuple[str, Underlay], second: tuple[str, Underlay]) -> Finding:
    (one, mine), (other, theirs) = first, second
    summary = f"{mine.interface} of {one} and {theirs.interface} of {other} have the same MAC address {mac}"
    effect = f"about half of the packets to {one} and {other} end at the other one"
    evidence = tuple(f"{name}: {u.interface} {address_text(u.address)} {mac}" for name, u in (first, second))
    return finding("mac-duplicate", other, mac, summary, effect, evidence)
