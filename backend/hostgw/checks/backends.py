"""One way by a tunnel, the way back without: two hosts whose agents run different backends (catalogue R28)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.judge import tunnelled
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import TUNNELS
from hostgw.mesh.memory import per_snapshot
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_number, prefix
from hostgw.model.kernel import Route
from hostgw.paths.fib import MAIN, fib
from hostgw.paths.words import route_text


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the subnets that a host reaches by a tunnel and whose owner answers without one."""
    for host in fabric.readable:
        for wanted, route in _by_tunnel(host):
            owner = fabric.hosts.get(mesh.owners.get(wanted, ""))
            if owner and owner is not host and (back := _plain_way_back(owner, host, mesh)):
                yield _finding(host, owner, wanted, route, back)


@per_snapshot
def _by_tunnel(host: Host) -> tuple[tuple[Prefix, Route], ...]:
    """Return the prefixes that a host reaches by a tunnel; most hosts have none."""
    devices = {link.index for link in host.root.links.values() if link.kind in TUNNELS}
    found = (r for r in host.root.routes if r.oif in devices and r.table == MAIN) if devices else ()
    return tuple((prefix(route.dst), route) for route in found if tunnelled(host, route))


def _plain_way_back(owner: Host, host: Host, mesh: Mesh) -> Route | None:
    """Return the route by which an owner answers a host directly, if it does."""
    member = mesh.members[host.name]
    held = member.underlay.addresses if member.underlay else ()
    for subnet in member.subnets if owner.readable else ():
        back = next(iter(fib(owner.root).exact(subnet.prefix)), None)
        if back and back.gateway and not tunnelled(owner, back) and address_number(back.gateway) in held:
            return back
    return None


def _finding(host: Host, owner: Host, wanted: Prefix, route: Route, back: Route) -> Finding:
    device = host.root.name_of(route.oif)
    summary = f"{host.name} sends {wanted} to {owner.name} by the tunnel {device}, {owner.name} answers without one"
    link = host.root.links[route.oif]
    twin = any(other.kind == link.kind for other in owner.root.links.values())
    effect = (
        f"packets take different ways there and back: MTU and filters differ between {host.name} and {owner.name}"
        if twin
        else f"{owner.name} has no {link.kind} device: what {host.name} sends by its tunnel is lost there"
    )
    evidence = (f"{host.name}: {route_text(route, host.root)}", f"{owner.name}: {route_text(back, owner.root)}")
    return finding("backends-differ", host.name, str(wanted), summary, effect, evidence)
