"""Addresses of containers: held twice, foreign, with a wrong mask, used up (A8, A9, A10, A12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hostgw.checks.holdings import Held, by_address, outside, twice, wide
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.assigned import CNI_DIRECTORY
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_number, address_text, maybe_prefix

RESERVATIONS = "/var/lib/cni/networks/"
TAKEN = 3
"""Addresses of a subnet that no container gets: the network's, the bridge's, the broadcast."""


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield the containers of a host whose address or mask is wrong, and the ranges that are used up."""
    member = mesh.members.get(host.name)
    subnets = {s.bridge: s for s in member.subnets if s.bridge} if member else {}
    if subnets:
        yield from _foreign(host, subnets)
        yield from _wide(host, subnets)
        yield from _exhausted(host, member.subnets if member else ())


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the addresses that two containers hold, on one host or on two."""
    for host in fabric.readable:
        for number in twice(host):
            if any(mesh.owned.covering(Prefix(number, 32))):
                yield _duplicate(host.name, number, [(host.name, h) for h in by_address(host)[number]])
        for stray in outside(host):
            yield from _across(host.name, stray, fabric, mesh)
    yield from _in_overlaps(fabric, mesh)


def _foreign(host: Host, subnets: Mapping[str, Subnet]) -> Iterator[Finding]:
    for stray in outside(host):
        subnet = subnets.get(stray.bridge)
        if subnet is None or subnet.prefix.contains(stray.address):
            continue
        summary = f"container {stray.container} on {host.name} has {stray.text}, which is not of {subnet.prefix}"
        effect = f"container {stray.container} reaches nobody beyond {stray.bridge} and is not reached from other hosts"
        evidence = (f"{stray.container}: inet {stray.text}", f"{stray.bridge}: {subnet.prefix}")
        yield finding("container-address-foreign", host.name, stray.container, summary, effect, evidence)


def _wide(host: Host, subnets: Mapping[str, Subnet]) -> Iterator[Finding]:
    """Yield masks that are wider than the bridge's, unless the bridge answers ARP for what lies outside."""
    for one in wide(host):
        subnet = subnets.get(one.bridge)
        if subnet is None or not subnet.prefix.contains(one.address) or _answers_for_others(host, one.bridge):
            continue
        summary = f"container {one.container} on {host.name} has {one.text}; the subnet is {subnet.prefix}"
        effect = f"container {one.container} asks by ARP for containers of other hosts, and nobody answers"
        evidence = (f"{one.container}: inet {one.text}", f"{one.bridge}: {subnet.prefix}")
        yield finding("container-mask-wide", host.name, one.container, summary, effect, evidence)


def _answers_for_others(host: Host, bridge: str) -> bool:
    values = (host.root.sysctls.get(f"net/ipv4/conf/{name}/proxy_arp", "0") for name in ("all", bridge))
    return any(value != "0" for value in values)


def _duplicate(host: str, number: int, holders: list[tuple[str, Held]], causes: tuple[str, ...] = ()) -> Finding:
    address = address_text(number)
    names = " and ".join(f"{h.container} on {name}" for name, h in holders)
    summary = f"{address} is held by {names}"
    effect = f"packets to {address} reach one of the containers, not always the same"
    evidence = tuple(f"{name}/{h.container}: inet {h.text}" for name, h in holders)
    return finding("container-address-duplicate", host, address, summary, effect, evidence, caused_by=causes)


def _across(name: str, stray: Held, fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the clash of a container that stands in another host's subnet."""
    for prefix in mesh.owned.covering(Prefix(stray.address, 32)):
        owner = mesh.owners[prefix]
        host = fabric.hosts[owner]
        rightful = by_address(host).get(stray.address, ()) if host.readable and owner != name else ()
        if rightful:
            told = stray.bridge in {subnet.bridge for subnet in mesh.members[name].subnets}
            causes = (f"container-address-foreign/{name}/{stray.container}",) if told else ()
            yield _duplicate(name, stray.address, [(owner, rightful[0]), (name, stray)], causes)


def _in_overlaps(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the clashes between hosts that own the same range."""
    owners: dict[Prefix, list[str]] = {}
    for subnet in mesh.subnets:
        owners.setdefault(subnet.prefix, []).append(subnet.owner)
    for first, *others in (names for names in owners.values() if len(names) > 1):
        for other in others:
            if fabric.hosts[first].readable and fabric.hosts[other].readable:
                mine, theirs = by_address(fabric.hosts[first]), by_address(fabric.hosts[other])
                for number in sorted(mine.keys() & theirs.keys()):
                    yield _duplicate(other, number, [(first, mine[number][0]), (other, theirs[number][0])])


def _exhausted(host: Host, subnets: tuple[Subnet, ...]) -> Iterator[Finding]:
    for path, values in host.root.settings.items():
        example = maybe_prefix(values.get("example", "")) if path.startswith(RESERVATIONS) else None
        subnet = next((s for s in subnets if example and s.prefix.contains(example.address)), None)
        if subnet is None:
            continue
        taken, size = int(values.get("reservations", "0")), _size(host, path.rpartition("/")[2], subnet)
        if taken >= size:
            summary = f"all {size} addresses of {subnet.prefix} on {host.name} are reserved"
            effect = f"{host.name} can start no further container with an address of its own"
            evidence = (f"{path}: {taken} reservations", f"containers that run: {len(by_address(host))}")
            yield finding("ipam-exhausted", host.name, str(subnet.prefix), summary, effect, evidence)


def _size(host: Host, network: str, subnet: Subnet) -> int:
    """Return how many containers a network's range holds: as its CNI file says, else the subnet less what is taken."""
    for path, values in host.root.settings.items():
        if path.startswith(CNI_DIRECTORY) and values.get("name") == network:
            ends = [_number(v) for key, v in values.items() if key.endswith(("rangeStart", "rangeEnd"))]
            if len(ends) == 2 and all(ends):
                return abs(ends[1] - ends[0]) + 1
    return max(1, (1 << (32 - subnet.prefix.length)) - TAKEN)


def _number(text: str) -> int:
    try:
        return address_number(text)
    except ValueError:
        return 0
