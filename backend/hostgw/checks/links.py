"""NICs, bridges and ports: down, without address, detached, in the wrong place (catalogue 3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.bridges import management_address
from hostgw.mesh.model import Member
from hostgw.mesh.stations import Station, footings, stations, within
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text, interface_prefix
from hostgw.model.kernel import Address, Link


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is wrong with a host's NIC, its container bridges and their ports."""
    member = mesh.members.get(host.name)
    if member is None:
        return
    yield from _underlay(host, member)
    for subnet in member.subnets:
        if bridge := host.root.links_by_name.get(subnet.bridge):
            yield from _bridge(host, subnet, bridge)
            yield from _ports(host, subnet, bridge)
    yield from _addresses_on_ports(host, mesh, member)


def _underlay(host: Host, member: Member) -> Iterator[Finding]:
    """Yield a NIC without link, on a host that was reached by another way."""
    if member.underlay is None or member.underlay.up or not member.subnets:
        return
    nic = host.root.links[member.underlay.index]
    state = "down" if not nic.up else "without carrier"
    summary = f"{nic.name} of {host.name} is {state}: {host.name} stands outside the segment {member.underlay.segment}"
    effect = f"{host.name} and its containers reach no other host, and no other host reaches them"
    evidence = (f"{nic.name}: {'UP' if nic.up else 'DOWN'}, {'carrier' if nic.carrier else 'no carrier'}",)
    yield finding("underlay-down", host.name, nic.name, summary, effect, evidence)


def _bridge(host: Host, subnet: Subnet, bridge: Link) -> Iterator[Finding]:
    gateway = f"{address_text(subnet.gateway)}/{subnet.prefix.length}"
    effect = f"the containers of {host.name} ({subnet.prefix}) reach nobody and are reached by nobody outside it"
    if not bridge.up:
        summary = f"bridge {bridge.name} of {host.name} is down"
        yield finding("bridge-down", host.name, bridge.name, summary, effect, (f"{bridge.name}: state DOWN",))
    if not host.root.addresses_of(bridge.index):
        summary = f"bridge {bridge.name} of {host.name} has no IPv4 address; {gateway} is expected"
        evidence = (f"{bridge.name}: no inet address", f"{subnet.prefix} belongs to {host.name}: {subnet.reason}")
        yield finding("bridge-no-address", host.name, bridge.name, summary, effect, evidence)


def _ports(host: Host, subnet: Subnet, bridge: Link) -> Iterator[Finding]:
    if all(footing.master == bridge.index for footing in footings(host, subnet.prefix)):
        return
    for station in within(host, subnet):
        port, container = station.port, station.container.name
        if port.master == bridge.index:
            continue
        if not port.master:
            summary = f"{port.name} of {host.name} is in no bridge: container {container} is cut off"
            effect = f"container {container} reaches nobody (its gateway may still answer ARP)"
            evidence = (f"{port.name}: no master, expected {bridge.name}",)
            yield finding("port-detached", host.name, port.name, summary, effect, evidence)
        elif _elsewhere(host, port, bridge):
            yield _misplaced(host, station, bridge)


def _elsewhere(host: Host, port: Link, bridge: Link) -> bool:
    """Tell whether a port is in a bridge that no cable of the host joins to the right one."""
    other = host.root.links.get(port.master)
    if other is None or other.kind != "bridge":
        return False
    links = host.root.links
    joined = (
        end.master == other.index and (far := links.get(end.peer)) is not None and far.master == bridge.index
        for end in links.values()
        if end.kind == "veth" and end.peer_nsid < 0
    )
    return not any(joined)


def _misplaced(host: Host, station: Station, bridge: Link) -> Finding:
    port, container = station.port, station.container.name
    where = host.root.name_of(port.master)
    address = address_text(station.numbers[0])
    summary = (
        f"{port.name} of {host.name} is in {where}, but container {container} ({address}) belongs to {bridge.name}"
    )
    effect = f"container {container} reaches neither its gateway nor the other containers"
    evidence = (f"{port.name}: master {where}, expected {bridge.name}",)
    return finding("port-wrong-bridge", host.name, port.name, summary, effect, evidence)


def _addresses_on_ports(host: Host, mesh: Mesh, member: Member) -> Iterator[Finding]:
    """Yield addresses that stand on a port instead of its bridge."""
    root = host.root
    for address in root.addresses:
        link = root.links.get(address.index)
        master = root.links.get(link.master) if link and link.master else None
        if link is None or master is None or master.kind != "bridge" or address.family != 4:
            continue
        number = address_number(address.address)
        own = next((subnet for subnet in member.subnets if subnet.bridge == master.name), None)
        on_container = address.length < 32 and any(station.port.index == link.index for station in stations(host))
        if own and (own.prefix.contains(number) or on_container):
            yield _on_port(host, own, link, address)
        elif _is_underlay(host, mesh, number) and not _holds_prefix(host, master, address):
            yield _enslaved(host, link, master, address)


def _on_port(host: Host, subnet: Subnet, port: Link, address: Address) -> Finding:
    text = f"{address.address}/{address.length}"
    summary = f"{port.name} of {host.name} is a port of {subnet.bridge} and holds {text}; only the bridge should"
    effect = f"what {host.name} sends to {subnet.prefix} may leave by {port.name} alone, as soon as its route is first"
    evidence = (f"{port.name}: inet {text}, master {subnet.bridge}",)
    return finding("port-has-address", host.name, port.name, summary, effect, evidence)


def _is_underlay(host: Host, mesh: Mesh, number: int) -> bool:
    if address_text(number) == management_address(host) or mesh.host_of_address.get(number) == host.name:
        return True
    others = (m.underlay.segment for m in mesh.members.values() if m.underlay and m.name != host.name)
    return any(segment.contains(number) for segment in others)


def _holds_prefix(host: Host, bridge: Link, address: Address) -> bool:
    """Tell whether the bridge, too, has an address where that of its port is: then it answers and sends."""
    _, wanted = interface_prefix(f"{address.address}/{address.length}")
    return any(wanted.contains(address_number(a.address)) for a in host.root.addresses_of(bridge.index))


def _enslaved(host: Host, nic: Link, bridge: Link, address: Address) -> Finding:
    text = f"{address.address}/{address.length}"
    summary = f"{nic.name} of {host.name} is a port of {bridge.name} and still holds {text}"
    effect = (
        f"frames to {host.name} end in {bridge.name}: answers by {nic.name} are lost, and so are its routes' packets"
    )
    evidence = (f"{nic.name}: inet {text}, master {bridge.name}", f"{bridge.name}: no address in that prefix")
    return finding("nic-enslaved", host.name, nic.name, summary, effect, evidence)
