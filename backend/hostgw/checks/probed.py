"""What only active checks find: probes that nobody answers, large packets that vanish, two answers for one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from msgspec import structs

from hostgw.checks import underlay_drops
from hostgw.checks.probe_evidence import unexplained
from hostgw.checks.witness import rise
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.probe import Claims, Place, ProbeResult
from hostgw.probing.verdict import line, trace

PROBED = ("address-duplicate", "mtu-path-small", "probe-unanswered", "underlay-drops-sources")
"""Codes that probes find; without them only what else shows such a fault does."""
SHOWN = 4
MOVED = (
    "IpInAddrErrors",
    "IpInDiscards",
    "IpOutDiscards",
    "IpInHdrErrors",
    "IpOutNoRoutes",
    "IpExtInNoRoutes",
    "IpFragFails",
    "IcmpOutDestUnreachs",
    "IcmpOutTimeExcds",
    "TcpExtIPReversePathFilter",
    "ConntrackInvalid",
    "ConntrackInsertFailed",
    "ConntrackDrop",
    "ConntrackEarlyDrop",
)
"""Counters of what is not forwarded or delivered."""


def check(findings: tuple[Finding, ...], fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield what the last probes found and no finding tells yet."""
    if fabric.probes is None:
        return
    known = {(found.code, found.subject) for found in findings}
    claimed = [f for f in _claimed_twice(fabric, mesh) if (f.code, f.subject) not in known]
    yield from claimed
    twice = {f.host: f.id for f in chain(findings, claimed) if f.code == "address-duplicate"}
    yield from (_explained(found, ends, twice) for found, ends in _large(fabric, mesh))
    left = list(unexplained(chain(findings, claimed), fabric, mesh))
    for found, shown in underlay_drops.check(left, fabric, mesh):
        yield found
        left = [result for result in left if result not in shown]
    yield from _unanswered(left, findings, fabric)


# ---- A7: two machines answer for one address ----


