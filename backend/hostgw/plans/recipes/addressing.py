"""Addresses of hosts, bridges and NICs."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.bridge_addresses import astray
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.assigned import BIP_REASON
from hostgw.mesh.stations import host_end
from hostgw.model.change import AddressChange, ServiceChange
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Address, Link
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import RESTART_DOCKER, Recipe
from hostgw.plans.steps import step


def _move_bridge(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Put the right address in place of the wrong ones, if no container stands in the wrong subnet.

    Docker's own bridge is moved by Docker, which gives its containers new addresses as it starts.
    """
    subnet = next((s for s in mesh.members[host.name].subnets if s.bridge == finding.subject), None)
    link = host.root.links_by_name.get(finding.subject)
    if subnet is None or link is None or not astray(host, subnet, link):
        return
    if subnet.reason == BIP_REASON and "dockerd" in host.root.programs:
        yield step(host, ServiceChange("docker"), RESTART_DOCKER, finding)
        return
    if _strangers(host, link, subnet):
        return
    before = host.root.addresses_of(link.index)
    text = address_text(subnet.gateway)
    address = Address(link.index, text, subnet.prefix.length)
    summary = f"give {link.name} the address {text}/{subnet.prefix.length} in place of {before[0].address}"
    yield step(host, AddressChange(link.index, link.name, before, (address,)), summary, finding)


def _strangers(host: Host, bridge: Link, subnet: Subnet) -> bool:
    """Tell whether a container on the bridge has an address of another subnet: it would be cut off."""
    for container in host.snapshot.containers if host.snapshot else ():
        end = host_end(host, container)
        if host.snapshot and end and end.master == bridge.index:
            held = host.snapshot.state(container.id).addresses_of(end.peer)
            if not any(subnet.prefix.contains(address_number(a.address)) for a in held):
                return True
    return False


def _empty_bridge(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Take the address off the second bridge of a subnet, if nothing is attached to it."""
    link = host.root.links_by_name.get(finding.subject)
    if link is None or host.root.ports_of(link.index):
        return
    before = host.root.addresses_of(link.index)
    summary = f"take {', '.join(a.address for a in before)} off {link.name}, which has no ports"
    yield step(host, AddressChange(link.index, link.name, before, ()), summary, finding)


RECIPES: dict[str, Recipe] = {
    "bridge-address-wrong": _move_bridge,
    "bridges-share-subnet": _empty_bridge,
}
