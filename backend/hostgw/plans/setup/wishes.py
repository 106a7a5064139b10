"""Which host shall own which subnet: told, else what it owns by now, else the next that is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.model.ip import Prefix, address_text

SUBNET_LENGTH = 24
BRIDGE, DOCKER = "br0", "docker0"


class Nat(Enum):
    """Which owners shall have the four NAT rules."""

    NEW = "where a subnet is set up"
    ALL = "also where a network stands without"
    NONE = "nowhere"


@dataclass(frozen=True, slots=True)
class HostWish:
    """What one host shall be; an external one owns no subnet."""

    name: str
    subnet: Prefix | None
    bridge: str = BRIDGE
    there: bool = False
    """It owns the subnet already."""
    docker: bool = False
    """The bridge is Docker's own, which gives it its address."""

    @property
    def gateway(self) -> int:
        """The first address of the subnet, which the bridge holds."""
        return self.subnet.first_host if self.subnet else 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What all hosts shall be."""

    network: Prefix
    hosts: tuple[HostWish, ...]
    nat: Nat = Nat.NEW

    def masquerades(self, wish: HostWish) -> bool:
        """Tell whether a host shall have the four NAT rules."""
        return bool(wish.subnet) and (self.nat is Nat.ALL or (self.nat is Nat.NEW and not wish.there))

    def of(self, name: str) -> HostWish:
        """Return the wish for a host; KeyError when there is none."""
        return next(wish for wish in self.hosts if wish.name == name)

    @property
    def owners(self) -> tuple[HostWish, ...]:
        """The hosts that own a subnet."""
        return tuple(wish for wish in self.hosts if wish.subnet)


def wishes(
    fabric: Fabric,
    mesh: Mesh,
    network: Prefix,
    told: Mapping[str, Prefix],
    external: Iterable[str] = (),
    bridge: str = BRIDGE,
) -> Wishes:
    """Return what each listed host shall be.

    Raises:
        UsageError: a told subnet is not in the network or given twice, a name is not listed, or no subnet is free.
    """
    outside = set(external)
    _check(fabric, mesh, network, told, outside)
    taken = {subnet.prefix for subnet in mesh.subnets} | set(told.values())
    free = _free(network, taken)
    found = []
    for name in fabric.hosts:
        held = mesh.members[name].subnets if name in mesh.members else ()
        owned = next((s for s in held if network.covers(s.prefix)), None)
        if name in outside:
            found.append(HostWish(name, None))
        elif by_docker(fabric.hosts[name]) and (owned is None or owned.bridge in ("", DOCKER)):
            subnet = told.get(name) or (owned.prefix if owned else _next(free, network))
            wish = HostWish(name, subnet, DOCKER, docker=True)
            found.append(replace(wish, there=holds(fabric.hosts[name], wish)))
        elif owned and told.get(name, owned.prefix) == owned.prefix:
            found.append(HostWish(name, owned.prefix, owned.bridge or bridge, there=bool(owned.bridge)))
        else:
            found.append(HostWish(name, told.get(name) or _next(free, network), bridge))
    return Wishes(network, tuple(found))


def by_docker(host: Host) -> bool:
    """Tell whether Docker runs on a host and makes a bridge of its own."""
    told = host.root.settings.get("/etc/docker/daemon.json", {})
    return "dockerd" in host.root.programs and not told.get("bridge")


def holds(host: Host, wish: HostWish) -> bool:
    """Tell whether the bridge has the subnet's first address."""
    link = host.root.links_by_name.get(wish.bridge)
    held = host.root.addresses_of(link.index) if link else ()
    length = wish.subnet.length if wish.subnet else 0
    return any((a.address, a.length) == (address_text(wish.gateway), length) for a in held)


def _check(fabric: Fabric, mesh: Mesh, network: Prefix, told: Mapping[str, Prefix], outside: set[str]) -> None:
    for name in (*told, *sorted(outside)):
        if name not in fabric.hosts:
            raise UsageError(f"there is no host {name}", "", f"There are: {', '.join(fabric.hosts)}.")
    for name, subnet in told.items():
        if not network.covers(subnet):
            raise UsageError(f"{subnet} for {name} is not in {network}", "", "Choose another, or another --network.")
        if clash := next((o for o, other in told.items() if o != name and other.overlaps(subnet)), ""):
            raise UsageError(f"{name} and {clash} would own the same addresses", f"{subnet}", "Give each its own.")
        if owner := owner_of(mesh, name, subnet):
            raise UsageError(f"{subnet} for {name} is {owner}'s already", "", "Give each its own.")


def owner_of(mesh: Mesh, name: str, subnet: Prefix) -> str:
    """Return which other host owns addresses of a subnet already; empty when none does."""
    return next((held.owner for held in mesh.subnets if held.owner != name and held.prefix.overlaps(subnet)), "")


def _free(network: Prefix, taken: set[Prefix]) -> Iterator[Prefix]:
    size = 1 << (32 - SUBNET_LENGTH)
    for start in range(network.address, network.address + (1 << (32 - network.length)), size):
        subnet = Prefix(start, SUBNET_LENGTH)
        if not any(subnet.overlaps(other) for other in taken):
            yield subnet


def _next(free: Iterator[Prefix], network: Prefix) -> Prefix:
    subnet = next(free, None)
    if subnet is None:
        raise UsageError(f"no /{SUBNET_LENGTH} of {network} is free", "", "Give a wider --network.")
    return subnet


def fixed_mac(gateway: int) -> str:
    """Return the bridge's address, made of its IP address as CNI's bridges have it (locally administered)."""
    return "0a:58:" + ":".join(f"{int(part):02x}" for part in address_text(gateway).split("."))
