"""A host's routes to its own subnet: looped, blocked, shadowed, none; and a bridge without a carrier."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hostgw.checks.judge import Judgement, own_by_routes
from hostgw.checks.standing import Standing
from hostgw.checks.words import cannot, finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.paths.fib import fib
from hostgw.paths.words import route_text


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is wrong with a host's routes to its own subnets."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        own = own_by_routes(host, subnet)
        if report := _REPORTS.get(own.standing):
            yield from report(host, own)


def shadowed(host: Host, judgement: Judgement) -> Iterator[Finding]:
    """Yield a finding for each longer prefix that leads elsewhere."""
    subnet = judgement.subnet
    for dst in dict.fromkeys(route.dst for route in judgement.wrong):
        routes = [route for route in judgement.wrong if route.dst == dst]
        summary = f"{host.name} sends the part {dst} of {subnet.prefix} ({subnet.owner}) elsewhere"
        effect = f"containers of {subnet.owner} in {dst} are not reached from {host.name}"
        evidence = tuple(route_text(route, host.root) for route in routes)
        yield finding("route-shadowed", host.name, dst, summary, effect, evidence)


def _blocked(host: Host, judgement: Judgement) -> Iterator[Finding]:
    subnet, route = judgement.subnet, judgement.route
    if route is not None:
        summary = f"{host.name} drops everything to {subnet.prefix}: {route.type} route"
        evidence = tuple(route_text(r, host.root) for r in fib(host.root).exact(subnet.prefix))
        about = str(subnet.prefix)
        yield finding("route-blocked", host.name, about, summary, cannot(host, subnet), evidence, "R11")


def _looped(host: Host, judgement: Judgement) -> Iterator[Finding]:
    subnet, route = judgement.subnet, judgement.route
    if route is None:
        return
    hops = [route.gateway] if route.gateway else [hop.gateway for hop in route.nexthops]
    summary = f"{host.name} routes its own subnet {subnet.prefix} away to {', '.join(hops)}"
    effect = f"traffic to containers of {host.name} loops until its TTL is spent"
    evidence = tuple(route_text(r, host.root) for r in fib(host.root).exact(subnet.prefix))
    yield finding("subnet-looped", host.name, str(subnet.prefix), summary, effect, evidence)


def _unrouted(host: Host, judgement: Judgement) -> Iterator[Finding]:
    """A bridge that is down or has no address says so itself; what is left is ``noprefixroute`` or a deleted route."""
    subnet = judgement.subnet
    bridge = host.root.links_by_name.get(subnet.bridge)
    if bridge and bridge.up and host.root.addresses_of(bridge.index):
        summary = f"{host.name} has no route to its own subnet {subnet.prefix} on {bridge.name}"
        effect = f"containers of {host.name} are reached by nobody outside their bridge"
        used = judgement.route
        evidence = (f"{route_text(used, host.root)} is used instead",) if used else ("no route covers it",)
        yield finding("subnet-unrouted", host.name, str(subnet.prefix), summary, effect, evidence)


def _own(host: Host, judgement: Judgement) -> Iterator[Finding]:
    """Without a carrier the route is still chosen: what comes is lost in silence. Common, where no container runs.

    The kernel marks the route ``linkdown`` up to a second later.
    """
    route, subnet = judgement.route, judgement.subnet
    bridge = host.root.links_by_name.get(subnet.bridge)
    if route is not None and bridge is not None and not bridge.carrier:
        summary = f"no running port in {subnet.bridge} of {host.name}: nobody is there in {subnet.prefix}"
        evidence = (f"{bridge.name}: NO-CARRIER", route_text(route, host.root))
        yield finding("bridge-no-carrier", host.name, subnet.bridge, summary, "", evidence, "R23")


_REPORTS: dict[Standing, Callable[[Host, Judgement], Iterator[Finding]]] = {
    Standing.OWN: _own,
    Standing.LOOPED: _looped,
    Standing.BLOCKED: _blocked,
    Standing.SHADOWED: shadowed,
    Standing.MISSING: _unrouted,
}
