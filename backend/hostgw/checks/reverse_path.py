"""Reverse path filtering (catalogue 3.4).

The kernel takes the larger of the settings of `all` and of the device. Strict (1) drops a packet unless its source is
routed out of the device that it came in by; loose (2) asks only that it is routed at all. Source: ip-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostgw.checks.judge import judge_main
from hostgw.checks.standing import Standing
from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Expected, Member, Mesh, Subnet, Underlay
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.paths.fib import STANDARD_RULES, Outcome, Packet, Result, fib
from hostgw.paths.words import route_text

STRICT, LOOSE = "1", "2"
CONF = "net/ipv4/conf"
CALICO = frozenset({"calico-node", "calico-felix", "felix"})


@dataclass(frozen=True, slots=True)
class Refused:
    """A remote subnet whose packets a strict host drops: they come in by `device`, answers leave by another."""

    device: str
    expected: Expected
    back: Result


def setting(host: Host, device: str) -> str:
    """Return the reverse path filter that is in effect for a device; empty when it is not known."""
    known = host.root.sysctls
    return max(known.get(f"{CONF}/all/rp_filter", ""), known.get(f"{CONF}/{device}/rp_filter", ""))


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a finding when a strict filter drops what comes from other hosts' containers by the only underlay NIC."""
    member = mesh.members.get(host.name)
    if member and member.underlay and member.subnets and len(_nics(host, member.underlay)) == 1:
        device, own = member.underlay.interface, member.subnets[0]
        if setting(host, device) == STRICT:
            found = (_refused(host, own, device, expected) for expected in mesh.expected_of(host.name))
            yield from _findings(host, [each for each in found if each])
    yield from _loose_with_calico(host)


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield the same for hosts with several underlay NICs: by which one others send is in the others' routes."""
    for host in fabric.readable:
        member = mesh.members.get(host.name)
        if member is None or member.underlay is None or not member.underlay.others or not member.subnets:
            continue
        nics = _nics(host, member.underlay)
        if len(nics) > 1 and STRICT in (setting(host, host.root.name_of(index)) for index in nics):
            yield from _findings(host, list(_asymmetric(host, member, fabric, mesh)))


def _nics(host: Host, underlay: Underlay) -> frozenset[int]:
    """Return the devices that hold an underlay address."""
    if not underlay.others:
        return frozenset({underlay.index})
    wanted = {address_text(number) for number in underlay.addresses}
    return frozenset(a.index for a in host.root.addresses if a.address in wanted)


def _asymmetric(host: Host, member: Member, fabric: Fabric, mesh: Mesh) -> Iterator[Refused]:
    """Yield what comes in by a strict NIC because of the sender's route, and is answered by another."""
    own = member.subnets[0]
    held = {a.address: host.root.name_of(a.index) for a in host.root.addresses if a.family == 4}
    for expected in mesh.expected_of(host.name):
        sender = fabric.hosts[expected.subnet.owner]
        routes = fib(sender.root).covering(own.prefix)
        hops = [routes[0].gateway, *(hop.gateway for hop in routes[0].nexthops)] if routes else []
        for device in dict.fromkeys(held[hop] for hop in hops if hop in held):
            if setting(host, device) == STRICT and (refused := _refused(host, own, device, expected)):
                yield refused


def _refused(host: Host, own: Subnet, device: str, expected: Expected) -> Refused | None:
    """Return what is dropped although the way back is as it should be; where that is wrong, its finding says so."""
    link = host.root.links_by_name.get(device)
    back = way_back(host, own, expected)
    if link is None or link.index in _devices(back) or not expected.next_hops:
        return None
    return Refused(device, expected, back) if judge_main(host, expected).standing is Standing.OK else None


def way_back(host: Host, own: Subnet, expected: Expected) -> Result:
    """Return the look-up that the filter makes for a packet from a remote container."""
    table = fib(host.root)
    exact = table.exact(expected.subnet.prefix)
    if exact and _standard(host) and exact[0].type == "unicast":
        return Result(Outcome.FORWARD, exact[0])  # the usual case, without a whole look-up
    return table.lookup(Packet(expected.subnet.gateway + 1, own.gateway + 1))


def _standard(host: Host) -> bool:
    rules = host.root.rules
    return len(rules) == len(STANDARD_RULES) and all(
        (a.priority, a.table, a.action) == (b.priority, b.table, b.action)
        for a, b in zip(rules, STANDARD_RULES, strict=True)
    )


def _devices(back: Result) -> set[int]:
    if back.outcome is not Outcome.FORWARD or back.route is None:
        return set()
    return {back.route.oif, *(hop.oif for hop in back.route.nexthops)}


def _findings(host: Host, refused: list[Refused]) -> Iterator[Finding]:
    for device in dict.fromkeys(each.device for each in refused):
        yield _strict(host, device, [each for each in refused if each.device == device])


def _strict(host: Host, device: str, refused: list[Refused]) -> Finding:
    path = f"net.ipv4.conf.{device}.rp_filter"
    route = refused[0].back.route
    owners = ", ".join(dict.fromkeys(each.expected.subnet.owner for each in refused))
    other = host.root.name_of(route.oif) if route and route.oif else "no device"
    summary = f"{host.name} drops what comes in by {device} from containers of {owners}: answers leave by {other}"
    effect = (
        f"what containers of {owners} send to {host.name}'s is lost where it comes in by {device}: only a counter tells"
    )
    known = host.root.sysctls
    evidence = (
        f"net.ipv4.conf.all.rp_filter = {known.get(f'{CONF}/all/rp_filter', '?')}",
        f"{path} = {known.get(f'{CONF}/{device}/rp_filter', '?')}: the larger counts, 1 is strict",
        *([route_text(route, host.root)] if route else []),
    )
    return finding("reverse-path-strict", host.name, path, summary, effect, evidence, "F3")


def _loose_with_calico(host: Host) -> Iterator[Finding]:
    """Calico's agent refuses to start where the filter is loose for all devices, unless it is told to ignore that."""
    if host.root.sysctls.get(f"{CONF}/all/rp_filter") == LOOSE and CALICO & host.root.programs:
        subject = "net.ipv4.conf.all.rp_filter"
        summary = f"{subject} is 2 on {host.name}, where Calico runs"
        effect = "Calico's agent does not start unless it is told to ignore a loose reverse path filter"
        yield finding("reverse-path-loose-everywhere", host.name, subject, summary, effect, (f"{subject} = 2",))
