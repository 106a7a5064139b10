"""What the filter does with frames that stay on their bridge (L21, L22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hostgw.checks.representatives import flows, ordinary
from hostgw.checks.services import service_rules
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Subnet
from hostgw.mesh.stations import Station
from hostgw.model.finding import Finding
from hostgw.model.iptables import FilterRule
from hostgw.model.kernel import Link
from hostgw.paths.netfilter import Decision, passages

PATH = "net/bridge/bridge-nf-call-iptables"
TEXT = PATH.replace("/", ".")


def is_filtered(host: Host) -> bool:
    """Tell whether bridged frames pass the rules of iptables."""
    return host.root.sysctls.get(PATH) == "1"


def check(host: Host, subnet: Subnet, bridge: Link, ports: Sequence[Station]) -> Iterator[Finding]:
    """Yield rules that are passed by, and rules that drop, between the ports of a container bridge."""
    if not is_filtered(host):
        yield from _passed_by(host, bridge)
    elif len(ports) > 1 and (decided := dropped(host, subnet, bridge)):
        where = f"{decided.table} {decided.chain}"
        by = f"a rule of {where}" if decided.rule else f"the policy of {where}"
        summary = f"{host.name} drops what containers on {bridge.name} send to each other: {by}"
        effect = f"the {len(ports)} containers on {bridge.name} of {host.name} do not reach each other"
        evidence = (f"{TEXT} = 1", f"{decided.table}: {decided.text}")
        yield finding("bridged-traffic-dropped", host.name, bridge.name, summary, effect, evidence)


def _passed_by(host: Host, bridge: Link) -> Iterator[Finding]:
    rules = service_rules(host)
    if rules:
        held = host.root.sysctls.get(PATH)
        state = f"{TEXT} = {held}" if held else f"{TEXT} does not exist: br_netfilter is not loaded"
        summary = f"answers between containers on {bridge.name} of {host.name} pass kube-proxy's rules by"
        effect = f"a service fails for a container of {host.name} when a container of the same host answers"
        yield finding("bridge-filter-off", host.name, TEXT, summary, effect, (state, rules))


def dropped(host: Host, subnet: Subnet, bridge: Link) -> Decision | None:
    """Return what drops everything between two containers that no rule singles out; None when nothing does.

    A rule that names this bridge on both sides, and no more, was made to keep its containers apart (Docker's `icc`).
    """
    own = ordinary(host, subnet)
    other = own - 1 if own - 1 > subnet.gateway else own + 1
    found = [passages(host.root).bridged(flow) for flow in flows(own, other, bridge.name, bridge.name)]
    if not all(passage.lost for passage in found):
        return None
    decided = found[0].decided
    return None if decided is None or _is_meant(decided, bridge) else decided


def _is_meant(decided: Decision, bridge: Link) -> bool:
    rule = decided.rule
    if not isinstance(rule, FilterRule):
        return False
    sides = (rule.option("-i"), rule.option("-o"))
    return all(side is not None and not side.inverted and side.values == (bridge.name,) for side in sides)
