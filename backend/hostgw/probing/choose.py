"""Which probes to send: between hosts, to each container's gateway, and who asks for whose address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from hostgw.fabric import Fabric, Host
from hostgw.mesh import Member, Mesh, Subnet
from hostgw.model.host import Namespace
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number, address_text
from hostgw.model.probe import Place

ALL_PAIRS = 4
"""Up to so many hosts, each is probed from each."""
NEIGHBOURS = 2
"""So many others are probed around a host that is changed."""
MOST_PAIRS = 64
"""Above that, every host is probed once from the one before it, and the rest of so many are picked at random."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks on which device whose address it is."""

    prober: str
    index: int
    owner: str
    address: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What to send."""

    pairs: tuple[tuple[Place, Place], ...] = ()
    """Between hosts, and from containers to their own gateways."""
    askings: tuple[Asking, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Return each place once."""
        return tuple(dict.fromkeys(place for pair in self.pairs for place in pair))


def choose(fabric: Fabric, mesh: Mesh, limit: int | None, chance: Random) -> Choice:
    """Return what to probe: of many pairs of hosts at most `limit`."""
    places, gateways, skipped = _standing(fabric, mesh)
    pairs = tuple(_pairs(list(places.values()), limit, chance))
    return Choice((*pairs, *gateways), tuple(_askings(fabric, mesh)), tuple(skipped))


def around(fabric: Fabric, mesh: Mesh, hosts: Iterable[str]) -> tuple[tuple[Place, Place], ...]:
    """Return what to probe before and after these hosts are changed: to and from a few others, and to gateways."""
    places, gateways, _ = _standing(fabric, mesh)
    ring, found = list(places), list[tuple[Place, Place]]()
    for name in hosts:
        if name in places:
            at = ring.index(name)
            others = [places[other] for other in (ring[at + 1 :] + ring[:at])[:NEIGHBOURS]]
            found += [pair for other in others for pair in ((places[name], other), (other, places[name]))]
            found += [pair for pair in gateways if pair[0].host == name]
    return tuple(dict.fromkeys(found))


def _standing(fabric: Fabric, mesh: Mesh) -> tuple[dict[str, Place], list[tuple[Place, Place]], list[str]]:
    """Return where probes can start, by host; from containers to their gateways; and which hosts are left out."""
    places: dict[str, Place] = {}
    gateways: list[tuple[Place, Place]] = []
    skipped: list[str] = []
    for host in fabric.hosts.values():
        member = mesh.members.get(host.name)
        if why := _silent(host):
            skipped.append(f"{host.name} was not probed: {why}")
        elif member and member.subnets:
            _stand(host, member, places, gateways, skipped)
    return places, gateways, skipped


def _silent(host: Host) -> str:
    """Return why a host can send no probe; empty when it can."""
    if host.state is not HostState.UP or not host.readable or host.snapshot is None:
        return "it is not connected"
    return host.snapshot.facts.unchangeable


def _stand(
    host: Host, member: Member, places: dict[str, Place], gateways: list[tuple[Place, Place]], skipped: list[str]
) -> None:
    found = next(_containers(host, member), None)
    if found is None:
        if itself := _itself(host, member):
            places[host.name] = itself
        else:
            skipped.append(f"{host.name} was not probed: it has no container, and no bridge with an address")
        return
    place, subnet = found
    places[host.name] = place
    if subnet.bridge:
        gateways.append((place, Place(host.name, 0, "", address_text(subnet.gateway), place.mtu)))


def _containers(host: Host, member: Member) -> Iterator[tuple[Place, Subnet]]:
    """Yield the containers with an address of the host's subnets."""
    for container in host.snapshot.containers if host.snapshot else ():
        for subnet in member.subnets:
            if place := _in_subnet(host, container, subnet):
                yield place, subnet


def _in_subnet(host: Host, container: Namespace, subnet: Subnet) -> Place | None:
    state = host.snapshot.state(container.id) if host.snapshot else host.root
    for held in state.addresses:
        link = state.links.get(held.index)
        if held.family == 4 and link and link.up and subnet.prefix.contains(address_number(held.address)):
            return Place(host.name, container.id, container.name, held.address, link.mtu)
    return None


def _itself(host: Host, member: Member) -> Place | None:
    """Return the host's own address on a bridge for containers."""
    for subnet in member.subnets:
        link = host.root.links_by_name.get(subnet.bridge)
        for held in host.root.addresses_of(link.index) if link else ():
            if subnet.prefix.contains(address_number(held.address)):
                return Place(host.name, 0, "", held.address, link.mtu if link else 1500)
    return None


def _pairs(places: list[Place], limit: int | None, chance: Random) -> Iterable[tuple[Place, Place]]:
    everything = [(one, other) for one in places for other in places if one is not other]
    if len(places) <= ALL_PAIRS:
        return everything if limit is None else everything[:limit]
    most = max(MOST_PAIRS, len(places)) if limit is None else limit
    ring = list(zip(places, [*places[1:], places[0]], strict=True))
    there = set(ring)
    rest = [pair for pair in everything if pair not in there]
    return (ring + chance.sample(rest, min(most, len(rest))))[:most]


def _askings(fabric: Fabric, mesh: Mesh) -> Iterator[Asking]:
    """Yield, for the address of each host, another host on its segment that asks for it."""
    probers = [m for m in mesh.members.values() if m.name in fabric.hosts and not _silent(fabric.hosts[m.name])]
    for place, member in enumerate(probers):
        for number in member.underlay.addresses if member.underlay else ():
            others = probers[place + 1 :] + probers[:place]
            if asker := next((o for o in others if o.underlay and o.underlay.segment.contains(number)), None):
                index = asker.underlay.index if asker.underlay else 0
                yield Asking(asker.name, index, member.name, address_text(number))
