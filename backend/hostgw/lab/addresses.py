"""Which address, MAC and name everything in a lab has: pure arithmetic, no kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hostgw.errors import LabError
from hostgw.lab.variants import Variant, find

NETWORK: Final = "10.239.0.0/16"
"""The range that all container subnets come from."""
GATEWAY: Final = "10.5.7.1"
"""The underlay's router, default next hop of every host."""
OPERATOR: Final = "10.5.7.250"
"""Address of the operator's namespace on the switch."""
EXTERNAL: Final = "10.5.7.200"
"""Address of the machine that owns no subnet."""
OUTSIDE: Final = "192.0.2.9"
"""Address of the host behind the gateway."""
OUTSIDE_GATEWAY: Final = "192.0.2.1"
MOST_HOSTS: Final = 255
MOST_CONTAINERS: Final = 253
_WIDE_ABOVE: Final = 100
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Host:
    """One host of a lab as its users know it."""

    name: str
    """Host name, `vm1` or `ext1`."""
    address: str
    """Underlay address of eth0, without prefix length."""
    subnet: str | None
    """Container subnet; None for an external machine."""
    containers: tuple[str, ...]
    """Names of its container namespaces."""

    def container_address(self, container: str) -> str:
        """Address of one of its containers; raises LabError when it has no such container."""
        if container not in self.containers or self.subnet is None:
            raise LabError(f"{self.name} has no container {container}", remedy=f"one of: {', '.join(self.containers)}")
        return self.subnet.removesuffix("0/24") + str(1 + int(container[1:]))


@dataclass(frozen=True, slots=True)
class Shape:
    """What was asked for: everything else about a lab's network follows from it."""

    hosts: int
    containers: int
    external: bool
    variant: str

    @property
    def kind(self) -> Variant:
        """What the variant's name stands for."""
        return find(self.variant)

    @property
    def underlay_length(self) -> int:
        """Prefix length of the segment: /24, wider above a hundred hosts."""
        return 16 if self.hosts > _WIDE_ABOVE else 24

    @property
    def owners(self) -> tuple[Host, ...]:
        """vm1.. in order."""
        containers = 0 if self.kind.docker and self.kind.bare else self.containers  # Docker makes them, later
        return tuple(_owner(number, containers, self.kind.network) for number in range(1, self.hosts + 1))

    @property
    def all_hosts(self) -> tuple[Host, ...]:
        """vm1.. and, when asked for, ext1."""
        outsider = (Host("ext1", EXTERNAL, None, ()),) if self.external else ()
        return self.owners + outsider


@lru_cache(maxsize=4 * MOST_HOSTS)
def _owner(number: int, containers: int, network: str) -> Host:
    near = number <= _WIDE_ABOVE
    address = f"10.5.7.{59 + number}" if near else f"10.5.8.{number - _WIDE_ABOVE}"
    names = tuple(f"c{each}" for each in range(1, containers + 1))
    return Host(f"vm{number}", address, network.replace(".0.0/16", f".{number - 1}.0/24"), names)


def mac(kind: int, number: int, index: int = 0) -> str:
    """A fixed, locally administered MAC for interface `index` of thing `number` of a kind."""
    return f"02:6c:{kind:02x}:{number >> 8:02x}:{number & 255:02x}:{index:02x}"


def check_name(name: str) -> str:
    """The name itself; raises LabError unless it is short, lower case and free of separators."""
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is no name for a lab", remedy="use 1 to 16 lower-case letters and digits, a letter first"
        )
    return name


def check_shape(shape: Shape) -> Shape:
    """The shape itself; raises LabError when it cannot be built."""
    if not 1 <= shape.hosts <= MOST_HOSTS:
        raise LabError(f"a lab of {shape.hosts} hosts cannot be built", remedy=f"ask for 1 to {MOST_HOSTS} hosts")
    if not 0 <= shape.containers <= MOST_CONTAINERS:
        raise LabError(
            f"{shape.containers} containers per host cannot be built", remedy=f"ask for 0 to {MOST_CONTAINERS}"
        )
    find(shape.variant)
    return shape
