"""Bridges and ports: up, attached, with the right address."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.stations import served
from hostgw.model.change import AddressChange, LinkChange
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.kernel import Address
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, own_subnet
from hostgw.plans.steps import link_state, step


def _bridge_up(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    link = host.root.links_by_name[finding.subject]
    before = link_state(link)
    after = msgspec.structs.replace(before, up=True)
    yield step(host, LinkChange(link.index, link.name, before, after), f"set {link.name} up", finding)


def _attach(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    link = host.root.links_by_name[finding.subject]
    held = served(host, mesh.members[host.name].subnets)
    wanted = next((subnet.bridge for station, subnet in held if station.port == link), "")
    bridge = host.root.links_by_name.get(wanted)
    if bridge is None:
        return
    before = link_state(link)
    after = msgspec.structs.replace(before, up=True, master=bridge.index)
    yield step(host, LinkChange(link.index, link.name, before, after), f"put {link.name} into {bridge.name}", finding)


def _bridge_address(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    link = host.root.links_by_name.get(finding.subject)
    if subnet is None or link is None:
        return
    text = address_text(subnet.gateway)
    address = Address(link.index, text, subnet.prefix.length)
    before = host.root.addresses_of(link.index)
    summary = f"give {link.name} the address {text}/{subnet.prefix.length}"
    yield step(host, AddressChange(link.index, link.name, before, (*before, address)), summary, finding)


def _bare_port(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    link = host.root.links_by_name[finding.subject]
    change = AddressChange(link.index, link.name, host.root.addresses_of(link.index), ())
    yield step(host, change, f"take the addresses of {link.name} away: it is a port", finding)


RECIPES: dict[str, Recipe] = {
    "bridge-down": _bridge_up,
    "port-detached": _attach,
    "port-wrong-bridge": _attach,
    "port-has-address": _bare_port,
    "bridge-no-address": _bridge_address,
}
