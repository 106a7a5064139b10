"""Frames that leave a host with a container's address and never reach the next one (catalogue 3.8, U1 to U5).

A switch port, hypervisor or cloud that lets only a host's own addresses pass shows in one way only: the sender's NIC
sends, the owner's NIC sees nothing, and the hosts themselves reach each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hostgw.checks.clouds import cloud_of
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.mesh.model import Underlay
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.probe import ProbeResult
from hostgw.probing.verdict import line, trace

UNKNOWN = "U1"
"""What a cloud does that does not tell its name: a port that lets only the addresses pass that it was told."""
SHOWN = 3


class Vanished(NamedTuple):
    """A probe of which one way ends between two hosts."""

    sender: str
    receiver: str
    result: ProbeResult


def vanished(results: Iterable[ProbeResult], fabric: Fabric, mesh: Mesh) -> Iterator[Vanished]:
    """Yield the probes that left a host from a container of its, and that the next host never saw."""
    for result in results:
        ways = (
            (result.source, result.destination, result.requested_at),
            (result.destination, result.source, result.replied_at),
        )
        for begin, end, spots in ways:
            if begin.ns and begin.host != end.host and spots and spots[-1] in _exits(begin.host, fabric, mesh):
                yield Vanished(begin.host, end.host, result)


def _exits(name: str, fabric: Fabric, mesh: Mesh) -> frozenset[str]:
    """Return how listeners call what a host sends by: its underlay device, and the NICs in it."""
    host, underlay = fabric.hosts[name], _underlay(name, mesh)
    if underlay is None:
        return frozenset()
    links = (link for link in host.root.links.values() if underlay.index in (link.index, link.master))
    return frozenset(f"{name} {link.name}" for link in links)


def check(results: Iterable[ProbeResult], fabric: Fabric, mesh: Mesh) -> Iterator[tuple[Finding, list[ProbeResult]]]:
    """Yield a finding per host whose containers' frames vanish although its own pass, with the probes that show it."""
    by_sender: dict[str, list[Vanished]] = {}
    for each in vanished(results, fabric, mesh):
        if known(fabric.hosts[each.sender], each.receiver, fabric, mesh):
            by_sender.setdefault(each.sender, []).append(each)
    for sender, lost in by_sender.items():
        receivers = tuple(dict.fromkeys(each.receiver for each in lost))
        shown = tuple(f"{line(each.result)}; {trace(each.result)}" for each in lost[:SHOWN])
        yield drops(sender, receivers, fabric, mesh, shown), [each.result for each in lost]


def drops(sender: str, receivers: tuple[str, ...], fabric: Fabric, mesh: Mesh, shown: tuple[str, ...]) -> Finding:
    """Return the finding of a sender whose frames vanish on the way to receivers."""
    host, underlay = fabric.hosts[sender], _underlay(sender, mesh)
    device = underlay.interface if underlay else ""
    cloud, made = cloud_of(host, mesh.members[sender])
    names = ", ".join(receivers[:SHOWN]) + (" …" if len(receivers) > SHOWN else "")
    summary = f"packets of {sender}'s containers leave by {device} and never reach {names}: the underlay drops them"
    effect = f"containers of {sender} reach nobody on other hosts, while the hosts reach each other"
    hints = (text for name in receivers if (text := known(host, name, fabric, mesh)))
    whose = f"{sender} runs on {cloud.name}: {cloud.does}" if cloud else "the machine does not say whose it is (DMI)"
    evidence = (*shown, *list(hints)[:SHOWN], whose, *made)
    return finding(
        "underlay-drops-sources", sender, device, summary, effect, evidence, cloud.entry if cloud else UNKNOWN
    )


def known(host: Host, receiver: str, fabric: Fabric, mesh: Mesh) -> str:
    """Return that a host knows the MAC of another one's NIC, so that the segment carries frames; empty when not."""
    underlay = _underlay(receiver, mesh)
    addresses = underlay.addresses if underlay else ()
    nics = {link.mac for link in fabric.hosts[receiver].root.links.values()}
    for neighbour in host.root.neighbours:
        if neighbour.mac in nics and address_number(neighbour.address) in addresses:
            state = f"{host.name} knows {neighbour.address} by the MAC address of {receiver}, {neighbour.mac}"
            return f"{state} ({neighbour.state}): the segment itself carries frames"
    return _claimed(host.name, receiver, fabric)


def _claimed(prober: str, receiver: str, fabric: Fabric) -> str:
    """Return that a host answered when another asked for its address."""
    for claims in fabric.probes.claims if fabric.probes else ():
        if (claims.prober, claims.owner) == (prober, receiver) and claims.macs:
            return f"{receiver} answers {prober}'s ARP for {claims.address}: the segment itself carries frames"
    return ""


def _underlay(name: str, mesh: Mesh) -> Underlay | None:
    member = mesh.members.get(name)
    return member.underlay if member else None


def between(sender: str, receiver: str, fabric: Fabric, mesh: Mesh) -> Finding | None:
    """Return the finding for a captured packet that left one host and never reached the other; None for no host."""
    if sender not in fabric.hosts or receiver not in fabric.hosts or not _underlay(sender, mesh):
        return None
    far = _underlay(receiver, mesh)
    there = f"{receiver}/{far.interface} ({address_text(far.address)})" if far else receiver
    return drops(sender, (receiver,), fabric, mesh, (f"captured at {sender}, never at {there}",))
