"""Packets from containers to their own host (catalogue 3.4)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.representatives import flows, ordinary
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.paths.netfilter import passages


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a notice when a host lets its containers reach nothing of itself: many want it so."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        if not subnet.bridge:
            continue
        found = [
            passages(host.root).delivered(flow)
            for flow in flows(ordinary(host, subnet), subnet.gateway, subnet.bridge, "")
        ]
        if all(passage.lost for passage in found) and (decided := found[0].decided):
            summary = f"{host.name} drops what its own containers send to it"
            effect = f"containers behind {subnet.bridge} reach other hosts' containers, but not {host.name} itself"
            evidence = (f"{decided.table}: {decided.text}",)
            yield finding("input-dropped", host.name, subnet.bridge, summary, effect, evidence)
