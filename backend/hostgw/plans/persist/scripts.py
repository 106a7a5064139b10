"""Commands that bring routes, bridge and rules back, for hosts where a script or a unit has to do it.

Each may be run again without harm: at boot nothing is there, after a restart of the network everything may be.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.plans.commands import RESTORE
from hostgw.plans.persist.model import BridgeConfig, Rules, Wanted, Way


def commands(wanted: Wanted) -> Iterator[str]:
    """Yield lines for sh(1): bridge, routes, rules."""
    for bridge in wanted.bridges:
        yield from bridge_commands(bridge)
    yield from (route_command(way, wanted.nic.name) for way in wanted.ways)
    for rules in wanted.rules:
        yield from rule_commands(rules)


def route_command(way: Way, device: str) -> str:
    """Return the line that sets a route."""
    more = (f" metric {way.metric}" if way.metric else "") + (" onlink" if way.onlink else "")
    return f"ip route replace {way.dst} via {way.gateway} dev {device} proto static{more}"


def bridge_commands(bridge: BridgeConfig) -> Iterator[str]:
    """Yield the lines that make a bridge with its address."""
    there = f"ip link show dev {bridge.name} >/dev/null 2>&1"
    yield f"{there} || ip link add name {bridge.name} address {bridge.mac} type bridge"
    yield f"ip address replace {bridge.address} dev {bridge.name}"
    yield f"ip link set dev {bridge.name} up"


def rule_commands(rules: Rules) -> Iterator[str]:
    """Yield the lines that make rules; in a chain of others they are put first, in their order."""
    tool = f"{RESTORE[rules.backend]} -w -t {rules.table}"
    if rules.own:
        yield f"{tool} -N {rules.chain} 2>/dev/null || {tool} -F {rules.chain}"
        yield from (f"{tool} {line}" for line in rules.lines)
        return
    head = f"-A {rules.chain} "
    for place, line in enumerate(rules.lines, 1):
        rest = line.removeprefix(head)
        yield f"{tool} -C {rules.chain} {rest} 2>/dev/null || {tool} -I {rules.chain} {place} {rest}"
