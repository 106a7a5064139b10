"""The mask of the underlay NIC: so narrow that no peer is on its segment, or so wide that it takes subnets in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hostgw.checks.judge import Judgement
from hostgw.checks.standing import Standing
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Underlay
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.paths.words import route_text

NARROW, WIDE, ODD = "underlay-mask-narrow", "underlay-mask-wide", "underlay-mask-odd"


def check(host: Host, mesh: Mesh, judgements: Sequence[Judgement]) -> Iterator[Finding]:
    """Yield what the mask of a host's NIC costs it; a mask that costs nothing now is worth a notice at most."""
    mine = mesh.members[host.name].underlay if host.name in mesh.members else None
    if mine is None:
        return
    lost = {code: [j for j in judgements if _explains(host, mesh, j) == code] for code in (NARROW, WIDE)}
    for code, report in ((NARROW, _narrow), (WIDE, _wide)):
        if lost[code]:
            yield report(host, mine, lost[code])
    if not lost[WIDE]:
        yield from _odd(host, mesh, mine)


def cause_of(host: Host, mesh: Mesh, judgement: Judgement) -> tuple[str, ...]:
    """Return the id of the finding about the mask that explains a judgement; empty when none does."""
    code, mine = _explains(host, mesh, judgement), mesh.members[host.name].underlay
    return (f"{code}/{host.name}/{mine.interface}",) if code and mine else ()


def _explains(host: Host, mesh: Mesh, judgement: Judgement) -> str:
    mine, owner = mesh.members[host.name].underlay, mesh.members[judgement.subnet.owner].underlay
    if mine is None or owner is None:
        return ""
    if judgement.standing is Standing.OFF_SEGMENT and not _has_way(judgement):
        return NARROW if mine.segment.length == 32 else ""
    route = judgement.route
    if judgement.standing is not Standing.MISSING or route is None or route.gateway or route.oif != mine.index:
        return ""
    swallowed = mine.segment.covers(judgement.subnet.prefix) and route.scope == "link"
    return WIDE if swallowed and mine.segment.length < owner.segment.length else ""


def _has_way(judgement: Judgement) -> bool:
    return judgement.expected is not None and bool(judgement.expected.next_hops)


def _narrow(host: Host, mine: Underlay, lost: Sequence[Judgement]) -> Finding:
    held = f"{address_text(mine.address)}/32"
    summary = f"{host.name} holds {held} on {mine.interface}: no other host is on its segment"
    effect = f"{host.name} can have no route to {_named(lost)}"
    return finding(NARROW, host.name, mine.interface, summary, effect, (f"{mine.interface}: inet {held}",))


def _wide(host: Host, mine: Underlay, lost: Sequence[Judgement]) -> Finding:
    summary = f"{mine.interface} of {host.name} takes all of {mine.segment} for its segment, container subnets among it"
    effect = f"{host.name} asks the LAN for containers of {_named(lost)} by ARP, and nobody answers"
    evidence = tuple(dict.fromkeys(route_text(j.route, host.root) for j in lost if j.route))
    return finding(WIDE, host.name, mine.interface, summary, effect, evidence)


def _odd(host: Host, mesh: Mesh, mine: Underlay) -> Iterator[Finding]:
    """Yield a mask that takes container subnets in where an owner's on the same LAN does not: routes hide it."""
    needed = mesh.expected_of(host.name) if any(mesh.owned.overlapping(mine.segment)) else ()
    taken = [e.subnet for e in needed if e.next_hops and mine.segment.covers(e.subnet.prefix)]
    owners = ((subnet, mesh.members[subnet.owner].underlay) for subnet in taken)
    narrower = [(subnet, other) for subnet, other in owners if other and other.segment.length > mine.segment.length]
    if narrower:
        subnet, other = narrower[0]
        whole = f"{mine.interface} of {host.name} takes all of {mine.segment} for its segment"
        summary = f"{whole}; {subnet.owner} has {other.segment}"
        effect = f"nothing now; without its route {host.name} would ask the LAN for {subnet.prefix} by ARP"
        held = f"{mine.interface}: inet {address_text(mine.address)}/{mine.segment.length}"
        yield finding(ODD, host.name, mine.interface, summary, effect, (held,))


def _named(lost: Sequence[Judgement]) -> str:
    shown = [f"{j.subnet.owner} ({j.subnet.prefix})" for j in lost[:3]]
    return ", ".join(shown) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
