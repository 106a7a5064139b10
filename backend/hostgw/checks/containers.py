"""Inside the containers: default routes, and the MAC address of their gateway (catalogue 3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from hostgw.checks.representatives import ordinary
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.bridges import TUNNELS
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.stations import DEFAULT, Station, footings, stations, within
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.iptables import FilterRule
from hostgw.model.kernel import Link, Neighbour, Route
from hostgw.paths.fib import Packet, fib
from hostgw.paths.netfilter import Flow, passages
from hostgw.paths.netfilter.passage import LOST
from hostgw.paths.words import route_text
from hostgw.wire import Section

OUTSIDE = address_number("192.0.2.9")
"""An address that no network has (RFC 5737)."""
ANSWERED = frozenset({"reachable", "stale", "delay", "probe", "permanent"})
_NEIGHBOURS = Section.NEIGHBOURS
IN_USE = frozenset({"reachable", "permanent"})
"""An old entry in any other state is asked for anew as soon as it is used."""


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield containers of owned subnets whose way out is missing, wrong or ambiguous."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        gateway, bridge = address_text(subnet.gateway), host.root.links_by_name.get(subnet.bridge)
        held_by = tuple(within(host, subnet))
        if _is_internal(host, subnet, held_by):
            continue
        if any(footing.defaults != ((gateway, True),) for footing in footings(host, subnet.prefix)):
            for station in held_by:
                yield from _astray(host, mesh, subnet, station)
        for station in held_by if bridge else ():
            if bridge and (entry := _neighbour(station, gateway)) and entry.mac != bridge.mac:
                yield from _old_mac(host, station, bridge, entry)


def _is_internal(host: Host, subnet: Subnet, held_by: tuple[Station, ...]) -> bool:
    """Tell whether a network is shut in on purpose: no container has a default route, and a rule names its bridge.

    Docker makes a network like that with `--internal`.
    """
    nic = next((r.oif for r in host.root.routes if r.dst == DEFAULT), 0)
    if not nic or any(station.defaults for station in held_by):
        return False
    flow = Flow(ordinary(host, subnet), OUTSIDE, subnet.bridge, host.root.name_of(nic))
    decided = passages(host.root).forwarded(flow).decided
    rule = decided.rule if decided and decided.verdict in LOST else None
    sides = [option for side in ("-i", "-o") if (option := rule.option(side))] if isinstance(rule, FilterRule) else []
    return any(option.values == (subnet.bridge,) and not option.inverted for option in sides)


def _astray(host: Host, mesh: Mesh, subnet: Subnet, station: Station) -> Iterator[Finding]:
    """A container that reaches the other subnets all the same is as somebody wanted it to be."""
    held, gateway = station.defaults, address_text(subnet.gateway)
    right = len(held) == 1 and held[0].gateway == gateway and held[0].oif == station.inner.index
    if right or not station.inner.up or _reaches(station, _remote(host, mesh), subnet):
        return
    first = next(iter(held), None)
    if first is None:
        yield _missing(host, subnet, station)
    elif first.oif != station.inner.index:
        yield from _by_another(host, station, held)
    elif first.gateway != gateway:
        if not _is_gateway(host, station, first):
            yield _wrong(host, subnet, station, first)
    elif held[1].metric == first.metric:
        yield _several(host, station, held, "the first of them decides, by chance")


def _remote(host: Host, mesh: Mesh) -> int | None:
    """Return an address in another host's subnet."""
    return next((e.subnet.gateway + 1 for e in mesh.expected_of(host.name)), None)


def _reaches(station: Station, remote: int | None, subnet: Subnet) -> bool:
    """Tell whether a container has a route of its own to other subnets by its gateway, beside any default."""
    if remote is None:
        return False
    route = fib(station.state).lookup(Packet(remote)).route
    return route is not None and route.dst != DEFAULT and route.gateway == address_text(subnet.gateway)


def _missing(host: Host, subnet: Subnet, station: Station) -> Finding:
    name = station.container.name
    summary = f"container {name} on {host.name} has no default route ({address_text(subnet.gateway)} is expected)"
    effect = f"container {name} reaches only {subnet.prefix}"
    evidence = (f"{name}: no route to {DEFAULT}",)
    return finding("container-no-default", host.name, name, summary, effect, evidence)


