"""Masquerading of what is not traffic between containers: to the outside, to other hosts, from outside (3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.nat import OUTSIDE
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Member, Mesh, Subnet
from hostgw.mesh.memory import per_mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, address_text
from hostgw.model.iptables import FilterRule
from hostgw.paths.fib import Packet, fib
from hostgw.paths.netfilter import Decision, Flow, Passage, passages

DAEMON = "/etc/docker/daemon.json"
DOCKER_BRIDGE = "docker0"


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield notices of what a host masquerades by design, and Docker's masquerading against its own setting."""
    member = mesh.members.get(host.name)
    if member and member.underlay and member.subnets:
        yield from _through_this_host(host, member, mesh)
        yield from _to_other_hosts(host, member, mesh)
        yield from _unwanted(host, member)


def _through_this_host(host: Host, member: Member, mesh: Mesh) -> Iterator[Finding]:
    expected = next((e for e in mesh.expected_of(host.name) if e.device), None)
    if expected is None:
        return
    flow = Flow(OUTSIDE, expected.subnet.gateway + 1, expected.device, expected.device)
    if snat := passages(host.root).forwarded(flow).snat:
        subject = str(mesh.network or expected.subnet.prefix)
        summary = f"{host.name} masquerades what the outside sends through it to other hosts' containers"
        effect = f"those containers see {host.name}'s address instead of the sender's"
        yield finding("host-traffic-masqueraded", host.name, subject, summary, effect, (snat.text,))


def _to_other_hosts(host: Host, member: Member, mesh: Mesh) -> Iterator[Finding]:
    other = next((m for m in mesh.members.values() if m.underlay and m.name != host.name), None)
    if other is None or other.underlay is None:
        return
    for subnet in member.subnets:
        if decided := to_hosts(host, subnet, other.underlay.address, mesh):
            summary = f"{host.name} masquerades what its containers send to other hosts, such as {other.name}"
            effect = f"{other.name} sees {host.name}'s address instead of the container's"
            evidence = (decided.text,)
            yield finding("node-traffic-masqueraded", host.name, str(subnet.prefix), summary, effect, evidence)


def to_hosts(host: Host, subnet: Subnet, address: int, mesh: Mesh) -> Decision | None:
    """Return what rewrites the source of packets from own containers to another host itself."""
    underlay = mesh.members[host.name].underlay
    nic = underlay.interface if underlay else ""
    return passages(host.root).forwarded(Flow(subnet.gateway + 1, address, subnet.bridge, nic)).snat


def _unwanted(host: Host, member: Member) -> Iterator[Finding]:
    """Docker's own rule is there although its setting switches it off."""
    if host.root.settings.get(DAEMON, {}).get("ip-masq", "").lower() != "false":
        return
    for subnet in member.subnets:
        decided = to_outside(host, member, subnet).snat if subnet.bridge == DOCKER_BRIDGE else None
        if decided is not None and _is_dockers(decided):
            summary = f"{host.name} masquerades {subnet.prefix} although daemon.json says ip-masq false"
            effect = f"the network has an option of its own, or Docker was not started again on {host.name}"
            evidence = (f'{DAEMON}: "ip-masq": false', decided.text)
            yield finding("masquerade-unwanted", host.name, str(subnet.prefix), summary, effect, evidence)


def _is_dockers(decided: Decision) -> bool:
    """Tell whether a rule has the form of Docker's own: for all that does not leave by its bridge."""
    option = decided.rule.option("-o") if isinstance(decided.rule, FilterRule) else None
    return option is not None and option.inverted and option.values == (DOCKER_BRIDGE,)


def to_outside(host: Host, member: Member, subnet: Subnet) -> Passage:
    """Return what becomes of a packet from a container to the outside."""
    nic = member.underlay.interface if member.underlay else ""
    return passages(host.root).forwarded(Flow(subnet.gateway + 1, OUTSIDE, subnet.bridge, nic))


@per_mesh
def outward(host: Host, mesh: Mesh) -> tuple[Decision, ...]:
    """Return what rewrites the source of packets from a host's containers to the outside."""
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None:
        return ()
    found = (to_outside(host, member, subnet).snat for subnet in member.subnets)
    return tuple(decision for decision in found if decision)


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield a finding for the odd hosts out: most others masquerade what their containers send to the outside.

    Where nobody does, a router does it, or nobody needs it. A host whose default route leads to another one of ours
    may leave it to that one.
    """
    hosts = [(h, mesh.members[h.name]) for h in fabric.readable if h.name in mesh.members]
    owners = [(host, member) for host, member in hosts if member.underlay and member.subnets]
    without = [(host, member) for host, member in owners if not outward(host, mesh)]
    if not without or len(without) * 2 >= len(owners):
        return
    for host, member in without:
        passage = to_outside(host, member, member.subnets[0])
        if passage.nat_known and not passage.lost and _leaves_by_itself(host, mesh):
            yield _missing(host, member, len(owners) - len(without))


def _leaves_by_itself(host: Host, mesh: Mesh) -> bool:
    """Tell whether a host has a default route to somewhere that is no host of ours."""
    route = fib(host.root).lookup(Packet(OUTSIDE)).route
    return route is not None and bool(route.gateway) and address_number(route.gateway) not in mesh.host_of_address


def _missing(host: Host, member: Member, others: int) -> Finding:
    subnet = member.subnets[0]
    summary = f"{host.name} does not masquerade what its containers send to the outside; {others} other hosts do"
    effect = f"answers from outside to {subnet.prefix} find no way back unless the routers there know it"
    source = address_text(subnet.gateway + 1)
    evidence = (
        f"{source} to {address_text(OUTSIDE)} by {member.underlay.interface if member.underlay else '?'}: no SNAT",
    )
    return finding("masquerade-missing", host.name, str(subnet.prefix), summary, effect, evidence)
