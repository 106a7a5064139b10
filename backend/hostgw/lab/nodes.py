"""What the network of a lab is made of: nodes, their interfaces and routes, and the cables between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a node as it must be."""

    name: str
    mac: str
    address: str | None = None
    """IPv4 address with prefix length, None for a port."""
    master: str | None = None
    """Bridge or bond that it is a port of."""
    kind: str = ""
    """`bridge` or `bond`; empty when it is the end of a cable."""
    address6: str | None = None
    """IPv6 address with prefix length, in labs that have IPv6."""


@dataclass(frozen=True, slots=True)
class Way:
    """One route of a node: destination (`default` too), next hop, interface."""

    destination: str
    gateway: str
    interface: str


@dataclass(frozen=True, slots=True)
class Node:
    """One network namespace: a host, a container (`vm1/c1`) or a plain one (`gateway`)."""

    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Way, ...]
    forwards: bool = False
    routes6: tuple[Way, ...] | None = None
    """IPv6 routes; None where IPv6 is off."""


@dataclass(frozen=True, slots=True)
class Cable:
    """A veth pair: (node, interface) at each end; the first end's node makes it."""

    near: tuple[str, str]
    far: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Topology:
    """All nodes and cables of one lab."""

    nodes: tuple[Node, ...]
    cables: tuple[Cable, ...]

    def node(self, name: str) -> Node:
        """The node of that name; KeyError when there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
