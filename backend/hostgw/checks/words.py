"""Routes and findings in words, the same in evidence, screens and reports."""

from __future__ import annotations

from hostgw.checks.catalogue import entries_of, severity_of
from hostgw.fabric import Host
from hostgw.mesh import Subnet
from hostgw.mesh.bridges import container_bridges
from hostgw.model.finding import Finding
from hostgw.model.kernel import Rule


def rule_text(rule: Rule) -> str:
    """Return a policy rule as `ip rule` prints it."""
    words = [f"{rule.priority}:", *(["not"] if rule.inverted else []), "from", rule.src or "all"]
    for word, value in (("to", rule.dst), ("iif", rule.iif), ("oif", rule.oif)):
        words += [word, value] if value else []
    words += ["tos", hex(rule.tos)] if rule.tos else []
    words += ["fwmark", f"{rule.mark:#x}/{rule.mask:#x}"] if rule.mask else []
    words += [*rule.other, *(["l3mdev"] if rule.l3mdev else [])]
    words += {"lookup": ["lookup", str(rule.table)], "goto": ["goto", str(rule.goto)]}.get(rule.action, [rule.action])
    words += ["suppress_prefixlength", str(rule.suppress_prefixlength)] if rule.suppress_prefixlength >= 0 else []
    return " ".join(words)


def cannot(host: Host, subnet: Subnet) -> str:
    """Return who cannot reach whom when a host's route to a subnet is at fault."""
    if subnet.owner == host.name:
        return f"nobody outside reaches the containers of {host.name} ({subnet.prefix})"
    return f"{_senders(host)} cannot reach containers on {subnet.owner} ({subnet.prefix})"


def _senders(host: Host) -> str:
    """Return who sends what a host routes: its containers, or itself where it has none and no bridge for any."""
    return (
        f"containers on {host.name}"
        if container_bridges(host) or (host.snapshot and host.snapshot.containers)
        else host.name
    )


def counted(number: int, thing: str) -> str:
    """Return ``1 rule``, ``2 rules``."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def by_way_of(host: Host, subnet: Subnet, over: str) -> str:
    """Return what becomes of packets that a wrong next hop gets, which may know the way or not."""
    pair = f"packets from {_senders(host)} to containers on {subnet.owner} ({subnet.prefix})"
    return f"{pair} take a detour over {over}, or are lost there"


def finding(
    code: str,
    host: str,
    subject: str,
    summary: str,
    effect: str,
    evidence: tuple[str, ...] = (),
    entry: str = "",
    caused_by: tuple[str, ...] = (),
) -> Finding:
    """Return a finding with what the catalogue says of it; `entry` names one of several entries of the code."""
    entry = entry or entries_of(code)[0].id
    return Finding(code, entry, severity_of(code, entry), host, subject, summary, effect, evidence, caused_by)
