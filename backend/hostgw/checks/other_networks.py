"""Container subnets over networks of other purpose, and addresses that a host is said to have (A5, A13)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Member, Mesh, Subnet
from hostgw.mesh.bridges import LOOPBACKS, container_bridges
from hostgw.mesh.stations import stations
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_number, address_text, interface_prefix
from hostgw.model.kernel import Link

NO_NETWORK = 31
"""Addresses of this length and longer name a host, not a network: overlay devices hold one of their own subnet."""


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield the networks of a host that container subnets overlap, and the underlay address that it does not hold."""
    member = mesh.members.get(host.name)
    if member:
        yield from _not_held(host, member)
        yield from _overlaps(host, mesh, member)


def _not_held(host: Host, member: Member) -> Iterator[Finding]:
    held = {address_number(a.address) for a in host.root.addresses if a.family == 4}
    if member.told is None or member.told in held or not held:
        return
    told = address_text(member.told)
    summary = f"{host.name} does not hold {told}, which the inventory gives it"
    effect = (
        f"the routes of other hosts to the containers of {host.name} lead to an address that it does not answer for"
    )
    used = f"{host.name}: {address_text(member.underlay.address)} is used instead" if member.underlay else ""
    yield finding("underlay-not-held", host.name, told, summary, effect, (used,) if used else ())


def _overlaps(host: Host, mesh: Mesh, member: Member) -> Iterator[Finding]:
    served = {subnet.prefix for subnet in member.subnets if not subnet.bridge}
    for link, network in _networks(host):
        for subnet in mesh.owned.overlapping(network):
            owner = mesh.members[mesh.owners[subnet]]
            if subnet in served and subnet.covers(network):
                continue  # the device that serves the containers, of another kind than a bridge
            if _concerns(link, network, subnet, member, owner):
                yield _overlap(host, link, network, Subnet(subnet, owner.name, subnet.first_host))
                break


def _networks(host: Host) -> Iterator[tuple[Link, Prefix]]:
    """Yield the devices that stand in a network which is no container's: NICs, VPNs, bridges of the LAN."""
    bridges = {link.index for link in container_bridges(host)}
    ends = {station.port.index for station in stations(host)}
    for address in host.root.addresses:
        link = host.root.links.get(address.index)
        if address.family != 4 or address.length >= NO_NETWORK or link is None or not link.up:
            continue
        if link.kind not in LOOPBACKS and bridges.isdisjoint((link.index, link.master)) and link.index not in ends:
            yield link, interface_prefix(f"{address.address}/{address.length}")[1]


def _concerns(link: Link, network: Prefix, subnet: Prefix, member: Member, owner: Member) -> bool:
    """Tell whether an overlap is this host's to report.

    A NIC whose mask is too wide is another finding; a LAN in which the owner stands is reported at the owner.
    """
    underlay = member.underlay
    if underlay and link.index == underlay.index and network != subnet and network.covers(subnet):
        return False
    return owner.name == member.name or not owner.underlay or owner.underlay.segment != network


def _overlap(host: Host, link: Link, network: Prefix, subnet: Subnet) -> Finding:
    summary = f"{network} on {link.name} of {host.name} overlaps {subnet.prefix}, the containers of {subnet.owner}"
    effect = f"{host.name} reaches either the containers or the machines of {network}, not both"
    evidence = (f"{link.name}: inet in {network}", f"{subnet.prefix} belongs to {subnet.owner}")
    return finding("subnet-over-network", host.name, str(network), summary, effect, evidence)