def _by_another(host: Host, station: Station, held: Sequence[Route]) -> Iterator[Finding]:
    """Another NIC may well carry the rest of the world; not so the network. A tunnel is a VPN that somebody wants."""
    device = station.state.links.get(held[0].oif)
    if device is None or device.kind not in TUNNELS:
        name = station.state.name_of(held[0].oif)
        yield _several(host, station, held, f"{name} wins, not {station.inner.name}")


def _several(host: Host, station: Station, held: Sequence[Route], which: str) -> Finding:
    name = station.container.name
    count = f"{len(held)} default routes" if len(held) > 1 else "a default route by another device"
    summary = f"container {name} on {host.name} has {count}: {which}"
    effect = f"what container {name} sends to other hosts' containers may leave by a device that leads elsewhere"
    evidence = tuple(f"{name}: {route_text(route, station.state)}" for route in held)
    return finding("container-defaults-many", host.name, name, summary, effect, evidence)


def _is_gateway(host: Host, station: Station, route: Route) -> bool:
    """Tell whether somebody is there: the host, another container, or whoever has answered the container's ARP."""
    if not route.gateway:
        bridge = host.root.name_of(station.port.master)
        names = ("all", bridge)
        return any(host.root.sysctls.get(f"net/ipv4/conf/{name}/proxy_arp", "0") != "0" for name in names)
    entry = _neighbour(station, route.gateway)
    if entry is not None:
        return entry.state in ANSWERED
    if address_number(route.gateway) in _held(host):
        return True
    ends = {a.port.index for a in stations(host)}
    return any(port.index not in ends for port in host.root.ports_of(station.port.master))


@per_snapshot
def _held(host: Host) -> frozenset[int]:
    """Return the addresses that the host and its containers hold."""
    own = {address_number(a.address) for a in host.root.addresses if a.family == 4}
    return frozenset(own.union(*(a.numbers for a in stations(host))))


def _neighbour(station: Station, address: str) -> Neighbour | None:
    found = station.state.table(_NEIGHBOURS).get((station.inner.index, address))
    return cast("Neighbour", found) if found else None


def _wrong(host: Host, subnet: Subnet, station: Station, route: Route) -> Finding:
    name, right = station.container.name, address_text(subnet.gateway)
    to = f"{route.gateway}, where nobody is" if route.gateway else "no gateway"
    summary = f"the default route of container {name} on {host.name} leads to {to}; its gateway is {right}"
    effect = f"container {name} reaches only {subnet.prefix}"
    entry = _neighbour(station, route.gateway)
    asked = (f"{name}: {route.gateway} {entry.state.upper()}",) if entry else ()
    evidence = (f"{name}: {route_text(route, station.state)}", f"{subnet.bridge}: {right}", *asked)
    return finding("container-wrong-default", host.name, name, summary, effect, evidence)


def _old_mac(host: Host, station: Station, bridge: Link, entry: Neighbour) -> Iterator[Finding]:
    """Any device of the host may take the frames: the bridge is the one that answers ARP, its ports take them too."""
    gateway = entry.address
    if entry.state not in IN_USE or station.port.master != bridge.index:
        return
    if entry.mac in _macs(host) or not any(a.address == gateway for a in host.root.addresses_of(bridge.index)):
        return
    name = station.container.name
    summary = (
        f"container {name} on {host.name} knows its gateway {gateway} by {entry.mac}; {bridge.name} has {bridge.mac}"
    )
    effect = f"container {name} reaches only {bridge.name}'s other containers"
    evidence = (f"{name}: {gateway} lladdr {entry.mac} {entry.state.upper()}", f"{bridge.name}: {bridge.mac}")
    yield finding("container-gateway-mac-old", host.name, name, summary, effect, evidence)


@per_snapshot
def _macs(host: Host) -> frozenset[str]:
    return frozenset(link.mac for link in host.root.links.values() if link.mac)
