"""Inside containers."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.stations import DEFAULT, Station, served
from hostgw.model.change import NeighbourChange, RouteChange
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.kernel import Neighbour, Route
from hostgw.paths.fib import MAIN
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, numbered, routes_to
from hostgw.plans.steps import step


def _named(finding: Finding, host: Host, mesh: Mesh) -> Iterator[tuple[Station, Subnet]]:
    for station, subnet in served(host, mesh.members[host.name].subnets):
        if station.container.name == finding.subject:
            yield station, subnet


def _default(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Give a container the default route, in the place of a wrong one."""
    for station, subnet in _named(finding, host, mesh):
        container, inner = station.container, station.inner
        held = routes_to(host, DEFAULT, container.id)
        route = Route(DEFAULT, gateway=address_text(subnet.gateway), oif=inner.index)
        if held:
            first = held[0]
            route = msgspec.structs.replace(route, metric=first.metric, tos=first.tos, protocol=first.protocol)
        change = RouteChange(MAIN, DEFAULT, held, numbered((route, *held[1:])), container.id)
        yield step(host, change, f"give container {container.name} its default route", finding)


def _gateway_mac(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Tell a container the MAC address that its bridge has; the kernel keeps it up to date from then on."""
    for station, subnet in _named(finding, host, mesh):
        container, inner, address = station.container, station.inner, address_text(subnet.gateway)
        bridge = host.root.links_by_name[subnet.bridge]
        held = next((n for n in station.state.neighbours if (n.index, n.address) == (inner.index, address)), None)
        wanted = Neighbour(inner.index, address, bridge.mac, "reachable")
        change = NeighbourChange(inner.index, inner.name, address, held, wanted, container.id)
        yield step(host, change, f"let container {container.name} know the MAC address of {bridge.name}", finding)


RECIPES: dict[str, Recipe] = {
    "container-no-default": _default,
    "container-wrong-default": _default,
    "container-gateway-mac-old": _gateway_mac,
}
