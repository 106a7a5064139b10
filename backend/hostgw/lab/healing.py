"""Putting a lab back to its recorded baseline, whatever happened in between."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from hostgw.errors import LabError
from hostgw.lab import healing_filters, healing_network, leavings, network, store
from hostgw.lab.hostfiles import SSHD
from hostgw.lab.lab import Lab, load
from hostgw.lab.life import listens, need_root
from hostgw.lab.namespaces import inside
from hostgw.lab.reading import State, differences, read_nodes, state

_ROUNDS: Final = 3


def heal(name: str = "demo") -> list[str]:
    """Restore the baseline of a lab; return what differed. Raises LabError naming what could not be restored."""
    need_root()
    lab = load(name)
    with store.locked(lab.directory):
        wanted = store.baseline(name)
        _restore_containers(lab)
        found = left = differences(wanted, state(lab))
        leavings.remove(lab)
        for attempt in range(_ROUNDS):
            left = _round(lab, wanted, left, recreate=attempt > 0) if left else []
        _forget_flows(lab)
        _restore_sshd(lab)
    if left:
        raise LabError(f"lab {name} could not be healed", f"still different: {', '.join(left)}", "build it anew")
    return found


def _round(lab: Lab, wanted: dict[str, State], differing: list[str], recreate: bool) -> list[str]:
    """Put right what differs; return what still does, anywhere in the lab."""
    healing_network.restore(lab, wanted, _nodes(differing, healing_network.PARTS), recreate)
    for node in _nodes(differing, healing_filters.PARTS):
        healing_filters.restore(lab, node, wanted[node])
    _forget_flows(lab)
    now = state(lab)
    for node in _nodes(differences(wanted, now), {"sysctls"}):
        _restore_sysctls(lab, node, wanted[node]["sysctls"], now[node]["sysctls"])
        now |= read_nodes(lab, [node])
    return differences(wanted, now)


def _nodes(differing: list[str], parts: set[str]) -> list[str]:
    """The nodes of which one of some parts differs, each once."""
    pairs = [each.split(" ") for each in differing]
    return list(dict.fromkeys(node for node, part in pairs if part in parts))


def _restore_containers(lab: Lab) -> None:
    """Make container namespaces anew that were deleted."""
    for owner in lab.shape.owners:
        for container in owner.containers:
            if not Path(lab.netns(owner.name, container)).exists():
                lab.exec(owner.name, ["ip", "netns", "add", container], check=True)
                node = lab.topology.node(f"{owner.name}/{container}")
                network.prepare(node, lab.node_netns(node.name))


def _restore_sysctls(lab: Lab, node: str, wanted: dict[str, str], found: dict[str, str]) -> None:
    """Write the values that differ; forwarding first, because it resets the ones per interface."""
    with inside(lab.node_netns(node)):
        general = "ipv4/ip_forward"
        if found.get(general) != wanted[general]:
            network.write_sysctl(general, wanted[general])
        for name, value in wanted.items():
            path = Path("/proc/sys/net") / name
            if path.exists() and path.read_text(encoding="utf-8").strip() != value:
                network.write_sysctl(name, value)


def _forget_flows(lab: Lab) -> None:
    """Drop conntrack entries and every neighbour, also permanent and failed ones."""
    for node in lab.topology.nodes:
        with inside(lab.node_netns(node.name)):
            healing_network.forget_learned()
            subprocess.run(["conntrack", "-F"], capture_output=True, check=False)


def _restore_sshd(lab: Lab) -> None:
    """Start sshd again where nothing listens."""
    for host in lab.hosts:
        if not listens(lab.init(host.name).pid):
            lab.exec(host.name, list(SSHD), capture_output=True, check=False)
