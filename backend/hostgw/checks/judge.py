"""Judge one expected route of a host: what becomes of its containers' packets instead.

Most hosts have the standard policy rules, and table main decides. Where there are more, the judgement is made as the
packet travels (`hostgw.checks.travel`): from a container, by the bridge, through the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hostgw.checks.standing import FINE, Standing
from hostgw.checks.travel import Way, main_decides, main_way, own_way, reply_way, ways
from hostgw.fabric import Host
from hostgw.mesh import Expected, Mesh, Subnet
from hostgw.mesh.bridges import TUNNELS
from hostgw.mesh.memory import per_mesh
from hostgw.model.ip import DEFAULT, Prefix, address_number, interface_prefix, prefix
from hostgw.model.kernel import NextHop, Route, Rule
from hostgw.paths.fib import ENDINGS, MAIN, Fib, fib


@dataclass(frozen=True, slots=True)
class Judgement:
    """The standing of `host` to `subnet`, the route that decides and the others in the way."""

    host: str
    subnet: Subnet
    standing: Standing
    expected: Expected | None = None
    route: Route | None = None
    wrong: tuple[Route, ...] = ()
    """Routes that have to go."""
    table: int = MAIN
    """The table that decides."""
    astray: bool = False
    """The policy rules are at fault, whatever table main holds: `rule` leads elsewhere, or none leads to main."""
    rule: Rule | None = None
    replies: bool = False
    """Only what the host itself answers to its containers goes astray."""


def judgements(host: Host, mesh: Mesh) -> Iterator[Judgement]:
    """Yield how a host stands to each subnet that concerns it."""
    yield from (judge(host, expected, mesh) for expected in mesh.expected_of(host.name))
    member = mesh.members.get(host.name)
    yield from (judge_own(host, subnet) for subnet in (member.subnets if member else ()))


@per_mesh
def standings(host: Host, mesh: Mesh) -> tuple[tuple[Subnet, Standing], ...]:
    """Return how a host stands to each subnet that concerns it; only what may be wrong is looked at closely."""
    odd = {expected.subnet for expected in doubtful(host, mesh)}
    member = mesh.members.get(host.name)
    own = ((subnet, judge_own(host, subnet).standing) for subnet in (member.subnets if member else ()))
    others = (
        (e.subnet, judge(host, e, mesh).standing if e.subnet in odd else Standing.OK)
        for e in mesh.expected_of(host.name)
    )
    return (*others, *own)


def judge(host: Host, expected: Expected, mesh: Mesh) -> Judgement:
    """Return how the packets of a host's containers to an owner's subnet fare."""
    model = fib(host.root)
    if model.plain or plainly_right(host, mesh, model, expected):
        return judge_main(host, expected, model)
    judged = [_judge_way(host, expected, part, way) for part, way in ways(host, mesh, model, expected.subnet.prefix)]
    bad = [_blamed(host, expected, found) for found in judged if found.standing not in FINE]
    return min(bad, key=lambda found: (not found.astray, found.rule is None)) if bad else judged[0]


def by_routes(host: Host, expected: Expected, mesh: Mesh) -> Judgement:
    """Return what the routes are to blame for: where the policy rules are at fault, the judgement of table main."""
    found = judge(host, expected, mesh)
    return judge_main(host, expected) if found.astray else found


def plainly_right(host: Host, mesh: Mesh, model: Fib, expected: Expected) -> bool:
    """Tell, fast, whether table main decides and has the one right route: so it is nearly always."""
    return main_decides(host, mesh, model) and _only_route(model, expected) is not None


def doubtful(host: Host, mesh: Mesh) -> tuple[Expected, ...]:
    """Return the routes that a host needs and that want a closer look than `plainly_right` takes."""
    model, needed = fib(host.root), mesh.expected_of(host.name)
    if not main_decides(host, mesh, model):
        return needed
    lone = model.main.lone
    return tuple([e for e in needed if (r := lone.get(e.subnet.prefix)) is None or (r.gateway, r.oif) not in e.ways])


def _only_route(model: Fib, expected: Expected) -> Route | None:
    """Return the route of table main that leads to the owner, when nothing stands beside it or inside its prefix."""
    route = model.main.lone.get(expected.subnet.prefix)
    return route if route and (route.gateway, route.oif) in expected.ways else None


def judge_main(host: Host, expected: Expected, model: Fib | None = None) -> Judgement:
    """Return how table main alone serves an expected route."""
    model = model or fib(host.root)
    if route := _only_route(model, expected):
        return Judgement(host.name, expected.subnet, Standing.OK, expected, route)
    wanted = expected.subnet.prefix
    return _judge_way(host, expected, wanted, main_way(model, wanted))


def _blamed(host: Host, expected: Expected, found: Judgement) -> Judgement:
    """Tell whether rules or routes are at fault: a table that has routes to the very subnet is meant to serve it."""
    if found.table == MAIN or fib(host.root).exact(expected.subnet.prefix, found.table):
        return found
    main = judge_main(host, expected)
    if found.rule is None and main.standing not in FINE:
        return main
    return replace(found, astray=True)


def _judge_way(host: Host, expected: Expected, wanted: Prefix, way: Way) -> Judgement:
    standing, route, wrong = _judged(host, expected, wanted, way)
    return Judgement(host.name, expected.subnet, standing, expected, route, wrong, way.table, False, way.rule)


def _judged(
    host: Host, expected: Expected, wanted: Prefix, way: Way
) -> tuple[Standing, Route | None, tuple[Route, ...]]:
    first = way.routes[0] if way.routes else None
    exact = first is not None and prefix(first.dst) == wanted
    if _in_vrf(host, expected):
        return Standing.UNKNOWN, first, ()
    if way.rule and way.rule.action in ENDINGS:
        return Standing.BLOCKED, None, ()
    if not exact and _served_in_parts(way.inside, wanted, expected):
        return Standing.OK, first, ()
    if first is None or (not exact and not _serves(first, expected)):
        return Standing.MISSING if expected.next_hops else Standing.OFF_SEGMENT, first, ()
    standing, wrong = _judge_exact(host, way.routes if exact else (first,), expected)
    if standing is Standing.OK and (shadows := _shadows(way.inside, expected)):
        return Standing.SHADOWED, first, shadows
    return standing, first, wrong


def _in_vrf(host: Host, expected: Expected) -> bool:
    """Tell whether the NIC has a VRF for a master: its routes are in a table that we do not judge."""
    links = host.root.links
    nic = links.get(expected.index)
    master = links.get(nic.master) if nic and nic.master else None
    return master is not None and master.kind == "vrf"


def _served_in_parts(parts: tuple[Route, ...], wanted: Prefix, expected: Expected) -> bool:
    """Tell whether longer prefixes, each by the owner, make up the whole subnet."""
    if not parts:
        return False
    right = {prefix(route.dst) for route in parts if _serves(route, expected)}
    outermost = [p for p in right if not any(q != p and q.covers(p) for q in right)]
    whole = sum(1 << (32 - p.length) for p in outermost) == 1 << (32 - wanted.length)
    return whole and all(_serves(route, expected) for route in parts)


def _judge_exact(host: Host, routes: tuple[Route, ...], expected: Expected) -> tuple[Standing, tuple[Route, ...]]:
    first = routes[0]
    if tunnelled(host, first):
        return Standing.TUNNELLED, ()
    wrong = tuple(route for route in routes if not _serves(route, expected))
    if not wrong:
        return Standing.OK, ()
    if len(wrong) < len(routes):
        return Standing.DUPLICATE, wrong
    if first.type in ENDINGS:
        return Standing.BLOCKED, wrong
    right_gateway = bool(first.gateway) and address_number(first.gateway) in expected.next_hops
    if not expected.next_hops or (off_segment(host, first) and not right_gateway):
        return Standing.OFF_SEGMENT, wrong
    return Standing.WRONG, wrong


def tunnelled(host: Host, route: Route) -> bool:
    """Tell whether a route leaves by a tunnel: that is another mode than host-gw, and right in its own way."""
    link = host.root.links.get(route.oif)
    return link is not None and link.kind in TUNNELS


def off_segment(host: Host, route: Route) -> bool:
    """Tell whether a route's next hop lies in no prefix of its device: ``onlink`` defeats the kernel's own test."""
    if not route.gateway or "onlink" not in route.flags:
        return False
    gateway = address_number(route.gateway)
    held = host.root.addresses_of(route.oif)
    return not any(interface_prefix(f"{a.address}/{a.length}")[1].contains(gateway) for a in held)


def _serves(route: Route, expected: Expected) -> bool:
    """Tell whether a route leads to the owner by the right device; a hop that is dead is not used."""
    if route.type != "unicast":
        return False
    if route.nexthops:
        living = [hop for hop in route.nexthops if "dead" not in hop.flags]
        return bool(living) and all(_is_hop(hop, expected) for hop in living)
    return _is_hop(route, expected)


def _is_hop(way: Route | NextHop, expected: Expected) -> bool:
    return (way.gateway, way.oif) in expected.ways


def _shadows(parts: tuple[Route, ...], expected: Expected) -> tuple[Route, ...]:
    return tuple(route for route in parts if not _serves(route, expected) and route.type != "throw")


def judge_own(host: Host, subnet: Subnet) -> Judgement:
    """Return how a host serves its own subnet; a host without a bridge for it is taken to be right."""
    model = fib(host.root)
    if not model.plain and subnet.bridge in host.root.links_by_name:
        arriving = _judge_own(host, subnet, own_way(host, model, subnet.prefix))
        if _is_astray(arriving):
            return replace(arriving, astray=True)
        way = reply_way(host, model, subnet)
        if way and _is_astray(answering := _judge_own(host, subnet, way)):
            return replace(answering, astray=True, replies=True)
    return own_by_routes(host, subnet)


def _is_astray(travelling: Judgement) -> bool:
    return travelling.rule is not None and travelling.standing is not Standing.OWN


def own_by_routes(host: Host, subnet: Subnet) -> Judgement:
    """Return how table main alone serves a host's own subnet."""
    if subnet.bridge not in host.root.links_by_name:
        return Judgement(host.name, subnet, Standing.OWN)
    return _judge_own(host, subnet, main_way(fib(host.root), subnet.prefix))


def _judge_own(host: Host, subnet: Subnet, way: Way) -> Judgement:
    def judged(standing: Standing, wrong: tuple[Route, ...] = ()) -> Judgement:
        route = way.routes[0] if way.routes else None
        return Judgement(host.name, subnet, standing, None, route, wrong, way.table, False, way.rule)

    if way.rule and way.rule.action in ENDINGS:
        return judged(Standing.BLOCKED)
    exact = bool(way.routes) and prefix(way.routes[0].dst) == subnet.prefix
    away = tuple(route for route in way.routes if _leads_away(route))
    if not exact:
        return judged(Standing.MISSING)
    if way.routes[0] in away:
        return judged(Standing.BLOCKED if way.routes[0].type in ENDINGS else Standing.LOOPED, away)
    shadows = tuple(route for route in way.inside if _leads_away(route))
    return judged(Standing.SHADOWED, shadows) if shadows else judged(Standing.OWN)


def _leads_away(route: Route) -> bool:
    return bool(route.gateway or route.nexthops) or route.type in ENDINGS


def is_default(route: Route | None) -> bool:
    """Tell whether a route is a default route."""
    return route is not None and prefix(route.dst) == DEFAULT
