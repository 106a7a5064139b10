"""Counters as witnesses: whether what a finding tells of is happening right now.

Two samples of what a host counts are compared. Which counter speaks for which finding was seen on kernel 6.18:
ip_error() counts InAddrErrors where forwarding is off and InNoRoutes where there is no route; the reverse path filter,
fragmentation and conntrack have counters of their own; a rule or policy that decided has its own, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from hostgw.fabric import Fabric, Sample
from hostgw.model.finding import Finding, Severity
from hostgw.model.kernel import Filter
from hostgw.paths.netfilter.passages import COMPILERS

NO_ROUTE = ("IpExtInNoRoutes", "IpOutNoRoutes", "IcmpOutDestUnreachs")
COUNTERS: Final[dict[str, tuple[str, ...]]] = {
    "forwarding-off": ("IpInAddrErrors",),
    "reverse-path-strict": ("TcpExtIPReversePathFilter",),
    "route-missing": NO_ROUTE,
    "routes-lost": NO_ROUTE,
    "route-off-segment": NO_ROUTE,
    "rules-missing": NO_ROUTE,
    "subnet-unrouted": NO_ROUTE,
    "route-blocked": ("IcmpOutDestUnreachs",),
    "subnet-looped": ("IcmpOutTimeExcds",),
    "mtu-container-large": ("IpFragFails",),
    "conntrack-full": ("ConntrackDrop", "ConntrackEarlyDrop"),
    "source-ports-clash": ("ConntrackInsertFailed",),
}
"""Protocol counters by the codes that they speak for."""
DROPPING, REWRITING = "dropping now", "rewriting now"
RULES: Final[dict[str, str]] = {
    "forward-dropped": DROPPING,
    "direct-access-dropped": DROPPING,
    "networks-isolated": DROPPING,
    "input-dropped": DROPPING,
    "bridged-traffic-dropped": DROPPING,
    "rule-without-match": DROPPING,
    "masquerade-between-containers": REWRITING,
    "masquerade-unwanted": REWRITING,
    "host-traffic-masqueraded": REWRITING,
    "node-traffic-masqueraded": REWRITING,
}
"""Codes whose evidence names the rule or policy that decides, and what it does."""
RISES: Final = {"source-ports-clash": Severity.WARNING}
"""What is but worth knowing while its counter stands still."""
WITNESSED: Final = frozenset(COUNTERS) | frozenset(RULES)
LEAST_S: Final = 0.5
"""Samples closer together say nothing."""
_SO_FAR = re.compile(r" \(\d+ packets so far\)$")


def witnessed(
    findings: Iterable[Finding], before: Mapping[str, Sample], after: Mapping[str, Sample], seconds: float
) -> tuple[Finding, ...]:
    """Return the findings, those that are happening with a line that says so; by host, what was counted when."""
    return tuple(_witnessed(f, before.get(f.host), after.get(f.host), seconds) for f in findings)


def in_view(findings: Iterable[Finding], fabric: Fabric) -> tuple[Finding, ...]:
    """Return the findings with what the samples of a fabric's hosts say of them."""
    found = tuple(findings)
    ends = {host.name: (host.samples[0], host.samples[-1]) for host in fabric.hosts.values() if len(host.samples) > 1}
    long = {name: end for name, end in ends.items() if end[1].at - end[0].at >= LEAST_S}
    if not long:
        return found
    return tuple(
        _witnessed(f, *long[f.host], long[f.host][1].at - long[f.host][0].at) if f.host in long else f for f in found
    )


def _witnessed(found: Finding, before: Sample | None, after: Sample | None, seconds: float) -> Finding:
    if before is None or after is None:
        return found
    told = _counters(found, before, after)
    told = told or _rules(found, before, after)
    if told is None:
        return found
    packets, source = told
    word = RULES.get(found.code, DROPPING)
    line = f"{word}: {packets:,} packet{'' if packets == 1 else 's'} in the last {_span(seconds)} ({source})"
    return replace(found, evidence=(*found.evidence, line), severity=RISES.get(found.code, found.severity))


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1.5 else f"{seconds:.1g} s"


def _counters(found: Finding, before: Sample, after: Sample) -> tuple[int, str] | None:
    """Return the first counter of a code that rose, and by how much."""
    for name in COUNTERS.get(found.code, ()):
        if (risen := rise(before, after, name)) > 0:
            return risen, name
    return None


def rise(before: Sample, after: Sample, name: str) -> int:
    """Return by how much a protocol counter rose; 0 when a sample lacks it."""
    return after.snmp[name] - before.snmp[name] if name in before.snmp and name in after.snmp else 0


def _rules(found: Finding, before: Sample, after: Sample) -> tuple[int, str] | None:
    """Return the first rule or policy in the evidence whose counter rose, and by how much."""
    if found.code not in RULES:
        return None
    now = counts(after.filters)
    named = [text for text in (_named(line, now) for line in found.evidence) if text]
    then = counts(before.filters) if named else {}
    for text in named:
        if (risen := now[text] - then.get(text, now[text])) > 0:
            return risen, text
    return None


def _named(line: str, known: Mapping[str, int]) -> str:
    """Return the rule at the end of a line of evidence, behind whatever introduces it; empty when there is none."""
    pieces = _SO_FAR.sub("", line).split(": ")
    ends = (": ".join(pieces[start:]) for start in range(len(pieces)))
    return next((end for end in ends if end in known), "")


def counts(filters: Mapping[str, Filter]) -> dict[str, int]:
    """Return the packets of each rule and policy that is counted, by its text; those alike are taken together."""
    found: dict[str, int] = {}
    for text, packets in _counted(filters):
        found[text] = found.get(text, 0) + packets
    return found


def _counted(filters: Mapping[str, Filter]) -> Iterator[tuple[str, int]]:
    for backend, row in filters.items():
        bases = COMPILERS[backend](row.text).bases if backend in COMPILERS else ()
        tables = {(base.table, id(base.chains)): base.chains for base in bases}
        for base in bases:
            if base.policy_packets >= 0:
                yield base.policy_text, base.policy_packets
        for chains in tables.values():
            for rules in chains.values():
                yield from ((rule.text, rule.packets) for rule in rules if rule.packets >= 0)
