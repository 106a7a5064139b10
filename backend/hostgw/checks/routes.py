"""Routes to the subnets of other hosts: missing, wrong, duplicate, blocked, shadowed (catalogue 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hostgw.checks import masks, own_routes, stale
from hostgw.checks.judge import Judgement, by_routes, doubtful, is_default
from hostgw.checks.standing import Standing
from hostgw.checks.words import by_way_of, cannot, finding
from hostgw.fabric import Host
from hostgw.mesh import Expected, Mesh, Subnet
from hostgw.mesh.bridges import container_bridges
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text, prefix
from hostgw.model.kernel import Route
from hostgw.paths.fib import fib
from hostgw.paths.words import route_text

Judged = Callable[[Host, Mesh, Judgement], Iterator[Finding]]


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is wrong with a host's routes to the subnets."""
    judgements = [by_routes(host, expected, mesh) for expected in doubtful(host, mesh)]
    yield from masks.check(host, mesh, judgements)
    lost = _lost(host, mesh, [j for j in judgements if j.standing is Standing.MISSING])
    yield from lost
    for judgement in judgements:
        if judgement.standing is Standing.MISSING:
            yield _missing(host, mesh, judgement, tuple(found.id for found in lost))
        elif report := _REPORTS.get(judgement.standing):
            yield from report(host, mesh, judgement)
    yield from own_routes.check(host, mesh)
    yield from stale.check(host, mesh)


def _lost(host: Host, mesh: Mesh, gone: Sequence[Judgement]) -> tuple[Finding, ...]:
    """Return a headline when all routes are gone, as after the NIC went down and up."""
    needed = len(mesh.expected_of(host.name))
    mine = mesh.members[host.name].underlay if host.name in mesh.members else None
    if mine is None or len(gone) < max(needed, 2) or any(masks.cause_of(host, mesh, j) for j in gone):
        return ()
    summary = f"{host.name} has none of the {needed} routes to other hosts, as after {mine.interface} went down and up"
    effect = f"containers on {host.name} reach no container of another host, or only by a detour"
    evidence = tuple(f"expected: {judgement.expected}" for judgement in gone[:3])
    return (finding("routes-lost", host.name, mine.interface, summary, effect, evidence),)


def _missing(host: Host, mesh: Mesh, judgement: Judgement, lost: tuple[str, ...]) -> Finding:
    subnet, route = judgement.subnet, judgement.route
    entry = "R2" if route else "R1"
    if route:
        used = f"{route_text(route, host.root)} is used instead"
        over = _detour(host, mesh, subnet, route)
        effect = by_way_of(host, subnet, over) if over else f"{cannot(host, subnet)}, or only by a detour"
    else:
        used = "no route covers it"
        effect = f"{cannot(host, subnet)}: {host.name} answers 'network unreachable'"
    summary = f"{host.name} has no route to {subnet.prefix} ({subnet.owner})"
    expected = (f"expected: {judgement.expected}", used)
    cause = (*lost, *masks.cause_of(host, mesh, judgement))
    return finding("route-missing", host.name, str(subnet.prefix), summary, effect, expected, entry, cause)


