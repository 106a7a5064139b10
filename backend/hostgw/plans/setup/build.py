"""The plans of the configurator for hosts: set up, join, leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hostgw.checks.catalogue import FixClass
from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.change import RouteChange, ServiceChange
from hostgw.model.ip import address_text
from hostgw.plans.advice import ALTERNATIVES
from hostgw.plans.build import forbidden, marked
from hostgw.plans.model import Plan, Step
from hostgw.plans.recipes.parts import routes_to
from hostgw.plans.setup import reasons
from hostgw.plans.setup.docker import NOT_ASKED, Docker, notes
from hostgw.plans.setup.steps import CHAIN, host_steps, other_network, route_steps
from hostgw.plans.setup.wishes import Wishes
from hostgw.plans.steps import step

RISK = "runtime only: a reboot returns to the configured state"
ELSEWHERE = "is not on the segment"
"""What makes the alternatives to one segment worth telling."""
VERIFICATION = "each host is read again; afterwards `check` must find nothing"


def setup_plan(
    fabric: Fabric,
    mesh: Mesh,
    wishes: Wishes,
    local: Iterable[str] = (),
    docker: Docker = NOT_ASKED,
) -> Plan:
    """Return what all hosts lack to be the network that is wished for; nothing when they lack nothing.

    Raises:
        UsageError: Docker's settings on a host cannot be changed as they are.
    """
    steps = (s for name in fabric.hosts for s in host_steps(fabric.hosts[name], wishes, mesh, docker))
    made = _plan(f"set up {wishes.network}", fabric, mesh, wishes, steps, local, tuple(fabric.hosts))
    return _with_docker(made, fabric, wishes, docker, tuple(fabric.hosts))


def _with_docker(made: Plan, fabric: Fabric, wishes: Wishes, docker: Docker, hosts: tuple[str, ...]) -> Plan:
    """Return the plan with what is to be said of Docker; containers that a restart stops answer no probes."""
    waits = (wish for wish in wishes.hosts if wish.name in hosts and wish.docker and not wish.there)
    told = tuple(text for wish in waits for text in notes(fabric.hosts[wish.name], wish, docker))
    restarts = any(isinstance(step.change, ServiceChange) for step in made.steps)
    return replace(made, notes=told, cuts=restarts)


def join_plan(
    fabric: Fabric,
    mesh: Mesh,
    wishes: Wishes,
    name: str,
    local: Iterable[str] = (),
    docker: Docker = NOT_ASKED,
) -> Plan:
    """Return what `name` lacks to be a part of the network, and what all others lack to reach it.

    Raises:
        UsageError: Docker's settings on the host cannot be changed as they are.
    """

    def steps() -> Iterator[Step]:
        yield from host_steps(fabric.hosts[name], wishes, mesh, docker)
        for other in fabric.hosts.values():
            if other.name != name and wishes.of(name).subnet:
                yield from route_steps(other, wishes, mesh, only=name)

    made = _plan(f"{name} joins {wishes.network}", fabric, mesh, wishes, steps(), local, tuple(fabric.hosts))
    return _with_docker(made, fabric, wishes, docker, (name,))


def leave_plan(fabric: Fabric, mesh: Mesh, name: str, local: Iterable[str] = ()) -> Plan:
    """Return what takes a host out: the others' routes to its subnets, its own to theirs. Its bridge stays.

    Raises:
        UsageError: nothing is known of the host.
    """
    member = mesh.members.get(name)
    if member is None:
        raise UsageError(f"{name} has no part in the network", "", "`hostgw-tui routes` shows who owns what.")
    others = [s for s in mesh.subnets if s.owner != name]

    def steps() -> Iterator[Step]:
        for host in fabric.hosts.values():
            if host.readable:
                yield from _forgotten(host, member.subnets if host.name != name else others)

    title = f"{name} leaves: " + ("nobody routes to it any more" if member.subnets else "it routes to nobody any more")
    nothing = "nobody has a route to it" if member.subnets else "it has no route to anybody's containers"
    found = marked(steps(), fabric, mesh, frozenset(local))
    refused = forbidden(found, fabric) if found else nothing
    said = (f"list the others alone from now on: while {name} is listed and holds its subnet, it counts as a part",)
    return Plan(title, FixClass.SAFE, found, RISK, verification=VERIFICATION, refused=refused, cuts=True, notes=said)


def _forgotten(host: Host, subnets: Iterable[Subnet]) -> Iterator[Step]:
    for subnet in subnets:
        held = tuple(route for route in routes_to(host, str(subnet.prefix)) if route.protocol != "kernel")
        if held:
            kept = tuple(route for route in routes_to(host, str(subnet.prefix)) if route not in held)
            change = RouteChange(254, str(subnet.prefix), (*held, *kept), kept)
            why = reasons.forgotten(subnet.owner, host.name)
            yield step(host, change, f"no route to {subnet.prefix} of {subnet.owner}", why=why)


def _plan(
    title: str,
    fabric: Fabric,
    mesh: Mesh,
    wishes: Wishes,
    steps: Iterable[Step],
    local: Iterable[str],
    hosts: tuple[str, ...],
) -> Plan:
    if refused := "; ".join(obstacles(fabric, mesh, wishes, hosts)):
        alternatives = tuple(ALTERNATIVES["R7"]) if ELSEWHERE in refused else ()
        return Plan(title, FixClass.ADVICE, refused=refused, alternatives=alternatives)
    found = marked(steps, fabric, mesh, frozenset(local))
    refused = forbidden(found, fabric) if found else "nothing is missing"
    return Plan(title, FixClass.SAFE, found, RISK, verification=VERIFICATION, refused=refused)


def obstacles(fabric: Fabric, mesh: Mesh, wishes: Wishes, hosts: tuple[str, ...]) -> Iterator[str]:
    """Yield why host-gw cannot work between these hosts."""
    stand = {}
    for name in hosts:
        member = mesh.members.get(name)
        if not fabric.hosts[name].readable:
            yield f"{name} is not reached: {fabric.hosts[name].state.value}"
        elif member is None or member.underlay is None:
            yield f"{name} has no address on a segment that it shares with the others"
        else:
            stand[name] = member.underlay
    for name, mine in stand.items():
        if other := other_network(fabric.hosts[name], wishes.network):
            yield f"{name} is set up for {other} already (chain {CHAIN}): undo that first"
        if mine.segment.overlaps(wishes.network):
            yield f"{wishes.network} overlaps the segment {mine.segment} of {name}"
        far = [o for o, other in stand.items() if not any(mine.segment.contains(a) for a in other.addresses)]
        if far and name == min(stand):
            first = address_text(stand[far[0]].address)
            yield f"{', '.join(far)} ({first}) {ELSEWHERE} {mine.segment} of {name}: host-gw needs one"
