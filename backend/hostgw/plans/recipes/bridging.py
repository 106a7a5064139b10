"""Settings of bridges and ports, and rules for bridged frames."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.checks import bridged
from hostgw.checks.nat import rulesets
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.stations import within
from hostgw.model.change import ChainChange, LinkChange, LinkState, SysctlChange
from hostgw.model.finding import Finding
from hostgw.model.kernel import Link
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, own_subnet
from hostgw.plans.steps import link_state, step


def _altered(host: Host, link: Link, before: LinkState, after: LinkState, summary: str, finding: Finding) -> Step:
    return step(host, LinkChange(link.index, link.name, before, after), summary, finding)


def _fixed_mac(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Keep the address that the containers know."""
    link = host.root.links_by_name[finding.subject]
    before = msgspec.structs.replace(link_state(link), mac_is_set=False)
    after = msgspec.structs.replace(before, mac_is_set=True)
    yield _altered(host, link, before, after, f"let {link.name} keep {link.mac} whatever its ports are", finding)


def _no_stp(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    link = host.root.links_by_name[finding.subject]
    before = msgspec.structs.replace(link_state(link), stp=True)
    after = msgspec.structs.replace(before, stp=False)
    yield _altered(host, link, before, after, f"switch STP off on {link.name}", finding)


def _joined(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    link = host.root.links_by_name[finding.subject]
    before = msgspec.structs.replace(link_state(link), isolated=True)
    after = msgspec.structs.replace(before, isolated=False)
    yield _altered(host, link, before, after, f"let {link.name} reach isolated ports", finding)


def _hairpin(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    subnet = own_subnet(finding, host, mesh)
    for station in within(host, subnet) if subnet else ():
        link = station.port
        if link.port and not link.port.hairpin:
            before = msgspec.structs.replace(link_state(link), hairpin=False)
            after = msgspec.structs.replace(before, hairpin=True)
            yield _altered(host, link, before, after, f"let {link.name} get back what it sends to itself", finding)


def _filtered(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Without br_netfilter there is no such setting: loading a module is left to the operator."""
    held = host.root.sysctls.get(bridged.PATH)
    if held is not None:
        change = SysctlChange({bridged.PATH: held}, {bridged.PATH: "1"})
        yield step(host, change, "let bridged frames pass the rules of iptables", finding)


def _accepted(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Accept at the head of FORWARD what stays on the bridge."""
    subnet, bridge = own_subnet(finding, host, mesh), host.root.links_by_name.get(finding.subject)
    decided = bridged.dropped(host, subnet, bridge) if subnet and bridge else None
    rules = next((rules for rules in rulesets(host) if decided and rules.backend == decided.backend), None)
    chain = rules.chain("filter", "FORWARD") if rules else None
    if chain is not None and decided and decided.table == "filter" and decided.hook == "forward":
        accept = f"-A FORWARD -i {finding.subject} -o {finding.subject} -j ACCEPT"
        after = (accept, *(line for line in chain.lines if line != accept))
        change = ChainChange(decided.backend, "filter", "FORWARD", chain.lines, after)
        yield step(host, change, f"accept what stays on {finding.subject}", finding)


RECIPES: dict[str, Recipe] = {
    "bridge-mac-floats": _fixed_mac,
    "bridge-stp-delays": _no_stp,
    "port-isolated": _joined,
    "hairpin-off": _hairpin,
    "bridge-filter-off": _filtered,
    "bridged-traffic-dropped": _accepted,
}
