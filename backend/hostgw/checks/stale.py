"""Routes of table main inside the network to prefixes that nobody listed owns."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.judge import tunnelled
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_number
from hostgw.model.kernel import Route
from hostgw.paths.fib import fib
from hostgw.paths.words import route_text


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield stale routes, and as notices those to owners that were not listed."""
    network, owners = mesh.network, mesh.owners
    if network is None:
        return
    for wanted, routes in fib(host.root).main.by_prefix.items():
        if wanted in owners or wanted == network or not network.covers(wanted) or any(mesh.owned.overlapping(wanted)):
            continue
        for route in routes:
            if route.gateway and not tunnelled(host, route):
                yield _finding(host, mesh, wanted, route)
                break


def _finding(host: Host, mesh: Mesh, wanted: Prefix, route: Route) -> Finding:
    other = mesh.host_of_address.get(address_number(route.gateway))
    evidence = (route_text(route, host.root),)
    if other or mesh.complete:
        who = f"{other}, which does not own it" if other else f"{route.gateway}; no listed host owns it"
        summary = f"{host.name} routes {wanted} to {who}"
        effect = f"traffic to {wanted} is lost; a host that takes the subnet again is not reached"
        return finding("route-stale", host.name, str(wanted), summary, effect, evidence)
    summary = f"{wanted} belongs to a host that is not listed ({route.gateway})"
    return finding("owner-not-listed", host.name, str(wanted), summary, "", evidence, "R20")
