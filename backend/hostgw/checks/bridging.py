"""Settings of bridges and ports: MAC, STP, VLAN filtering, hairpin, isolation (catalogue 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hostgw.checks import bridged
from hostgw.checks.services import service_rules
from hostgw.checks.words import counted, finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.stations import Station, within
from hostgw.model.finding import Finding
from hostgw.model.kernel import Link

QUICKEST = 200
"""Centiseconds: the kernel takes no shorter forward delay while STP runs."""
WAITING = frozenset({"listening", "learning", "blocking"})
SHOWN = 4


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what the settings of a host's container bridges and their ports do to containers."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        bridge = host.root.links_by_name.get(subnet.bridge)
        if bridge is None or bridge.kind != "bridge":
            continue
        ports = within(host, subnet, bridge.index)
        yield from _floating(host, bridge)
        yield from _spanning(host, bridge, ports)
        yield from _vlans(host, bridge, ports)
        yield from _isolated(host, bridge, ports)
        yield from _hairpin(host, bridge, ports)
        yield from _promiscuous(host, bridge)
        yield from bridged.check(host, subnet, bridge, ports)
        yield from _orphans(host, bridge)


def _floating(host: Host, bridge: Link) -> Iterator[Finding]:
    if bridge.mac and not bridge.mac_is_set:
        summary = f"{bridge.name} of {host.name} takes its MAC address from its ports"
        effect = "when the port with the lowest address goes, containers know their gateway by an old one for a while"
        evidence = (f"{bridge.name}: {bridge.mac}, set by nobody",)
        yield finding("bridge-mac-floats", host.name, bridge.name, summary, effect, evidence)


def _spanning(host: Host, bridge: Link, ports: Sequence[Station]) -> Iterator[Finding]:
    """Yield STP with a delay that somebody could shorten, or with a container's port that waits now."""
    if bridge.bridge is None or not bridge.bridge.stp:
        return
    waiting = [f"{a.port.name}: {a.port.port.state}" for a in ports if a.port.port and a.port.port.state in WAITING]
    delay = bridge.bridge.forward_delay
    if delay > QUICKEST or waiting:
        seconds = 2 * delay / 100
        summary = f"STP runs on {bridge.name} of {host.name}: a new port is silent for {seconds:g} s"
        effect = f"a container that starts on {host.name} has no network for {seconds:g} s"
        evidence = (f"{bridge.name}: stp_state 1, forward_delay {delay}", *waiting[:SHOWN])
        yield finding("bridge-stp-delays", host.name, bridge.name, summary, effect, evidence)


def _vlans(host: Host, bridge: Link, ports: Sequence[Station]) -> Iterator[Finding]:
    if bridge.bridge is None or not bridge.bridge.vlan_filtering:
        return
    for station in ports:
        port = station.port
        if port.port and port.port.pvid == 0:
            summary = f"{bridge.name} of {host.name} filters VLANs, and {port.name} has none for untagged frames"
            effect = f"container {station.container.name} is cut off: what it sends is dropped at {port.name}"
            evidence = (f"{bridge.name}: vlan_filtering 1", f"{port.name}: no PVID")
            yield finding("port-without-vlan", host.name, port.name, summary, effect, evidence)


def _isolated(host: Host, bridge: Link, ports: Sequence[Station]) -> Iterator[Finding]:
    """Yield ports that cannot reach each other: one alone is isolated from nobody."""
    alone = [a for a in ports if a.port.port and a.port.port.isolated]
    if len(alone) < 2:
        return
    for station in alone:
        port, name = station.port.name, station.container.name
        summary = f"{port} of {host.name} is isolated from {len(alone) - 1} other isolated ports of {bridge.name}"
        effect = f"container {name} does not reach the containers behind them; it reaches everything else"
        yield finding("port-isolated", host.name, port, summary, effect, (f"{port}: isolated on",))


def _hairpin(host: Host, bridge: Link, ports: Sequence[Station]) -> Iterator[Finding]:
    """Yield a bridge that sends nothing back by the port it came from, where services may need it."""
    rules = service_rules(host) if not bridge.promiscuity else ""
    off = [a.port.name for a in ports if a.port.port and not a.port.port.hairpin] if rules else []
    if off:
        where = f"{counted(len(off), 'port')} of {bridge.name} of {host.name}"
        summary = f"hairpin mode is off on {where}, where kube-proxy is in use"
        effect = "a container does not reach itself by the address of a service that leads back to it"
        evidence = (rules, f"hairpin off: {', '.join(off[:SHOWN])}{' …' if len(off) > SHOWN else ''}")
        yield finding("hairpin-off", host.name, bridge.name, summary, effect, evidence)


def _promiscuous(host: Host, bridge: Link) -> Iterator[Finding]:
    """Yield a bridge that takes in what it forwards: together with br_netfilter, translated packets come twice."""
    if bridge.promiscuity and bridged.is_filtered(host) and service_rules(host):
        summary = f"{bridge.name} of {host.name} is promiscuous while bridged frames pass the NAT rules"
        effect = f"the first packets from a container to a service behind {bridge.name} arrive twice"
        evidence = (f"{bridge.name}: promiscuity {bridge.promiscuity}", f"{bridged.TEXT} = 1")
        yield finding("hairpin-promiscuous", host.name, bridge.name, summary, effect, evidence)


def _orphans(host: Host, bridge: Link) -> Iterator[Finding]:
    """Yield ports whose other end is in a namespace that has no file and no process; only root sees them all."""
    snapshot = host.snapshot
    if snapshot is None or snapshot.facts.uid != 0:
        return
    known = {container.nsid for container in snapshot.containers}
    for port in host.root.ports_of(bridge.index):
        if port.kind == "veth" and port.peer_nsid >= 0 and port.peer_nsid not in known:
            summary = f"{port.name} of {host.name} leads to a namespace that no process and no file names"
            effect = f"nobody is known to use {port.name}; it is a port of {bridge.name} all the same"
            evidence = (f"{port.name}: link-netnsid {port.peer_nsid}, master {bridge.name}",)
            yield finding("veth-orphan", host.name, port.name, summary, effect, evidence)
