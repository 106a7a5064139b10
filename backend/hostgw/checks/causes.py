"""Which finding explains which: one cause, one headline, its effects below it.

A table of rules, strongest causes first. Each says which codes explain which, and what the two must have in common:
the host, the subject, the subnet, or the address that one names and the other's host holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, maybe_prefix

Related = Callable[[Finding, Finding, Mesh], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Findings of `causes` explain those of `effects` that are `related` to them."""

    causes: tuple[str, ...]
    effects: tuple[str, ...]
    related: Related
    across: bool = False
    """The effect may be on another host than the cause."""


class Index(NamedTuple):
    """Findings by (code, host) and by code."""

    on_host: dict[tuple[str, str], list[Finding]]
    anywhere: dict[str, list[Finding]]


def linked(findings: tuple[Finding, ...], fabric: Fabric, mesh: Mesh) -> Iterable[Finding]:
    """Return the findings, each with the ids of those that explain it."""
    index = _index(findings)
    for found in findings:
        causes = () if found.code not in EXPLAINED else tuple(dict.fromkeys(c.id for c in _causes(found, index, mesh)))
        known = tuple(dict.fromkeys((*found.caused_by, *causes)))
        yield msgspec.structs.replace(found, caused_by=known) if causes else found


def _index(findings: tuple[Finding, ...]) -> Index:
    index = Index(defaultdict(list), defaultdict(list))
    for found in findings:
        if found.code in EXPLAINING:
            index.on_host[found.code, found.host].append(found)
            index.anywhere[found.code].append(found)
    return index


def _causes(found: Finding, index: Index, mesh: Mesh) -> Iterator[Finding]:
    for rule in EXPLAINED[found.code]:
        for code in rule.causes:
            candidates = index.anywhere.get(code, ()) if rule.across else index.on_host.get((code, found.host), ())
            yield from (c for c in candidates if c.id != found.id and rule.related(c, found, mesh))


# ---- what a cause and an effect must have in common ----


def _any(cause: Finding, effect: Finding, mesh: Mesh) -> bool:
    return True


def _subject(cause: Finding, effect: Finding, mesh: Mesh) -> bool:
    return cause.subject == effect.subject


def _bridge_of_subnet(cause: Finding, effect: Finding, mesh: Mesh) -> bool:
    """The cause names a bridge, the effect the subnet that it serves, or the bridge itself."""
    member = mesh.members.get(cause.host)
    bridges = {str(s.prefix): s.bridge for s in member.subnets} if member else {}
    return cause.subject in (bridges.get(effect.subject), effect.subject)


def _overlapping(cause: Finding, effect: Finding, mesh: Mesh) -> bool:
    """Both subjects are prefixes, and share an address; an address counts as a prefix of one."""
    first, second = _prefix(cause.subject), _prefix(effect.subject)
    return first is not None and second is not None and first.overlaps(second)


def _of_host(cause: Finding, effect: Finding, mesh: Mesh) -> bool:
    """The effect's subject is an underlay address or a subnet of the cause's host."""
    member = mesh.members.get(cause.host)
    wanted = _prefix(effect.subject)
    if member is None or wanted is None:
        return False
    held = {Prefix(a, 32) for a in member.underlay.addresses} if member.underlay else set()
    return wanted in held or any(subnet.prefix.covers(wanted) for subnet in member.subnets)


def _prefix(text: str) -> Prefix | None:
    return maybe_prefix(text)


ROUTE_LOSSES = ("route-missing", "route-wrong-next-hop", "route-off-segment", "route-duplicate", "routes-lost")
RULES: tuple[Rule, ...] = (
    Rule(("underlay-down",), (*ROUTE_LOSSES, "neighbour-unresolved", "underlay-mask-narrow"), _any),
    Rule(
        ("bridge-down", "bridge-no-address", "bridge-address-wrong"),
        ("subnet-unrouted", "bridge-no-carrier"),
        _bridge_of_subnet,
    ),
    Rule(("subnet-over-network",), (*ROUTE_LOSSES, "route-shadowed", "subnet-looped"), _overlapping),
    Rule(("networkmanager-takes-veths",), ("port-detached", "port-has-address"), _any),
    Rule(
        ("container-address-foreign", "container-mask-wide"),
        ("container-wrong-default", "container-no-default"),
        _subject,
    ),
    Rule(("bridges-share-subnet",), ("port-wrong-bridge", "subnet-unrouted"), _any),
    Rule(
        ("subnet-overlap",),
        ("route-shadowed", "route-stale", "subnet-looped", "container-address-duplicate"),
        _overlapping,
        across=True,
    ),
    Rule(
        (*ROUTE_LOSSES, "route-multipath", "route-blocked", "rule-diverts-subnet"),
        ("reverse-path-strict",),
        _overlapping,
    ),
    Rule(("masquerade-between-containers",), ("flow-keeps-snat",), _any),
    Rule(("forward-dropped",), ("bridged-traffic-dropped",), _any),
    Rule(("arp-ignored",), ("neighbour-unresolved",), _of_host, across=True),
    Rule(("address-duplicate", "mac-duplicate"), ("neighbour-wrong-mac",), _subject, across=True),
    Rule(("underlay-down", "nic-enslaved"), ("neighbour-unresolved",), _of_host, across=True),
    Rule(("mtu-differs",), ("mtu-path-small",), _any, across=True),
    Rule(("mtu-differs",), ("mtu-container-large",), _any),
)
EXPLAINED: dict[str, list[Rule]] = defaultdict(list)
for _rule in RULES:
    for _code in _rule.effects:
        EXPLAINED[_code].append(_rule)
EXPLAINING = frozenset(code for rule in RULES for code in rule.causes)
