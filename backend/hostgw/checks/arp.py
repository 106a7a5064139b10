"""ARP as the kernel is told to do it: what it does not answer, and what it answers for others (L13, L14, L15)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.holdings import wide
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Underlay
from hostgw.mesh.model import Member
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_text, interface_prefix
from hostgw.model.kernel import Address, Link

CONF = "net/ipv4/conf"
NEVER, SAME_SUBNET = 8, 2
"""Values of arp_ignore that break something: no answer at all; none to an asker outside the address's own prefix."""


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what of a host's ARP settings keeps others from reaching it, or may lead them astray."""
    member = mesh.members.get(host.name)
    if member is None or not member.subnets:
        return
    yield from _ignored(host, member)
    if member.underlay:
        yield from _flux(host, member.underlay)
    yield from _proxied(host, mesh, member)


def effective(host: Host, device: str, name: str) -> int:
    """Return the larger of the settings of `all` and of a device: that is what counts for ARP."""
    values = (host.root.sysctls.get(f"{CONF}/{scope}/{name}", "0") for scope in ("all", device))
    return max(int(value) if value.isdigit() else 0 for value in values)


def _ignored(host: Host, member: Member) -> Iterator[Finding]:
    for subnet in member.subnets:
        if subnet.bridge and effective(host, subnet.bridge, "arp_ignore") == NEVER:
            whose = f"the containers of {host.name} ({subnet.prefix})"
            effect = f"{whose} find no gateway, and reach nobody outside, once their neighbour entries expire"
            yield _silent(host, subnet.bridge, address_text(subnet.gateway), effect)
    underlay = member.underlay
    if underlay is None:
        return
    value = effective(host, underlay.interface, "arp_ignore")
    if value == NEVER or (value == SAME_SUBNET and underlay.segment.length == 32):
        effect = f"no host reaches {host.name} and its containers once the others' neighbour entries expire"
        yield _silent(host, underlay.interface, address_text(underlay.address), effect)


def _silent(host: Host, device: str, address: str, effect: str) -> Finding:
    value = effective(host, device, "arp_ignore")
    held = host.root.sysctls.get(f"{CONF}/{device}/arp_ignore", "0")
    scope = device if held == str(value) else "all"
    subject = f"net.ipv4.conf.{scope}.arp_ignore"
    summary = f"{host.name} does not answer ARP requests for {address} on {device}: arp_ignore is {value}"
    return finding("arp-ignored", host.name, subject, summary, effect, (f"{subject} = {value}",))


def _flux(host: Host, underlay: Underlay) -> Iterator[Finding]:
    """Yield a second NIC on the segment, where either may answer for the other's address.

    A policy rule for one of the addresses shows that somebody has thought of it (clouds' network tools make them).
    """
    root = host.root
    nic = root.links[underlay.index]
    for address in root.addresses:
        other = root.links.get(address.index)
        if other is None or not _stands_beside(address, other, nic, underlay.segment):
            continue
        chosen = {address.address, address_text(underlay.address)}
        if any(rule.src.removesuffix("/32") in chosen for rule in root.rules):
            continue
        if all(_answers_for_all(host, link.name) for link in (nic, other)):
            summary = (
                f"{nic.name} and {other.name} of {host.name} both stand in {underlay.segment} and answer for each other"
            )
            effect = f"what others send to {host.name} arrives now at one NIC, now at the other"
            evidence = tuple(f"{link.name}: {link.mac}, arp_ignore 0, arp_filter 0" for link in (nic, other))
            yield finding("arp-flux", host.name, other.name, summary, effect, evidence)
            return


def _stands_beside(address: Address, other: Link, nic: Link, segment: Prefix) -> bool:
    if address.family != 4 or other.index == nic.index or not (other.up and other.carrier and other.mac):
        return False
    same = other.mac == nic.mac or other.kind in ("bridge", "loopback") or other.master == nic.index
    return not same and interface_prefix(f"{address.address}/{address.length}")[1] == segment


def _answers_for_all(host: Host, device: str) -> bool:
    return not effective(host, device, "arp_ignore") and not effective(host, device, "arp_filter")


def _proxied(host: Host, mesh: Mesh, member: Member) -> Iterator[Finding]:
    """Yield proxy ARP on bridge or NIC; a veth of its own (Calico's) is not meant."""
    devices = [subnet.bridge for subnet in member.subnets if subnet.bridge]
    devices += [member.underlay.interface] if member.underlay else []
    for device in dict.fromkeys(devices):
        if not effective(host, device, "proxy_arp"):
            continue
        own = host.root.sysctls.get(f"{CONF}/{device}/proxy_arp", "0") != "0"
        subject = f"net.ipv4.conf.{device if own else 'all'}.proxy_arp"
        hidden = _hidden(host, mesh, member, device)
        summary = f"{host.name} answers ARP requests on {device} for what it routes elsewhere: proxy_arp is 1"
        effect = (
            f"it hides wrong masks: {', '.join(hidden)}"
            if hidden
            else "a wrong mask on that segment would not be noticed"
        )
        yield finding("proxy-arp-on", host.name, subject, summary, effect, (f"{subject} = 1",))


def _hidden(host: Host, mesh: Mesh, member: Member, device: str) -> list[str]:
    """Return whose masks take in what only a router reaches."""
    if member.underlay and device == member.underlay.interface:
        others = (m for m in mesh.members.values() if m.underlay and m.name != host.name)
        own = [subnet.prefix for subnet in member.subnets]
        return [m.name for m in others if m.underlay and any(m.underlay.segment.covers(p) for p in own)]
    return [f"container {one.container}" for one in wide(host) if one.bridge == device]
