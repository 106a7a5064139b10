"""Underlay addresses that several hosts hold, or that several machines answer for (A6, A7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import underlay_addresses
from hostgw.mesh.memory import per_mesh, per_snapshot
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, interface_prefix

FRESH = frozenset({"reachable", "delay", "probe"})
"""States of a neighbour entry that was confirmed a moment ago."""


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the underlay addresses that are not one host's alone."""
    machines = machines_of(fabric)
    yield from _shared_underlay(fabric, mesh)
    yield from _one_machine(machines)
    taken = {found.id: found for found in _taken(fabric, mesh, machines)}
    yield from taken.values()
    yield from (found for found in _answered_twice(fabric, mesh) if found.id not in taken)


def _shared_underlay(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the addresses that several hosts hold and that are all they have."""
    places: dict[str, list[Host]] = defaultdict(list)
    for host in fabric.readable:
        if mesh.members[host.name].underlay is None:
            for text in {a.address for a in underlay_addresses(host)}:
                places[text].append(host)
    for text, hosts in places.items():
        if len(hosts) > 1:
            names = " and ".join(host.name for host in hosts)
            summary = f"{names} hold the same address {text} and no other"
            effect = "none of them can be the next hop of a route: the address means the host itself"
            evidence = tuple(f"{host.name}: inet {text}" for host in hosts)
            yield finding("underlay-address-shared", hosts[0].name, text, summary, effect, evidence)


def machines_of(fabric: Fabric) -> dict[str, str]:
    """Return by host the machine that it is."""
    found = {host.name: host.snapshot.facts.machine for host in fabric.readable if host.snapshot}
    return {name: machine for name, machine in found.items() if machine}


def _one_machine(machines: dict[str, str]) -> Iterator[Finding]:
    names: dict[str, list[str]] = defaultdict(list)
    for name, machine in machines.items():
        names[machine].append(name)
    for same in names.values():
        if len(same) > 1:
            summary = f"{' and '.join(same)} are the same machine"
            effect = "what is said of one of them is true of the other; a host may be missing from the list"
            evidence = tuple(f"{name}: same boot, same network namespace" for name in same)
            yield finding("underlay-address-shared", same[1], same[0], summary, effect, evidence)


def _taken(fabric: Fabric, mesh: Mesh, machines: dict[str, str]) -> Iterator[Finding]:
    """Yield the underlay addresses that another host of the same segment holds, too."""
    holders: dict[str, list[str]] = defaultdict(list)
    for host in fabric.readable:
        for text in _on_segment(host, mesh):
            holders[text].append(host.name)
    for text, names in holders.items():
        if len(names) > 1 and len({machines.get(name, name) for name in names}) > 1:
            owner, other = _sorted_out(mesh, text, names)
            summary = f"{owner} and {other} both hold {text}"
            effect = f"packets to {owner}, and to its containers, reach the host that answers ARP first"
            evidence = tuple(f"{name}: inet {text}" for name in names)
            yield finding("address-duplicate", other, text, summary, effect, evidence)


@per_mesh
def _on_segment(host: Host, mesh: Mesh) -> tuple[str, ...]:
    """Return the addresses of a host that lie in the segment of its underlay."""
    underlay, held = mesh.members[host.name].underlay, underlay_addresses(host)
    if underlay is None:
        return ()
    return tuple(a.address for a in held if interface_prefix(f"{a.address}/{a.length}")[1] == underlay.segment)


def _sorted_out(mesh: Mesh, text: str, names: list[str]) -> tuple[str, str]:
    """Return the host whose only address it is, and one that took it."""
    number = address_number(text)
    main = [n for n in names if (u := mesh.members[n].underlay) and u.address == number]
    owner = main[0] if main else names[0]
    return owner, next(name for name in names if name != owner)


def _answered_twice(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the underlay addresses for which hosts have just heard different MAC addresses, one not of the owner."""
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    strange = [(host.name, pair) for host in fabric.readable for pair in _strange(host, mesh)]
    confirmed = frozenset().union(*map(_heard, fabric.readable)) if strange else frozenset()
    mac_of = dict(mesh.hosts_of_pairs.keys())
    for name, (address, mac) in strange:
        if (address, mac_of[address]) in confirmed:
            wrong[address, mac].append(f"{name}: {address} lladdr {mac}")
    yield from answered(sorted(wrong), fabric, mesh, wrong)


@per_mesh
def _strange(host: Host, mesh: Mesh) -> frozenset[tuple[str, str]]:
    """Return the pairs of an underlay address and a MAC address that a host has just heard, not those of the owner."""
    known = mesh.owner_of_text
    return frozenset(p for p in _heard(host) - mesh.hosts_of_pairs.keys() if known.get(p[0], host.name) != host.name)


def answered(
    pairs: Iterable[tuple[str, str]],
    fabric: Fabric,
    mesh: Mesh,
    seen: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
) -> Iterator[Finding]:
    """Yield a finding for each underlay address that a machine answers for which is not its host.

    Args:
        pairs: (address, MAC address) as neighbours or an ARP probe told them.
        fabric: the hosts, for the MAC addresses that are theirs.
        mesh: whose address is whose.
        seen: evidence by pair.
    """
    named: set[str] = set()
    for address, mac in pairs:
        owner = mesh.host_of_address.get(address_number(address))
        if owner is None or address in named or not fabric.hosts[owner].readable or mac in _macs(fabric.hosts[owner]):
            continue
        named.add(address)
        other = next((h for h in fabric.readable if mac in _macs(h)), None)
        holds = other is not None and any(a.address == address for a in other.root.addresses)
        who = f"{other.name} ({mac})" if other else f"{mac}, a machine that is not listed"
        summary = f"{address} of {owner} is answered for by {who}"
        effect = f"packets to {owner}, and to its containers, reach the machine that answers ARP first"
        evidence = tuple(seen.get((address, mac), ())) or (f"{address} is at {mac}",)
        yield finding("address-duplicate", other.name if other and holds else owner, address, summary, effect, evidence)


@per_snapshot
def _heard(host: Host) -> frozenset[tuple[str, str]]:
    return frozenset((n.address, n.mac) for n in host.root.neighbours if n.mac and n.state in FRESH)


@per_snapshot
def _macs(host: Host) -> frozenset[str]:
    return frozenset(link.mac for link in host.root.links.values())