def _claimed_twice(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the addresses for which the owner answers and somebody else does, too.

    A single answer that is not the owner's may be a cloud's router, which answers for everybody.
    """
    for claims in fabric.probes.claims if fabric.probes else ():
        owner = fabric.hosts.get(claims.owner)
        own = {link.mac for link in owner.root.links.values()} if owner else set()
        others = [mac for mac in claims.macs if mac not in own]
        if others and len(others) < len(claims.macs):
            yield _duplicate(claims, others, own, fabric, mesh)


def _duplicate(claims: Claims, others: list[str], own: set[str], fabric: Fabric, mesh: Mesh) -> Finding:
    holder = next((h.name for h in fabric.readable if _holds_mac(h, others[0])), "")
    whose = f"{holder}'s {others[0]}" if holder else f"{others[0]}, which is no listed host's"
    summary = f"{claims.address} of {claims.owner} is answered for by {whose}, too"
    effect = f"packets to {claims.owner}, and to its containers, reach the machine that answers ARP first"
    told = (f"asked from {claims.prober}: {mac} says that {claims.address} is its own" for mac in claims.macs)
    return finding("address-duplicate", claims.owner, claims.address, summary, effect, tuple(told))


def _holds_mac(host: Host, mac: str) -> bool:
    return any(link.mac == mac for link in host.root.links.values())


# ---- L24, U7: large packets vanish ----


def _explained(found: Finding, ends: tuple[str, ...], twice: Mapping[str, str]) -> Finding:
    """Have two machines with the address of an end explain what is lost: the other one takes some of the packets."""
    causes = tuple(twice[host] for host in ends if host in twice)
    return structs.replace(found, caused_by=causes) if causes else found


def _large(fabric: Fabric, mesh: Mesh) -> Iterator[tuple[Finding, tuple[str, ...]]]:
    """Yield a finding per host that all pairs with lost large packets have in common; one when all pairs lose them.

    Beside each are the hosts at the ends of those pairs.
    """
    tried = [result for result in fabric.probes.results if result.size] if fabric.probes else []
    lost = [result for result in tried if result.large_vanish]
    if lost and len(lost) == len(tried) and len({r.source.host for r in tried}) > 2:
        yield _small_path(lost[0].source, lost, mesh), _hosts(lost)
        return
    while lost:
        place = _most_common(lost)
        here = [result for result in lost if place.host in (result.source.host, result.destination.host)]
        lost = [result for result in lost if result not in here]
        yield _small_path(place, here, mesh), _hosts(here)


def _most_common(results: list[ProbeResult]) -> Place:
    """Return the place that most probes have in common; of equals the one that is probed."""
    ends = Counter(chain((r.destination for r in results), (r.source for r in results)))
    return ends.most_common(1)[0][0]


def _small_path(place: Place, lost: list[ProbeResult], mesh: Mesh) -> Finding:
    sizes = [result.largest for result in lost if result.largest]
    passes = f"at most {min(sizes)} bytes pass" if sizes else "small ones pass"
    whole = max(result.size for result in lost)
    names = _names(_others(place, lost))
    summary = f"packets of {whole} bytes between {place.host} and {names} vanish; {passes}"
    effect = f"connections between containers of {place.host} and of {names} open, and hang when much is sent"
    evidence = tuple(line(result) for result in lost[:SHOWN])
    return finding("mtu-path-small", place.host, _subnet(place, mesh), summary, effect, evidence)


def _others(place: Place, results: Iterable[ProbeResult]) -> tuple[str, ...]:
    return tuple(host for host in _hosts(results) if host != place.host)


def _hosts(results: Iterable[ProbeResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable((r.source.host, r.destination.host) for r in results)))


def _names(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:SHOWN]) + (" …" if len(found) > SHOWN else "")


def _subnet(place: Place, mesh: Mesh) -> str:
    member, number = mesh.members.get(place.host), address_number(place.address)
    held = (str(s.prefix) for s in (member.subnets if member else ()) if s.prefix.contains(number))
    return next(held, address_text(number))


# ---- F18: nobody answers, and nothing found is a reason ----


def _unanswered(left: list[ProbeResult], findings: tuple[Finding, ...], fabric: Fabric) -> Iterator[Finding]:
    """Yield a finding per place that probes without an answer have in common, the busiest first."""
    while left:
        place = _blamed(left)
        here = [result for result in left if place in (result.source, result.destination)]
        left = [result for result in left if result not in here]
        yield _silent(place, here, findings, fabric)


def _blamed(results: list[ProbeResult]) -> Place:
    """Return the place with most to answer for; the end that a probe got to weighs a little more."""
    score: Counter[Place] = Counter()
    for result in results:
        score[result.source] += 2
        score[result.destination] += 2
        score[_got_to(result)] += 1
    return score.most_common(1)[0][0]


def _got_to(result: ProbeResult) -> Place:
    """Return the end on whose side a probe was last seen."""
    if any(result.source.host in spot.split() for spot in result.replied_at):
        return result.source
    reached = any(result.destination.host in spot.split() for spot in result.requested_at)
    return result.destination if reached and not result.to_gateway else result.source


def _silent(place: Place, results: list[ProbeResult], findings: tuple[Finding, ...], fabric: Fabric) -> Finding:
    ends = (r.destination if r.source == place else r.source for r in results)
    named = ("its own gateway" if end.host == place.host else str(end) for end in ends)
    others = _names(dict.fromkeys(named))
    summary = f"probes between {place} and {others} are not answered, and no finding is a reason for it"
    effect = "these packets are lost where no check looks: capture on both hosts, or ask the kernel for its reason"
    hosts = dict.fromkeys((place.host, *_others(place, results)))
    evidence = (
        *chain.from_iterable((line(result), f"  {trace(result)}") for result in results[:SHOWN]),
        *chain.from_iterable(_moved(fabric.hosts[name]) for name in hosts if name in fabric.hosts),
        *_clouds(hosts, findings),
    )
    return finding("probe-unanswered", place.host, place.address, summary, effect, evidence)


def _moved(host: Host) -> Iterator[str]:
    """Yield which counters of lost packets rose meanwhile."""
    if len(host.samples) > 1:
        first, last = host.samples[0], host.samples[-1]
        risen = [f"{name} +{by}" for name in MOVED if (by := rise(first, last, name)) > 0]
        if risen:
            yield f"{host.name} counted in {last.at - first.at:.1f} s: {', '.join(risen)}"


def _clouds(hosts: Iterable[str], findings: Iterable[Finding]) -> Iterator[str]:
    there = set(hosts)
    yield from (f.summary for f in findings if f.code == "cloud-filters-sources" and f.host in there)
