"""Forwarded packets that the filter rules drop, judged by walking them (catalogue 3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostgw.checks.base_chains import NATIVE, accepted_elsewhere, barriers
from hostgw.checks.representatives import Remote, flows, ordinary, remotes
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.iptables import FilterRule
from hostgw.paths.netfilter import Decision, Flow, passages, reply

DOCKERS_TABLE = "ip docker-bridges"
SHOWN = 4
BACKENDS = {"nft": "iptables (nf_tables)", "legacy": "iptables (legacy)", NATIVE: "nftables"}


@dataclass(frozen=True, slots=True)
class Dropped:
    """Packets between containers of two hosts that this host does not let pass, and all that stands in their way."""

    way: str
    subnet: Subnet
    remote: Remote
    flow: Flow
    barriers: tuple[Decision, ...]


def dropped(host: Host, mesh: Mesh) -> Iterator[Dropped]:
    """Yield what a host drops of the traffic between its own and other hosts' containers, both ways.

    Only what is dropped whatever it is, ICMP and TCP: rules for single ports or containers are somebody's policy.
    """
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        for remote in remotes(host, mesh) if subnet.bridge else ():
            yield from _between(host, subnet, remote)


def _between(host: Host, subnet: Subnet, remote: Remote) -> Iterator[Dropped]:
    own, names = ordinary(host, subnet), _names(remote)
    out = flows(own, remote.address, subnet.bridge, remote.device)
    back = flows(remote.address, own, remote.device, subnet.bridge)
    for there, here, word, answer in ((out, back, "to", "from"), (back, out, "from", "to")):
        if all(passages(host.root).forwarded(flow).lost for flow in there):
            yield Dropped(f"new connections {word} {names}", subnet, remote, there[0], barriers(host.root, there[0]))
        elif not any(passages(host.root).forwarded(flow).lost for flow in here):
            answers = [reply(flow, passages(host.root).forwarded(flow)) for flow in there]
            if all(passages(host.root).forwarded(flow).lost for flow in answers):
                way = f"answers {answer} {names}"
                yield Dropped(way, subnet, remote, answers[0], barriers(host.root, answers[0]))


def _names(remote: Remote) -> str:
    shown = ", ".join(remote.owners[:SHOWN]) + (" …" if len(remote.owners) > SHOWN else "")
    return f"{shown}'s containers"


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield one finding per own subnet whose traffic with other hosts is dropped; what is unknown is no finding."""
    found = [drop for drop in dropped(host, mesh) if any(not is_dockers(d, drop.subnet) for d in drop.barriers)]
    for subnet in dict.fromkeys(drop.subnet for drop in found):
        yield _finding(host, [drop for drop in found if drop.subnet == subnet])
    yield from _unreadable(host)


def is_dockers(decided: Decision, subnet: Subnet) -> bool:
    """Tell whether a decision is Docker's protection of containers from direct access, which has a code of its own."""
    if decided.backend == NATIVE:
        return decided.table == DOCKERS_TABLE
    rule = decided.rule
    bridge = rule.option("-i") if isinstance(rule, FilterRule) else None
    names = isinstance(rule, FilterRule) and rule.option("-d") is not None
    return decided.table == "raw" and bool(bridge and bridge.inverted and bridge.values == (subnet.bridge,)) and names


def _finding(host: Host, found: list[Dropped]) -> Finding:
    first = found[0]
    decided = next(d for d in first.barriers if not is_dockers(d, first.subnet))
    ways = "; ".join(dict.fromkeys(drop.way for drop in found))
    where = f"{BACKENDS.get(decided.backend, decided.backend)} {decided.table} {decided.chain}"
    by = f"a rule of {where}" if decided.rule else f"the policy of {where}"
    summary = f"{host.name} drops traffic between containers: {by}"
    effect = f"{host.name}'s containers lose {ways}"
    texts = dict.fromkeys(_evidence(d) for drop in found for d in drop.barriers)
    packet = f"{address_text(first.flow.source)} to {address_text(first.flow.destination)} in by {first.flow.iif}"
    subject = str(first.subnet.prefix)
    entry = _entry(host, first, decided)
    return finding("forward-dropped", host.name, subject, summary, effect, (*texts, packet), entry)


def _evidence(decided: Decision) -> str:
    counted = f" ({decided.packets} packets so far)" if decided.packets > 0 else ""
    return f"{BACKENDS.get(decided.backend, decided.backend)}, {decided.table}: {decided.text}{counted}"


def _entry(host: Host, drop: Dropped, decided: Decision) -> str:
    if decided.backend == NATIVE:
        return "F9" if accepted_elsewhere(host.root, drop.flow, decided) else "F7"
    if decided.chain.startswith("ufw") or (decided.rule is None and _has_ufw(host)):
        return "F8"
    if decided.rule is None:
        return "F5"
    return "F11" if decided.chain.startswith("DOCKER") else "F6"


def _has_ufw(host: Host) -> bool:
    return any("\n:ufw-" in rules.text for rules in host.root.filters.values())


def _unreadable(host: Host) -> Iterator[Finding]:
    """Root reads all rules: where it cannot, verdicts about packets are not known."""
    if host.snapshot is None or host.snapshot.facts.uid != 0:
        return
    for backend, rules in host.root.filters.items():
        if rules.error and backend in BACKENDS:
            name = BACKENDS[backend]
            summary = f"the rules of {name} on {host.name} could not be read: {rules.error}"
            effect = f"whether {host.name} drops or rewrites packets between containers is not known"
            yield finding("filter-unreadable", host.name, backend, summary, effect)
