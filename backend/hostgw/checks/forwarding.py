"""Forwarding switched off (catalogue 3.4)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding

IP_FORWARD = "net/ipv4/ip_forward"


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a finding when a host that owns a subnet does not forward, at all or on a device that it needs for it."""
    member = mesh.members.get(host.name)
    if member is None or not member.subnets:
        return
    effect = f"containers on {host.name} reach only their own bridge; nobody outside reaches them"
    known = host.root.sysctls
    if known.get(IP_FORWARD) == "0":
        summary = f"{host.name} does not forward: ip_forward is 0"
        subject = "net.ipv4.ip_forward"
        yield finding("forwarding-off", host.name, subject, summary, effect, (f"{subject} = 0",), "F1")
        return
    devices = [subnet.bridge for subnet in member.subnets]
    devices += [member.underlay.interface] if member.underlay else []
    for device in dict.fromkeys(devices):
        if known.get(f"net/ipv4/conf/{device}/forwarding") == "0":
            summary = f"{host.name} does not forward what comes in by {device}"
            evidence = (f"net.ipv4.conf.{device}.forwarding = 0", "net.ipv4.ip_forward = 1")
            subject = f"net.ipv4.conf.{device}.forwarding"
            yield finding("forwarding-off", host.name, subject, summary, effect, evidence, "F2")
