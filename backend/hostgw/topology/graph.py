"""The picture as data, which is what `topology --json` prints; all text in it is clean, and masked if so asked."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hostgw.checks.standing import FINE, Standing
from hostgw.model.host import Role
from hostgw.model.host_state import HostState

SCHEMA = 1
QUIET = FINE | {Standing.NONE}
"""Standings that are not drawn as broken."""
_RIGHT = {0: "", 1: "its route is right", 2: "both routes are right"}


class ContainerNode(msgspec.Struct, frozen=True):
    """A container and its addresses."""

    name: str
    addresses: tuple[str, ...] = ()
    up: bool = True
    """Both ends of its veth are up."""


class BridgeNode(msgspec.Struct, frozen=True):
    """A bridge of a host with what hangs on it."""

    name: str
    """Empty for a subnet of which no bridge is known."""
    subnets: tuple[str, ...] = ()
    """Those that the host owns by it."""
    up: bool = True
    containers: tuple[ContainerNode, ...] = ()


class Edge(msgspec.Struct, frozen=True):
    """A route from a host to an owner's subnet; from the owner itself, it is the one to its own bridge."""

    host: str
    owner: str
    subnet: str
    standing: Standing
    code: str = ""
    """Of the finding that says why; empty where there is none."""
    finding: str = ""
    """Its id."""

    @property
    def broken(self) -> bool:
        """Packets do not get there as they should."""
        return self.standing not in QUIET


class HostNode(msgspec.Struct, frozen=True):
    """A listed host."""

    name: str
    state: HostState
    role: Role = Role.OWNER
    segment: str = ""
    """The prefix of the underlay that it stands on; empty when it is not known."""
    interface: str = ""
    address: str = ""
    bridges: tuple[BridgeNode, ...] = ()
    apart: tuple[ContainerNode, ...] = ()
    """Containers on no bridge that is for containers."""
    routes: tuple[Edge, ...] = ()
    findings: int = 0
    read: bool = True
    """Its picture is known, perhaps an old one."""
    partial: bool = False
    """It was read without root, so that containers are missing."""
    error: str = ""

    @property
    def broken(self) -> tuple[Edge, ...]:
        """Its routes that do not lead where they should."""
        return tuple(edge for edge in self.routes if edge.broken)

    @property
    def counted(self) -> tuple[Edge, ...]:
        """Its routes to others, and those to its own subnets where they are broken."""
        return tuple(edge for edge in self.routes if edge.owner != self.name or edge.broken)

    @property
    def verdict(self) -> str:
        """Its routes in a few words; empty when nothing is known of them."""
        if not self.read:
            return self.error or "not read yet"
        all_of_them = len(self.counted)
        if broken := len(self.broken):
            return f"{broken} of {all_of_them} routes broken"
        if any(edge.standing is Standing.UNKNOWN for edge in self.counted):
            return f"{all_of_them} routes when last heard" if self.state is not HostState.UP else "routes not judged"
        return _RIGHT.get(all_of_them, f"all {all_of_them} routes are right")


class Segment(msgspec.Struct, frozen=True):
    """An L2 segment of the underlay and the hosts on it."""

    prefix: str
    """Empty for hosts of which no place is known."""
    hosts: tuple[str, ...]


class Topology(msgspec.Struct, frozen=True):
    """The document of `topology --json`."""

    network: str
    segments: tuple[Segment, ...]
    hosts: tuple[HostNode, ...]
    schema: int = SCHEMA

    @property
    def broken(self) -> Iterator[Edge]:
        """The broken routes of all hosts."""
        return (edge for host in self.hosts for edge in host.broken)

    def on(self, segment: Segment) -> Iterator[HostNode]:
        """Yield the hosts of a segment in the order listed."""
        names = set(segment.hosts)
        return (host for host in self.hosts if host.name in names)


def contents(host: HostNode, bridge: BridgeNode) -> str:
    """Return in words what hangs on a bridge."""
    return "containers not read" if not host.read or host.partial else crowd(bridge.containers)


def title(bridge: BridgeNode) -> str:
    """Return a bridge's name and, where there is something to say, its state."""
    return f"{bridge.name or 'bridge?'}{'' if bridge.up else ' down' if bridge.name else ' missing'}"


def crowd(containers: tuple[ContainerNode, ...]) -> str:
    """Return many containers in words: ``254 containers, 3 down``."""
    down = sum(not container.up for container in containers)
    many = f"{len(containers)} container{'' if len(containers) == 1 else 's'}"
    return f"{many}, {down} down" if down else many