def _wrong(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    subnet, route, expected = judgement.subnet, judgement.route, judgement.expected
    if route is None or expected is None:
        return
    right = address_text(expected.next_hops[0])
    if route.nexthops:
        code, entry, what = "route-multipath", "R15", "several next hops, not all of them the owner"
    else:
        code, (entry, what) = "route-wrong-next-hop", _which(host, mesh, route, expected)
    summary = f"{host.name} sends {subnet.prefix} to {what}, not to its owner {subnet.owner} ({right})"
    if entry == "R6":
        summary = f"{host.name} sends {subnet.prefix} to its owner {subnet.owner} by {what}"
    evidence = (route_text(route, host.root), f"expected: {expected}")
    yield finding(code, host.name, str(subnet.prefix), summary, _fate(host, mesh, subnet, route), evidence, entry)


def _fate(host: Host, mesh: Mesh, subnet: Subnet, route: Route) -> str:
    """Return what becomes of packets that take a wrong route: others may forward them once more."""
    if route.nexthops:
        pair = f"from containers on {host.name} to containers on {subnet.owner} ({subnet.prefix})"
        return f"some flows {pair} are lost or take a detour"
    over = _detour(host, mesh, subnet, route)
    return by_way_of(host, subnet, over) if over else cannot(host, subnet)


def _detour(host: Host, mesh: Mesh, subnet: Subnet, route: Route) -> str:
    """Name the router or host that a wrong route leads to; empty where it is none that could know the way."""
    if not route.gateway:
        return ""
    if route.gateway in fib(host.root).default_gateways():
        return f"the router {route.gateway}"
    other = mesh.host_of_address.get(address_number(route.gateway), subnet.owner)
    return f"{other} ({route.gateway})" if other != subnet.owner else ""


def _which(host: Host, mesh: Mesh, route: Route, expected: Expected) -> tuple[str, str]:
    """Return the entry, and whom the route leads to instead of the owner."""
    device = host.root.name_of(route.oif)
    if not route.gateway:
        return "R5", f"the segment of {device} (no next hop)"
    number = address_number(route.gateway)
    if number in expected.next_hops:
        return "R6", f"{device}, where it does not stand: {expected.device} leads there"
    if route.gateway in fib(host.root).default_gateways():
        return "R3", f"the LAN router {route.gateway}"
    if other := mesh.host_of_address.get(number):
        named = f"{other} ({route.gateway})"
        mine = other == mesh.owners.get(prefix(route.dst))
        return ("R6", f"{named} by {device} instead of {expected.device}") if mine else ("R4", named)
    return "R5", f"{route.gateway}, which is no listed host"


def _off_segment(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    subnet, route, expected = judgement.subnet, judgement.route, judgement.expected
    code, about = "route-off-segment", str(subnet.prefix)
    if expected and expected.next_hops and route:
        summary = f"{host.name} forces {subnet.prefix} to {route.gateway}, which is on none of its segments (onlink)"
        evidence: tuple[str, ...] = (route_text(route, host.root), f"expected: {expected}")
        yield finding(code, host.name, about, summary, cannot(host, subnet), evidence, "R8")
        return
    owner, mine = mesh.members[subnet.owner].underlay, mesh.members[host.name].underlay
    if mine and owner and _is_down(host, mine.index) and mine.segment.contains(owner.address):
        summary = f"{host.name} has no way to {subnet.prefix} ({subnet.owner}) while {mine.interface} is down"
        yield finding("route-missing", host.name, about, summary, cannot(host, subnet), (f"{mine.interface}: DOWN",))
        return
    where = f"{address_text(owner.address)} in {owner.segment}" if owner else "not known"
    summary = f"{host.name} and {subnet.owner} share no segment: {subnet.prefix} cannot be routed in host-gw mode"
    evidence = (f"{subnet.owner}: {where}", f"{host.name}: {mine.segment if mine else 'no underlay'}")
    narrow = masks.cause_of(host, mesh, judgement)
    yield finding(code, host.name, about, summary, cannot(host, subnet), evidence, "R7", narrow)


def _is_down(host: Host, index: int) -> bool:
    link = host.root.links.get(index)
    return link is not None and not link.up


def _blocked(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    subnet, route = judgement.subnet, judgement.route
    if route is not None:
        summary = f"{host.name} drops everything to {subnet.prefix}: {route.type} route"
        evidence = (route_text(route, host.root),)
        yield finding("route-blocked", host.name, str(subnet.prefix), summary, cannot(host, subnet), evidence, "R10")


def _shadowed(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    yield from own_routes.shadowed(host, judgement)


def _duplicate(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    subnet, first = judgement.subnet, judgement.route
    decides = first in judgement.wrong
    which = "a wrong one decides" if decides else "a wrong one waits behind the right one"
    summary = f"{host.name} has several routes to {subnet.prefix} ({subnet.owner}); {which}"
    fate = _fate(host, mesh, subnet, first) if first else cannot(host, subnet)
    effect = fate if decides else f"{subnet.prefix} is lost when the first route goes"
    routes = fib(host.root).exact(subnet.prefix, judgement.table)
    evidence = tuple(route_text(route, host.root) for route in routes)
    yield finding("route-duplicate", host.name, str(subnet.prefix), summary, effect, evidence)


def _source(host: Host, mesh: Mesh, judgement: Judgement) -> Iterator[Finding]:
    """A bridge's address as preferred source is a habit, and works; another device's may not be known to the owner."""
    subnet, route = judgement.subnet, judgement.route
    if route is None or not route.src or is_default(route):
        return
    fitting = {route.oif, *(bridge.index for bridge in container_bridges(host))}
    if not any(a.address == route.src for index in fitting for a in host.root.addresses_of(index)):
        summary = f"{host.name} itself sends to {subnet.prefix} from {route.src}, an address of another device"
        effect = f"answers from {subnet.owner} to {host.name} itself go to {route.src}; containers are not concerned"
        evidence = (route_text(route, host.root),)
        yield finding("route-source-elsewhere", host.name, str(subnet.prefix), summary, effect, evidence)


_REPORTS: dict[Standing, Judged] = {
    Standing.OK: _source,
    Standing.WRONG: _wrong,
    Standing.OFF_SEGMENT: _off_segment,
    Standing.BLOCKED: _blocked,
    Standing.SHADOWED: _shadowed,
    Standing.DUPLICATE: _duplicate,
}
