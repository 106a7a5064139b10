"""Routes: the right one by its owner, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.checks.judge import Judgement, by_routes, own_by_routes
from hostgw.checks.standing import Standing
from hostgw.fabric import Host
from hostgw.mesh import Expected, Mesh
from hostgw.model.change import RouteChange
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.kernel import Route
from hostgw.paths.fib import MAIN
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, numbered, own_subnet, routes_to
from hostgw.plans.steps import step


def expected_to(finding: Finding, mesh: Mesh) -> Expected | None:
    """Return the expectation that a finding's subject names."""
    return next((e for e in mesh.expected_of(finding.host) if str(e.subnet.prefix) == finding.subject), None)


def right_route(expected: Expected, table: int = MAIN) -> Route:
    """Return the route that an expectation stands for, as we add it (``proto static``)."""
    gateway = address_text(expected.next_hops[0])
    dst = str(expected.subnet.prefix)
    return Route(dst=dst, table=table, gateway=gateway, oif=expected.index, protocol="static")


def to_owner(finding: Finding, host: Host, judged: Judgement) -> Iterator[Step]:
    """Make the right route the only one: wrong ones go, the right one takes the place and metric of the first."""
    expected, table = judged.expected, judged.table or MAIN
    if expected is None or not expected.next_hops:
        return
    dst = str(expected.subnet.prefix)
    before = routes_to(host, dst, table=table)
    kept = tuple(route for route in before if route not in judged.wrong)
    metric = before[0].metric if before and before[0].type == "unicast" else 0
    wanted = kept or (msgspec.structs.replace(right_route(expected, table), metric=metric),)
    summary = f"route {dst} by its owner {expected.subnet.owner}"
    yield step(host, RouteChange(table, dst, before, numbered(wanted)), summary, finding)


def _to_owner(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    if expected := expected_to(finding, mesh):
        yield from to_owner(finding, host, by_routes(host, expected, mesh))


def _to_all_owners(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Add every route that is missing."""
    for expected in mesh.expected_of(host.name):
        judged = by_routes(host, expected, mesh)
        if judged.standing is Standing.MISSING:
            yield from to_owner(finding, host, judged)


def _onlink_ways(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """For a host with a /32: a link route to each peer whose segment holds it, and by the peer its subnets."""
    mine = mesh.members[host.name].underlay
    for member in mesh.members.values() if mine else ():
        peer = member.underlay
        if mine is None or peer is None or member.name == host.name or not peer.segment.contains(mine.address):
            continue
        link = Route(f"{address_text(peer.address)}/32", oif=mine.index, scope="link", protocol="static")
        before = routes_to(host, link.dst)
        if not before:
            summary = f"reach {member.name} by {mine.interface} directly"
            yield step(host, RouteChange(MAIN, link.dst, (), (link,)), summary, finding)
        for subnet in member.subnets:
            way = (address_text(peer.address), mine.index)
            expected = Expected(subnet, (peer.address,), mine.interface, mine.index, (way,))
            yield from to_owner(finding, host, by_routes(host, expected, mesh))


def _blocked(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    yield from (_own_first if finding.entry == "R11" else _to_owner)(finding, host, mesh)


def _delete(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Delete what leads elsewhere; a route beside it that leads to the owner stays."""
    bad = _shadowing(finding, host, mesh) or routes_to(host, finding.subject)
    summary = f"delete the route to {finding.subject}"
    for table in dict.fromkeys(route.table for route in bad):
        before = routes_to(host, finding.subject, table=table)
        kept = tuple(route for route in before if route not in bad)
        yield step(host, RouteChange(table, finding.subject, before, numbered(kept)), summary, finding)


def _shadowing(finding: Finding, host: Host, mesh: Mesh) -> tuple[Route, ...]:
    judged = [by_routes(host, e, mesh) for e in mesh.expected_of(host.name)]
    judged += [own_by_routes(host, subnet) for subnet in mesh.members[host.name].subnets]
    return tuple(route for j in judged for route in j.wrong if route.dst == finding.subject)


def _own_first(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    if subnet is None:
        return
    before = routes_to(host, finding.subject)
    wrong = own_by_routes(host, subnet).wrong
    kept = tuple(route for route in before if route not in wrong)
    summary = f"let {finding.subject} be reached by {subnet.bridge} alone"
    yield step(host, RouteChange(MAIN, finding.subject, before, numbered(kept)), summary, finding)


def _connected(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    bridge = host.root.links_by_name.get(subnet.bridge) if subnet else None
    if subnet is None or bridge is None:
        return
    gateway = address_text(subnet.gateway)
    held = any(a.address == gateway for a in host.root.addresses_of(bridge.index))
    source = gateway if held else ""
    route = Route(str(subnet.prefix), oif=bridge.index, scope="link", src=source, protocol="static")
    before = routes_to(host, finding.subject)
    summary = f"reach {finding.subject} by {bridge.name}"
    yield step(host, RouteChange(MAIN, finding.subject, before, numbered((route, *before))), summary, finding)


def _without_source(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    before = routes_to(host, finding.subject)
    after = tuple(msgspec.structs.replace(route, src="") for route in before)
    summary = f"let the host's own packets to {finding.subject} have the address of the device that they leave by"
    yield step(host, RouteChange(MAIN, finding.subject, before, numbered(after)), summary, finding)


RECIPES: dict[str, Recipe] = {
    "route-missing": _to_owner,
    "routes-lost": _to_all_owners,
    "route-wrong-next-hop": _to_owner,
    "route-multipath": _to_owner,
    "route-duplicate": _to_owner,
    "route-off-segment": _to_owner,
    "route-blocked": _blocked,
    "route-shadowed": _delete,
    "route-stale": _delete,
    "route-source-elsewhere": _without_source,
    "subnet-looped": _own_first,
    "subnet-unrouted": _connected,
    "underlay-mask-wide": _to_all_owners,
    "underlay-mask-narrow": _onlink_ways,
}
