"""Docker's own rules: direct access to containers dropped, networks kept apart (catalogue 3.4, note D)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from hostgw.checks.base_chains import NATIVE, barriers
from hostgw.checks.filtering import is_dockers
from hostgw.checks.nat import rulesets
from hostgw.checks.representatives import Remote, flows, ordinary, own, remotes
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_text, maybe_prefix
from hostgw.model.iptables import FilterRule
from hostgw.paths.netfilter import Decision, Flow, passages

MAX_PORTS = 20


@dataclass(frozen=True, slots=True)
class Shut:
    """An address, or a port of it, that other hosts' containers cannot reach because of Docker's own rules."""

    what: str
    subnet: Subnet
    barriers: tuple[Decision, ...]


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what Docker shuts off that host-gw is meant to open, and what it keeps apart by design."""
    found = list(shut(host, mesh))
    for subnet in dict.fromkeys(each.subnet for each in found):
        yield _finding(host, [each for each in found if each.subnet == subnet])
    yield from _apart(host, mesh)


def shut(host: Host, mesh: Mesh) -> Iterator[Shut]:
    """Yield what Docker's rules against direct access drop of what other hosts' containers send."""
    member = mesh.members.get(host.name)
    first = next(iter(remotes(host, mesh)), None)
    for subnet in member.subnets if member and first else ():
        for what, alike in _attempts(host, subnet, first) if first and subnet.bridge else ():
            if all(passages(host.root).forwarded(flow).lost for flow in alike):
                stopped = tuple(d for d in barriers(host.root, alike[0]) if is_dockers(d, subnet))
                if stopped:
                    yield Shut(what, subnet, stopped)


def _attempts(host: Host, subnet: Subnet, remote: Remote) -> Iterator[tuple[str, tuple[Flow, ...]]]:
    """Yield packets from outside to each kind of own container, and to each port that a raw rule names."""
    for number in own(host, subnet):
        yield address_text(number), flows(remote.address, number, remote.device, subnet.bridge)
    for rule in list(_port_rules(host, subnet))[:MAX_PORTS]:
        to, port, protocol = rule
        flow = Flow(remote.address, to.address, remote.device, subnet.bridge, protocol, 40000, port)
        yield f"{address_text(to.address)} {protocol} port {port}", (flow,)


def _port_rules(host: Host, subnet: Subnet) -> Iterator[tuple[Prefix, int, str]]:
    """Yield (address, port, protocol) of raw rules for single ports of containers: Docker 28.0 wrote such ones."""
    for rules in rulesets(host):
        chain = rules.chain("raw", "PREROUTING")
        for rule in chain.rules if chain else ():
            to, port, protocol = (_value(rule, name) for name in ("-d", "--dport", "-p"))
            where = maybe_prefix(to)
            if where and subnet.prefix.covers(where) and port.isdigit() and protocol in ("tcp", "udp"):
                yield where, int(port), protocol


def _value(rule: FilterRule, name: str) -> str:
    option = rule.option(name)
    return option.values[0] if option and option.values and not option.inverted else ""


def _finding(host: Host, found: list[Shut]) -> Finding:
    subnet, decided = found[0].subnet, found[0].barriers[0]
    whats = ", ".join(each.what for each in found[:4]) + (" …" if len(found) > 4 else "")
    summary = f"Docker on {host.name} drops what other hosts send straight to its containers: {whats}"
    effect = f"containers of other hosts reach {host.name}'s only by ports published on {host.name} itself"
    evidence = tuple(dict.fromkeys(f"{d.table}: {d.text}" for each in found for d in each.barriers))[:6]
    entry = "F12" if decided.backend == NATIVE else "F10"
    return finding("direct-access-dropped", host.name, str(subnet.prefix), summary, effect, evidence, entry)


def _apart(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a notice where Docker's isolation drops what goes from one of its own networks to another."""
    member = mesh.members.get(host.name)
    held = [subnet for subnet in (member.subnets if member else ()) if subnet.bridge]
    for one, other in pairwise(held):
        there = flows(ordinary(host, one), ordinary(host, other), one.bridge, other.bridge)
        found = [passages(host.root).forwarded(flow) for flow in there]
        decided = found[0].decided
        if all(passage.lost for passage in found) and decided and decided.chain.startswith("DOCKER"):
            summary = f"Docker on {host.name} keeps {one.prefix} and {other.prefix} apart"
            effect = f"containers of the two networks on {host.name} do not reach each other, by design"
            yield finding("networks-isolated", host.name, str(one.prefix), summary, effect, (decided.text,))
