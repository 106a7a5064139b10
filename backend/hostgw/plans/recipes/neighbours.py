"""Neighbour entries, MAC addresses and ARP settings."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.neighbours import LIMIT
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import NeighbourChange, SysctlChange
from hostgw.model.finding import Finding
from hostgw.model.kernel import Neighbour
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe
from hostgw.plans.steps import step


def _right_mac(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Put the owner's MAC address in, as if it had been learned: the kernel keeps it up to date from then on."""
    underlay = mesh.members[mesh.host_of_text[finding.subject]].underlay
    for entry in host.root.neighbours:
        if entry.address == finding.subject and underlay and entry.mac != underlay.mac:
            wanted = Neighbour(entry.index, entry.address, underlay.mac, "reachable")
            change = NeighbourChange(entry.index, host.root.name_of(entry.index), entry.address, entry, wanted)
            yield step(host, change, f"know {entry.address} by {underlay.mac}", finding)


def _off(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Set to 0 what counts for the device: the larger of its own setting and that of `all`."""
    path = next((path for path in host.root.sysctls if path.replace("/", ".") == finding.subject), "")
    if path:
        summary = f"set {finding.subject} to 0"
        yield step(host, SysctlChange({path: host.root.sysctls[path]}, {path: "0"}), summary, finding)


def _room(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Raise the three limits together: four times what they are."""
    paths = [f"{LIMIT[:-1]}{number}" for number in (3, 2, 1)]
    before = {path: host.root.sysctls[path] for path in paths if path in host.root.sysctls}
    after = {path: str(4 * int(value)) for path, value in before.items()}
    yield step(host, SysctlChange(before, after), "make room for four times as many neighbours", finding)


RECIPES: dict[str, Recipe] = {
    "neighbour-pinned": _right_mac,
    "neighbour-wrong-mac": _right_mac,
    "neighbour-table-full": _room,
    "arp-ignored": _off,
    "proxy-arp-on": _off,
}
