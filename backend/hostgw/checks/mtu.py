"""MTUs along the path (catalogue 3.3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from hostgw.checks.words import finding
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Underlay
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.model import Member
from hostgw.mesh.stations import alike
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix

Standing = tuple[str, Underlay]


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield containers that send larger packets than their host's NIC takes, or smaller ones than they could."""
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None or not member.underlay.mtu:
        return
    nic = member.underlay
    for bridge, sizes in _sizes(host, member).items():
        large, small = [s for s in sizes if s > nic.mtu], [s for s in sizes if s < nic.mtu]
        facts = (f"{nic.interface}: mtu {nic.mtu}", f"containers on {bridge}: mtu {_range(sizes)}")
        if large:
            who = f"{len(large)} containers on {bridge} of {host.name}"
            summary = f"{who} have an MTU of {max(large)}; {nic.interface} has {nic.mtu}"
            effect = f"packets of more than {nic.mtu} bytes to other hosts are refused by the gateway, or cut in pieces"
            yield finding("mtu-container-large", host.name, bridge, summary, effect, facts)
        elif small:
            summary = (
                f"containers on {bridge} of {host.name} have an MTU of {min(small)}, {nic.interface} carries {nic.mtu}"
            )
            effect = "they send more and smaller packets than they would have to"
            yield finding("mtu-container-small", host.name, bridge, summary, effect, facts)


def _range(sizes: Sequence[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"


def _sizes(host: Host, member: Member) -> dict[str, list[int]]:
    """Return the MTUs of the containers on each own bridge."""
    names = {b.index: b.name for s in member.subnets if (b := host.root.links_by_name.get(s.bridge))}
    found: dict[str, list[int]] = defaultdict(list)
    for footing, kind in alike(host).items():
        if footing.master in names and footing.mtu:
            found[names[footing.master]] += [footing.mtu] * len(kind.stations)
    return found


@per_snapshot
def _largest(host: Host) -> int:
    """Return the size of the largest packets that containers on bridges send."""
    return max((footing.mtu for footing in alike(host) if footing.master), default=0)


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield hosts whose NIC differs from the others' on its segment, where containers' packets get lost by that.

    A NIC drops what is larger than its MTU, and says nothing. Where all containers send less, nothing gets lost.
    """
    segments: dict[Prefix, list[Standing]] = defaultdict(list)
    for member in mesh.members.values():
        if member.underlay and member.underlay.mtu and member.subnets:
            segments[member.underlay.segment].append((member.name, member.underlay))
    for standing in segments.values():
        counted = Counter(underlay.mtu for _, underlay in standing)
        if len(counted) > 1:
            yield from _differing(standing, max(counted, key=lambda mtu: (counted[mtu], mtu)), fabric.hosts)


def _differing(standing: list[Standing], usual: int, hosts: Mapping[str, Host]) -> Iterator[Finding]:
    ordinary = max(_sent(hosts[name], nic) for name, nic in standing if nic.mtu == usual)
    for name, nic in standing:
        if nic.mtu < usual and ordinary > nic.mtu:
            lost = f"packets of more than {nic.mtu} bytes to {name} and its containers vanish, and nobody is told"
            yield _odd(name, nic, usual, lost)
        elif nic.mtu > usual and _sent(hosts[name], nic) > usual:
            lost = f"packets of more than {usual} bytes from containers of {name} vanish, and nobody is told"
            yield _odd(name, nic, usual, lost)


def _sent(host: Host, nic: Underlay) -> int:
    return min(_largest(host), nic.mtu)


def _odd(name: str, nic: Underlay, usual: int, lost: str) -> Finding:
    summary = f"{nic.interface} of {name} has an MTU of {nic.mtu}, other hosts on {nic.segment} have {usual}"
    evidence = (f"{name}: {nic.interface} mtu {nic.mtu}", f"others: mtu {usual}")
    return finding("mtu-differs", name, nic.interface, summary, lost, evidence)
