"""The mesh as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from hostgw.model.host import Role
from hostgw.model.ip import Prefix, address_text
from hostgw.model.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class Underlay:
    """Where a host stands in the underlay."""

    index: int
    interface: str
    address: int
    segment: Prefix
    others: tuple[int, ...] = ()
    """Its other underlay addresses; each is a valid next hop where it is on-link."""
    mac: str = ""
    mtu: int = 0
    up: bool = True
    """Administratively up, and with a carrier."""

    @property
    def addresses(self) -> tuple[int, ...]:
        """All addresses, the chosen one first."""
        return (self.address, *self.others)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A container subnet, its owner, and why we think so."""

    prefix: Prefix
    owner: str
    gateway: int
    """The address that the owner's bridge holds or should hold."""
    bridge: str = ""
    """The bridge's name; empty for an owner without one."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A host's part in the mesh."""

    name: str
    role: Role
    underlay: Underlay | None
    subnets: tuple[Subnet, ...] = ()
    told: int | None = None
    """The underlay address that the inventory gives it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A route that a host needs: `subnet` by one of `next_hops` (the first is preferred) out of `device`.

    No next hop means that the owner is on no segment of this host: host-gw cannot reach it.
    """

    subnet: Subnet
    next_hops: tuple[int, ...]
    device: str = ""
    index: int = 0
    ways: tuple[tuple[str, int], ...] = ()
    """Every (next hop, ifindex), as routes have them, that leads to the owner directly.

    It may have several NICs on segments of ours.
    """

    def __str__(self) -> str:
        """Return the route as `ip route` writes it."""
        if not self.next_hops:
            return f"{self.subnet.prefix} (no next hop on a shared segment)"
        return f"{self.subnet.prefix} via {address_text(self.next_hops[0])} dev {self.device}"


@dataclass(frozen=True)
class Mesh:
    """What should be, and what was assumed to know it."""

    network: Prefix | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    routes: Mapping[str, tuple[Expected, ...]] = field(default_factory=dict)
    """The routes that each host needs."""
    assumptions: tuple[str, ...] = ()
    complete: bool = False
    """The inventory names every host: a subnet that nobody owns is then stale."""

    @cached_property
    def subnets(self) -> tuple[Subnet, ...]:
        """All owned subnets by address."""
        return tuple(sorted((s for m in self.members.values() for s in m.subnets), key=lambda s: (s.prefix, s.owner)))

    @cached_property
    def owners(self) -> dict[Prefix, str]:
        """Owner by subnet; of a contested subnet the first."""
        return {subnet.prefix: subnet.owner for subnet in reversed(self.subnets)}

    @cached_property
    def host_of_address(self) -> dict[int, str]:
        """Listed host by underlay address."""
        return {a: m.name for m in self.members.values() if m.underlay for a in m.underlay.addresses}

    @cached_property
    def host_of_text(self) -> dict[str, str]:
        """Listed host by underlay address as text, as neighbour entries have it."""
        return {address_text(number): name for number, name in self.host_of_address.items()}

    @cached_property
    def hosts_of_pairs(self) -> dict[tuple[str, str], str]:
        """Listed host by underlay address as text and MAC address."""
        places = ((member.name, member.underlay) for member in self.members.values())
        return {(address_text(place.address), place.mac): name for name, place in places if place and place.mac}

    @cached_property
    def owner_of_text(self) -> dict[str, str]:
        """Listed host by the address of `hosts_of_pairs`."""
        return {address: name for (address, _), name in self.hosts_of_pairs.items()}

    @cached_property
    def owned(self) -> PrefixSet:
        """The owned subnets as a set for look-ups."""
        return PrefixSet(self.owners)

    @cached_property
    def overlaps(self) -> bool:
        """Some subnet is owned twice, or lies in another one."""
        return len(self.owners) < len(self.subnets) or any(any(self.owned.inside(p)) for p in self.owners)

    @cached_property
    def inside(self) -> frozenset[Prefix]:
        """The owned subnets that lie in the network: packets between them keep their source."""
        return frozenset(p for p in self.owners if self.network is not None and self.network.covers(p))

    def expected_of(self, host: str) -> tuple[Expected, ...]:
        """Return the routes that a host needs."""
        return self.routes.get(host, ())

    @property
    def expected(self) -> Iterator[Expected]:
        """The expected routes of all hosts."""
        return chain.from_iterable(self.routes.values())
