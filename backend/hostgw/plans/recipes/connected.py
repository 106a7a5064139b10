"""Connected routes: the kernel makes one for an address, and it goes with that address, never by itself."""

from __future__ import annotations

import msgspec

from hostgw.fabric import Fabric, Host, NamespaceState
from hostgw.model.change import RouteChange
from hostgw.model.kernel import Route
from hostgw.plans.model import Step


def taken_connected(step: Step, fabric: Fabric) -> tuple[Route, ...]:
    """Return the connected routes of addresses in place that a step would take away."""
    change, host = step.change, fabric.hosts[step.host]
    if not isinstance(change, RouteChange) or host.snapshot is None:
        return ()
    state = host.snapshot.state(change.ns)
    kept = [_anywhere(route) for route in change.after]
    return tuple(r for r in change.before if _is_connected(r, state) and _anywhere(r) not in kept)


def keeps_connected(host: Host, route: Route) -> str:
    """Return why a connected route is not deleted."""
    device = host.root.name_of(route.oif)
    return (
        f"{route.dst} on {host.name} is the connected route of {device}, made by the kernel for its address "
        f"{route.src}: it has to go with that address, by hand, if that is the wrong one"
    )


def _is_connected(route: Route, state: NamespaceState) -> bool:
    held = (address.address for address in state.addresses_of(route.oif))
    return route.protocol == "kernel" and not route.gateway and route.src in held


def _anywhere(route: Route) -> Route:
    """Return a route whatever its position among equals."""
    return msgspec.structs.replace(route, position=0)
