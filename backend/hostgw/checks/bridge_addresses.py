"""Bridges in another subnet than the one assigned to their host, and two bridges in one (A2, A3, A14, P5)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.assigned import LEASE_REASON
from hostgw.mesh.bridges import container_bridges
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_text, interface_prefix
from hostgw.model.kernel import Link


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield the bridges of a host that stand in a wrong subnet, or in one with another bridge."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        if bridge := host.root.links_by_name.get(subnet.bridge):
            yield from _wrong(host, mesh, subnet, bridge)
            yield from _shared(host, subnet, bridge)


def prefixes_of(host: Host, bridge: Link) -> tuple[Prefix, ...]:
    """Return the prefixes in which a bridge stands."""
    held = host.root.addresses_of(bridge.index)
    return tuple(interface_prefix(f"{a.address}/{a.length}")[1] for a in held)


def astray(host: Host, subnet: Subnet, bridge: Link) -> tuple[Prefix, ...]:
    """Return the prefixes of a bridge if none of them lies in the subnet that it should serve."""
    held = prefixes_of(host, bridge)
    return () if any(subnet.prefix.covers(p) for p in held) else held


def _wrong(host: Host, mesh: Mesh, subnet: Subnet, bridge: Link) -> Iterator[Finding]:
    found = astray(host, subnet, bridge)
    if not found:
        return
    wanted = f"{address_text(subnet.gateway)}/{subnet.prefix.length}"
    held = ", ".join(f"{a.address}/{a.length}" for a in host.root.addresses_of(bridge.index))
    summary = f"{bridge.name} of {host.name} has {held}; {wanted} is expected"
    effect = f"the hosts route {subnet.prefix} to {host.name}, whose containers are not reached there"
    evidence = (f"{bridge.name}: inet {held}", f"{subnet.prefix} belongs to {host.name}: {subnet.reason}")
    entry = "A2" if subnet.reason != LEASE_REASON else "P5" if bridge.name == "docker0" else "A14"
    causes = tuple(f"subnet-overlap/{host.name}/{p}" for p in found if _of_another(host, mesh, subnet, p))
    yield finding("bridge-address-wrong", host.name, bridge.name, summary, effect, evidence, entry, causes)


def _of_another(host: Host, mesh: Mesh, subnet: Subnet, found: Prefix) -> bool:
    """Tell whether a bridge that left its own subnet stands in another host's: the overlap is the headline then."""
    if found.overlaps(subnet.prefix):
        return False
    return any(mesh.owners[other] != host.name for other in mesh.owned.overlapping(found))


def _shared(host: Host, subnet: Subnet, bridge: Link) -> Iterator[Finding]:
    for other in container_bridges(host):
        clash = next((p for p in prefixes_of(host, other) if p.overlaps(subnet.prefix)), None)
        if other.index == bridge.index or clash is None:
            continue
        summary = f"{other.name} and {bridge.name} of {host.name} share the subnet {clash}"
        effect = f"packets to containers of {host.name} ({subnet.prefix}) may leave by the wrong bridge"
        evidence = tuple(
            f"{link.name}: inet {p}, {len(host.root.ports_of(link.index))} ports"
            for link in (bridge, other)
            for p in prefixes_of(host, link)
        )
        yield finding("bridges-share-subnet", host.name, other.name, summary, effect, evidence)
