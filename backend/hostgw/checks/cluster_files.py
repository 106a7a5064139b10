"""CNI files, leftovers of another cluster, veths without their bridge (P7, P8, P9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.assigned import CNI_DIRECTORY
from hostgw.mesh.bridges import container_bridges, container_link
from hostgw.mesh.stations import host_ends
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, interface_prefix

AGENTS: Mapping[str, frozenset[str]] = {
    "flannel": frozenset({"flanneld", "k3s", "k3s-server", "k3s-agent"}),
    "calico": frozenset({"calico-node", "calico-felix"}),
    "cilium-cni": frozenset({"cilium-agent"}),
    "antrea": frozenset({"antrea-agent"}),
    "weave-net": frozenset({"weaver"}),
}
"""Programs that a main CNI plugin belongs to."""
NO_RIVALS = frozenset({"", "loopback", "multus", "portmap", "bandwidth", "tuning"})
MADE_BY_CNI = frozenset({"cni0", "cbr0", "kube-bridge", "weave", "mynet0"})


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what several installations on one host do to each other."""
    yield from _files(host)
    yield from _left(host, mesh)
    yield from _orphans(host, mesh)


def _files(host: Host) -> Iterator[Finding]:
    """Yield the first CNI file if nothing on the host stands behind it, but something does behind a later one."""
    mains = [(path, kind) for path in sorted(host.root.settings) if (kind := _main_plugin(host, path))]
    if len(mains) < 2:
        return
    first, kind = mains[0]
    rightful = next(((path, k) for path, k in mains[1:] if k != kind and _runs(host, k)), None)
    if rightful and not _runs(host, kind):
        path, wanted = rightful
        summary = f"{first} ({kind}) on {host.name} comes before {path} ({wanted})"
        effect = f"new containers of {host.name} get addresses from {kind}, which other hosts have no route to"
        evidence = tuple(f"{each}: {k}" for each, k in mains)
        yield finding("cni-files-many", host.name, first, summary, effect, evidence)


def _main_plugin(host: Host, path: str) -> str:
    if not path.startswith(CNI_DIRECTORY):
        return ""
    values = host.root.settings[path]
    kind = values.get("plugins.0.type") or values.get("type", "")
    return "" if kind in NO_RIVALS else kind


def _runs(host: Host, kind: str) -> bool:
    return bool(AGENTS.get(kind, frozenset()) & host.root.programs)


def _left(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield idle bridges of a CNI plugin outside the network, on a host whose containers live elsewhere."""
    member = mesh.members.get(host.name)
    if member is None or mesh.network is None or not member.subnets:
        return
    used = {subnet.bridge for subnet in member.subnets}
    for bridge in container_bridges(host):
        if bridge.name not in MADE_BY_CNI - used or host.root.ports_of(bridge.index):
            continue
        for address in host.root.addresses_of(bridge.index):
            _, prefix = interface_prefix(f"{address.address}/{address.length}")
            if not mesh.network.overlaps(prefix):
                summary = f"{bridge.name} of {host.name} stands in {prefix}, outside {mesh.network}, with no container"
                effect = "it may be left from another cluster, like routes and rules beside it"
                evidence = (f"{bridge.name}: inet {address.address}/{address.length}, no ports",)
                yield finding("left-from-another-cluster", host.name, str(prefix), summary, effect, evidence)


def _orphans(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield the veths of containers whose bridge is gone altogether."""
    member = mesh.members.get(host.name)
    if member is None or container_bridges(host):
        return
    for subnet in (s for s in member.subnets if not s.bridge):
        for container in host.snapshot.containers if host.snapshot else ():
            state = host.snapshot.state(container.id) if host.snapshot else host.root
            inner = container_link(state)
            held = state.addresses_of(inner.index) if inner else ()
            if not any(subnet.prefix.contains(address_number(a.address)) for a in held):
                continue
            for port in host_ends(host, container):
                routed = any(route.oif == port.index for route in host.root.routes)
                if not port.master and not routed and not host.root.addresses_of(port.index):
                    summary = (
                        f"{port.name} of {host.name} is in no bridge, and there is none: {container.name} is cut off"
                    )
                    effect = f"container {container.name} reaches nobody"
                    evidence = (f"{port.name}: no master", f"{subnet.prefix} belongs to {host.name}: {subnet.reason}")
                    yield finding("port-detached", host.name, port.name, summary, effect, evidence, "P8")
