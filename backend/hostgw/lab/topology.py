"""The network of a lab as data: which nodes there are, and how they are cabled, addressed and routed."""

from __future__ import annotations

from typing import Final

from hostgw.lab.addresses import (
    GATEWAY,
    OPERATOR,
    OUTSIDE,
    OUTSIDE_GATEWAY,
    Host,
    Shape,
    mac,
)
from hostgw.lab.nodes import Cable, Interface, Node, Topology, Way
from hostgw.lab.reshaping import reshaped

PLAIN_NODES: Final = ("switch", "gateway", "outside", "operator")
"""Nodes that are a network namespace and nothing more."""
_BRIDGE, _UPLINK, _PORT, _CONTAINER, _SWITCH, _PLAIN = range(1, 7)


def topology(shape: Shape) -> Topology:
    """The whole network that a shape asks for."""
    hosts = [_host(number, host, shape) for number, host in enumerate(shape.all_hosts, 1)]
    containers = [node for number, owner in enumerate(shape.owners, 1) for node in _containers(number, owner)]
    uplinks = [host.name for host in shape.all_hosts] + ["gateway", "operator"]
    plain = [_switch(uplinks), *_plain_nodes(shape.underlay_length)]
    nic = "eth1" if shape.kind.uplink == "eth1" else "eth0"
    cables = [Cable(("switch", f"p-{host.name}"), (host.name, nic)) for host in shape.all_hosts]
    cables += [Cable(("switch", f"p-{name}"), (name, "eth0")) for name in ("gateway", "operator")]
    cables.append(Cable(("gateway", "eth1"), ("outside", "eth0")))
    cables += [
        Cable((owner.name, f"veth-{container}"), (f"{owner.name}/{container}", "eth0"))
        for owner in shape.owners
        for container in owner.containers
    ]
    made = Topology((*plain, *hosts, *containers), tuple(cables))
    return reshaped(made, shape)


def _host(number: int, host: Host, shape: Shape) -> Node:
    uplink = Interface("eth0", mac(_UPLINK, number), f"{host.address}/{shape.underlay_length}")
    name = shape.kind.bridge
    ports = tuple(
        Interface(f"veth-{container}", mac(_PORT, number, index), master=name)
        for index, container in enumerate(host.containers, 1)
    )
    bridge: tuple[Interface, ...] = ()
    if host.subnet:
        gateway = host.subnet.replace(".0/24", ".1/24")
        bridge = (Interface(name, mac(_BRIDGE, number), gateway, kind="bridge"),)
    return Node(host.name, (uplink, *bridge, *ports), _host_routes(host, shape), forwards=True)


def _host_routes(host: Host, shape: Shape) -> tuple[Way, ...]:
    others = tuple(
        Way(other.subnet, other.address, "eth0") for other in shape.owners if other.subnet and other.name != host.name
    )
    return (Way("default", GATEWAY, "eth0"), *others)


def _containers(number: int, owner: Host) -> list[Node]:
    subnet = owner.subnet or ""
    gateway = subnet.replace(".0/24", ".1")
    return [
        Node(
            f"{owner.name}/{name}",
            (Interface("eth0", mac(_CONTAINER, number, index), f"{owner.container_address(name)}/24"),),
            (Way("default", gateway, "eth0"),),
        )
        for index, name in enumerate(owner.containers, 1)
    ]


def _switch(uplinks: list[str]) -> Node:
    ports = tuple(Interface(f"p-{name}", mac(_SWITCH, number), master="sw0") for number, name in enumerate(uplinks, 1))
    return Node("switch", (Interface("sw0", mac(_SWITCH, 0), kind="bridge"), *ports), ())


def _plain_nodes(length: int) -> list[Node]:
    gateway = (
        Interface("eth0", mac(_PLAIN, 1), f"{GATEWAY}/{length}"),
        Interface("eth1", mac(_PLAIN, 2), f"{OUTSIDE_GATEWAY}/24"),
    )
    outside = (Interface("eth0", mac(_PLAIN, 3), f"{OUTSIDE}/24"),)
    operator = (Interface("eth0", mac(_PLAIN, 4), f"{OPERATOR}/{length}"),)
    return [
        Node("gateway", gateway, (), forwards=True),
        Node("outside", outside, (Way("default", OUTSIDE_GATEWAY, "eth0"),)),
        Node("operator", operator, (Way("default", GATEWAY, "eth0"),)),
    ]
