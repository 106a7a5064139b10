"""What recipes of several areas need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.kernel import Route
from hostgw.paths.fib import MAIN
from hostgw.plans.model import Step

Recipe = Callable[[Finding, Host, Mesh], Iterator[Step]]
RESTART_DOCKER = "RESTART docker: its containers stop, unless live-restore is on"


def routes_to(host: Host, dst: str, ns: int = 0, table: int = MAIN) -> tuple[Route, ...]:
    """Return the routes of a table to a prefix, in the order of choice."""
    state = host.snapshot.state(ns) if host.snapshot else host.root
    return tuple(route for route in state.routes if route.dst == dst and route.table == table)


def numbered(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return routes with their positions among equals set as the kernel would list them."""
    seen: dict[tuple[int, int], int] = {}
    numbered = []
    for route in routes:
        place = seen.get((route.tos, route.metric), 0)
        seen[route.tos, route.metric] = place + 1
        numbered.append(msgspec.structs.replace(route, position=place))
    return tuple(numbered)


def own_subnet(finding: Finding, host: Host, mesh: Mesh) -> Subnet | None:
    """Return the own subnet of a host that a finding's subject names by prefix or bridge."""
    owned = mesh.members[host.name].subnets
    return next((s for s in owned if finding.subject in (str(s.prefix), s.bridge)), None)


def accepts_held(host: Host, family: str, table: str, chain: str, source: str, destination: str) -> int:
    """Return how many rules of a chain of native nftables accept packets between two prefixes, and say no more."""
    rules = host.root.filters.get("nftables")
    listed = msgspec.json.decode(rules.text)["nftables"] if rules and rules.text else ()
    wanted = [_compares("saddr", source), _compares("daddr", destination), {"accept": None}]
    found = (entry["rule"] for entry in listed if "rule" in entry)
    named = (rule for rule in found if (rule["family"], rule["table"], rule["chain"]) == (family, table, chain))
    return sum(rule.get("expr") == wanted for rule in named)


def _compares(field: str, text: str) -> dict[str, object]:
    address, _, length = text.partition("/")
    right = address if length == "32" else {"prefix": {"addr": address, "len": int(length)}}
    return {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": field}}, "right": right}}
