"""Which findings have to do with a probe, and what they gain from it as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from hostgw.checks.judge import judge_own
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding, Severity
from hostgw.model.ip import address_number, maybe_prefix
from hostgw.model.kernel import Link
from hostgw.model.probe import Place, ProbeResult
from hostgw.probing.verdict import detour_back, detour_there, detours, line, rewritten, way

ANYWHERE: Final = frozenset(
    {
        "address-duplicate",
        "arp-ignored",
        "container-address-duplicate",
        "mac-duplicate",
        "subnet-everywhere",
        "subnet-overlap",
        "underlay-address-shared",
        "underlay-not-held",
    }
)
"""What a third host does to the addresses of others."""
SPARES: Final = frozenset(
    {
        "masquerade-between-containers",
        "mtu-container-large",
        "mtu-differs",
        "mtu-path-small",
        "source-ports-exhausted",
    }
)
"""Errors that let a small echo pass."""
NAT: Final = frozenset({"masquerade-between-containers", "flow-keeps-snat"})
MTU: Final = frozenset({"mtu-container-large", "mtu-differs"})
BY_PROBES: Final = frozenset({"probe-unanswered", "underlay-drops-sources"})
"""What probes found, and whose evidence they are already."""
MOST_LINES = 3
"""Probes that one finding names."""


def with_probes(findings: Iterable[Finding], fabric: Fabric, mesh: Mesh) -> tuple[Finding, ...]:
    """Return the findings, each with what probes say of it."""
    found = tuple(findings)
    odd = [result for result in fabric.probes.results if _odd(result)] if fabric.probes else []
    return tuple(_told(each, odd, fabric, mesh) for each in found) if odd else found


def _odd(result: ProbeResult) -> bool:
    return not result.error and bool(
        result.unanswered or detour_there(result) or detour_back(result) or rewritten(result) or result.large_vanish
    )


def _told(found: Finding, odd: list[ProbeResult], fabric: Fabric, mesh: Mesh) -> Finding:
    lines = [text for result in odd if (text := evidence(found, result, fabric, mesh))]
    return replace(found, evidence=(*found.evidence, *lines[:MOST_LINES])) if lines else found


def evidence(found: Finding, result: ProbeResult, fabric: Fabric, mesh: Mesh) -> str:
    """Return what a probe says of a finding; empty where it says nothing."""
    if result.unanswered and explains(found, result, fabric, mesh):
        return line(result)
    if not result.unanswered and _names_detour(found, result):
        return f"{way(result)}: {'; '.join(detours(result))}"
    if rewritten(result) and found.code in NAT and found.host in (result.source.host, result.destination.host):
        return line(result)
    if result.large_vanish and found.code in MTU and found.host in (result.source.host, result.destination.host):
        return line(result)
    return ""


def _names_detour(found: Finding, result: ProbeResult) -> bool:
    """Tell whether a finding is about the route that a request took, or its reply."""
    there = detour_there(result) and found.host == result.source.host and _holds(found, result.destination)
    back = detour_back(result) and found.host == result.destination.host and _holds(found, result.source)
    return bool(there or back) and found.severity is not Severity.NOTICE


def explains(found: Finding, result: ProbeResult, fabric: Fabric, mesh: Mesh) -> bool:
    """Tell whether a finding is reason enough that a probe is not answered."""
    if found.severity is not Severity.ERROR or found.code in SPARES | BY_PROBES:
        return False
    if not result.to_gateway and _is_of_replies(found, fabric, mesh):
        return False
    ends = (result.source, result.destination)
    if found.host not in {end.host for end in ends} and found.code not in ANYWHERE:
        return False
    if maybe_prefix(found.subject) is not None:
        return any(_holds(found, end) or _is_underlay(found, end, mesh) for end in ends)
    return any(_touches(found, end, fabric.hosts[end.host], mesh) for end in ends if end.host == found.host)


def _is_of_replies(found: Finding, fabric: Fabric, mesh: Mesh) -> bool:
    """Tell whether a finding is but about what a host answers to its own containers."""
    host, member = fabric.hosts.get(found.host), mesh.members.get(found.host)
    if found.code != "rule-diverts-subnet" or host is None or member is None:
        return False
    return any(judge_own(host, s).replies for s in member.subnets if str(s.prefix) == found.subject)


def _holds(found: Finding, place: Place) -> bool:
    """Tell whether the subject, a prefix or address, holds a place's address."""
    subject = maybe_prefix(found.subject)
    return subject is not None and subject.contains(address_number(place.address))


def _is_underlay(found: Finding, place: Place, mesh: Mesh) -> bool:
    member, subject = mesh.members.get(place.host), maybe_prefix(found.subject)
    addresses = member.underlay.addresses if member and member.underlay else ()
    return subject is not None and any(subject == (number, 32) for number in addresses)


def _touches(found: Finding, place: Place, host: Host, mesh: Mesh) -> bool:
    """Tell whether a host's finding about a device, a container or all of it concerns a place there."""
    containers = {container.name for container in host.snapshot.containers} if host.snapshot else set()
    if found.subject in containers:
        return found.subject == place.name
    link = host.root.links_by_name.get(found.subject)
    return link is None or _carries(link, place, host, mesh)


def _carries(link: Link, place: Place, host: Host, mesh: Mesh) -> bool:
    """Tell whether what a place sends passes a device: its own veth, a bridge for containers, or an underlay NIC."""
    if not (link.kind == "veth" and link.peer_nsid >= 0 and place.ns):
        member = mesh.members.get(host.name)
        ours = {subnet.bridge for subnet in member.subnets} if member else set()
        return link.kind != "bridge" or link.name in ours
    nsids = {container.nsid: container.id for container in host.snapshot.containers} if host.snapshot else {}
    return nsids.get(link.peer_nsid, place.ns) == place.ns


def unexplained(findings: Iterable[Finding], fabric: Fabric, mesh: Mesh) -> Iterator[ProbeResult]:
    """Yield the probes that nobody answered and that no finding is a reason for."""
    found = [each for each in findings if each.severity is Severity.ERROR]
    for result in fabric.probes.results if fabric.probes else ():
        if result.unanswered and not any(explains(each, result, fabric, mesh) for each in found):
            yield result
