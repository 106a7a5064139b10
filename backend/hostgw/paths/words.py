"""Routes in words."""

from __future__ import annotations

from hostgw.fabric import NamespaceState
from hostgw.model.kernel import Route


def route_text(route: Route, state: NamespaceState) -> str:
    """Return a route as `ip route` prints it."""
    words = [] if route.type == "unicast" else [route.type]
    words.append("default" if route.dst == "0.0.0.0/0" else route.dst)
    words += _hop(f"inet6 {route.via}" if route.via else route.gateway, route.oif, state)
    for hop in route.nexthops:
        words += ["nexthop", *_hop(hop.gateway, hop.oif, state), "weight", str(hop.weight)]
    if route.table != 254:
        words += ["table", str(route.table)]
    if route.protocol != "boot":
        words += ["proto", route.protocol]
    if route.scope not in ("global", "nowhere"):
        words += ["scope", route.scope]
    if route.src:
        words += ["src", route.src]
    if route.metric:
        words += ["metric", str(route.metric)]
    return " ".join([*words, *route.flags])


def _hop(gateway: str, oif: int, state: NamespaceState) -> list[str]:
    words = ["via", gateway] if gateway else []
    return [*words, "dev", state.name_of(oif)] if oif else words
