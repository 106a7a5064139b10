"""Tracked flows that carry an old decision of NAT, or too many that share one (catalogue 3.5).

NAT is decided once per flow: a flow that was translated stays so, whatever the rules say by now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.memory import per_snapshot
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix, address_number
from hostgw.model.kernel import ConntrackEntry, Crowd, Link
from hostgw.paths.netfilter import Flow, passages

ENDING = frozenset({"LAST_ACK", "TIME_WAIT", "CLOSE"})
PORTS = 65536 - 1024
"""Source ports that masquerading may give to flows towards one server."""
FULL_PERCENT = 90
ALIVE = frozenset({"reachable", "delay", "probe", "permanent", "noarp"})
SHOWN = 4


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield what the tracked flows of each host show; they are asked for now and then, beside the snapshot."""
    for host in fabric.readable:
        if host.tracked:
            yield from _old_sources(host, host.tracked.flows, mesh)
            yield from _crowded(host, host.tracked.crowds)
            yield from _led_astray(host, host.tracked.flows, fabric, mesh)


def _old_sources(host: Host, flows: tuple[ConntrackEntry, ...], mesh: Mesh) -> Iterator[Finding]:
    for subnet in mesh.members[host.name].subnets if host.name in mesh.members else ():
        if kept := [flow for flow in flows if keeps_snat(host, flow, subnet, mesh)]:
            summary = f"{host.name} still rewrites the source of {_count(kept)} between containers, as older rules said"
            first = kept[0].reply_destination
            effect = f"the other end sees {first} instead of the container until the flow ends"
            evidence = tuple(_text(flow) for flow in kept[:SHOWN])
            yield finding("flow-keeps-snat", host.name, str(subnet.prefix), summary, effect, evidence)


def keeps_snat(host: Host, flow: ConntrackEntry, subnet: Subnet, mesh: Mesh) -> bool:
    """Tell whether a flow of a subnet's container to another host's is rewritten, and a new one would not be."""
    if flow.reply_destination == flow.source or flow.reply_source != flow.destination or flow.state in ENDING:
        return False
    source, destination = address_number(flow.source), address_number(flow.destination)
    if not subnet.prefix.contains(source):
        return False
    device = next((e.device for e in mesh.expected_of(host.name) if e.subnet.prefix.contains(destination)), "")
    ports = (flow.source_port, flow.destination_port) if flow.protocol != "icmp" else (0, 0)
    fresh = Flow(source, destination, subnet.bridge, device, flow.protocol, *ports)
    passage = passages(host.root).forwarded(fresh)
    return bool(device) and passage.snat is None and passage.nat_known


def _crowded(host: Host, crowds: tuple[Crowd, ...]) -> Iterator[Finding]:
    for crowd in crowds:
        if crowd.flows * 100 >= PORTS * FULL_PERCENT:
            server = f"{crowd.destination}:{crowd.port}"
            summary = f"{host.name} tracks {crowd.flows:,} {crowd.protocol} flows from {crowd.source} to {server}"
            effect = f"of {PORTS:,} source ports hardly any is free: new connections to {server} fail"
            yield finding("source-ports-exhausted", host.name, crowd.destination, summary, effect)


def _led_astray(host: Host, flows: tuple[ConntrackEntry, ...], fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield UDP flows that are translated to an address that no container has, and that no rule names any more."""
    led = {f.reply_source: f for f in flows if f.protocol == "udp" and f.reply_source != f.destination}
    for address, flow in led.items():
        owner = _owner(address, fabric, mesh)
        if owner is None or address in held(owner) or _named(host, address):
            continue
        subnet = next(s for s in mesh.members[owner.name].subnets if s.prefix.contains(address_number(address)))
        if _all_seen(owner, subnet) and not _answers(owner, subnet, address):
            summary = f"{host.name} leads tracked UDP flows to {address}, which no container on {owner.name} has"
            effect = f"what {flow.source} sends to {flow.destination} is lost for as long as it goes on sending"
            yield finding("flow-to-dead-address", host.name, address, summary, effect, (_text(flow),))


def _owner(address: str, fabric: Fabric, mesh: Mesh) -> Host | None:
    found = next(mesh.owned.covering(Prefix(address_number(address), 32)), None)
    host = fabric.hosts.get(mesh.owners[found]) if found else None
    return host if host and host.readable and host.state is HostState.UP else None


@per_snapshot
def held(host: Host) -> frozenset[str]:
    """Return the IPv4 addresses that the host and its containers have."""
    states = host.snapshot.states.values() if host.snapshot else ()
    return frozenset(a.address for state in states for a in state.addresses if a.family == 4)


def _named(host: Host, address: str) -> bool:
    """Tell whether a rule names the address: then the rule leads there, and new flows too."""
    wanted = re.compile(rf"(?<![\d.]){re.escape(address)}(?![\d.])")
    return any(wanted.search(rules.text) for rules in host.root.filters.values())


def _all_seen(owner: Host, subnet: Subnet) -> bool:
    """Tell whether every port of the bridge leads to a container that we see: else an address may be held unseen."""
    bridge = owner.root.links_by_name.get(subnet.bridge)
    return bridge is not None and all(_seen(owner, port) for port in owner.root.ports_of(bridge.index))


def _seen(owner: Host, port: Link) -> bool:
    known = {ns.nsid for ns in owner.snapshot.containers} if owner.snapshot else set()
    return port.kind == "veth" and port.peer_nsid in known


def _answers(owner: Host, subnet: Subnet, address: str) -> bool:
    index = owner.root.links_by_name[subnet.bridge].index
    return any(n.state in ALIVE for n in owner.root.neighbours if (n.index, n.address) == (index, address))


def _count(flows: list[ConntrackEntry]) -> str:
    return f"{len(flows)} tracked flow{'s' if len(flows) > 1 else ''}"


def _text(flow: ConntrackEntry) -> str:
    there = f"src={flow.source} dst={flow.destination}"
    back = f"src={flow.reply_source} dst={flow.reply_destination}"
    words = [flow.protocol, flow.state, there, back, *(f"[{word}]" for word in flow.status if word == "UNREPLIED")]
    return " ".join(word for word in words if word)
