"""Hosts from the nodes of a Kubernetes cluster: the output of ``kubectl get nodes -o json``.

A node's pod CIDR is its container subnet, its InternalIP the next hop for the others. Where flannel runs, its
annotations say more: the address that it really uses, and by which backend (flannel, Documentation/kubernetes.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.inventory.inventory import Intent, Inventory
from hostgw.inventory.naming import Naming
from hostgw.inventory.targets import unique
from hostgw.model.ip import Prefix, address_number, maybe_prefix
from hostgw.ssh.target import Target, checked

FLANNEL = "flannel.alpha.coreos.com/"
BACKEND, PUBLIC_IP, OVERWRITTEN = f"{FLANNEL}backend-type", f"{FLANNEL}public-ip", f"{FLANNEL}public-ip-overwrite"
HOST_GW = "host-gw"


class Address(msgspec.Struct, frozen=True):
    """An entry of ``status.addresses``."""

    type: str = ""
    address: str = ""


class Metadata(msgspec.Struct, frozen=True):
    """What a node is called, and what others noted on it."""

    name: str = ""
    annotations: dict[str, str] = {}


class Spec(msgspec.Struct, frozen=True):
    """What a node was given."""

    pod_cidr: str = msgspec.field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")


class Status(msgspec.Struct, frozen=True):
    """Where a node is."""

    addresses: tuple[Address, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """A node; what else it has is not read."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()


def is_nodes(data: dict[str, Any]) -> bool:
    """Tell whether JSON is what kubectl prints of nodes."""
    items = data.get("items")
    listed = isinstance(items, list) and (data.get("kind") in ("List", "NodeList"))
    return listed or data.get("kind") == "Node"


def nodes(data: dict[str, Any], naming: Naming, name: str) -> Inventory:
    """Return the inventory that nodes describe.

    Raises:
        UsageError: it lists something else, or what it lists is wrong; the message says which node.
    """
    items = data.get("items", [data])
    others = sorted({clean(str(item.get("kind")), 40) for item in items if isinstance(item, dict)} - {"Node"})
    if others or not items:
        what = f"it lists {', '.join(others)}" if others else "the list is empty"
        raise UsageError(f"{name} lists no nodes", what, "kubectl get nodes -o json prints them.")
    try:
        found = msgspec.convert(items, list[Node])
    except msgspec.ValidationError as error:
        raise UsageError(f"{name} is wrong", clean(str(error), 200)) from error
    _need_host_gw(found, name)
    targets = unique(tuple(_target(node, naming, name) for node in found))
    intents = {node.metadata.name: Intent(_subnets(node, name), _underlay(node, name)) for node in found}
    return Inventory(targets, intents, notes=tuple(note for node in found for note in _notes(node)))


def _need_host_gw(found: list[Node], name: str) -> None:
    """Refuse nodes between which flannel tunnels: nothing that is expected here would be true of them."""
    for node in found:
        backend = node.metadata.annotations.get(BACKEND, HOST_GW)
        if backend != HOST_GW:
            what = f"{name}: flannel connects {clean(node.metadata.name, 60)} by {clean(backend, 40)}, not by host-gw"
            raise UsageError(what, "", "Name the hosts by --hosts to look at them all the same.")


def _address(node: Node, name: str) -> str:
    """Return a node's IPv4 address: what flannel uses, else its InternalIP."""
    told = node.metadata.annotations
    internal = [each.address for each in node.status.addresses if each.type == "InternalIP" and ":" not in each.address]
    found = told.get(OVERWRITTEN) or told.get(PUBLIC_IP) or next(iter(internal), "")
    if not found:
        raise UsageError(
            f"{name}: node {clean(node.metadata.name, 60)} has no IPv4 address",
            "no InternalIP in its status",
            "IPv6-only nodes are not managed.",
        )
    return found


def _target(node: Node, naming: Naming, name: str) -> Target:
    return checked(naming.target(node.metadata.name, _address(node, name)))


def _underlay(node: Node, name: str) -> int:
    text = _address(node, name)
    try:
        return address_number(text)
    except ValueError as error:
        what = f"{name}: node {clean(node.metadata.name, 60)} has the address {clean(text, 60)}"
        raise UsageError(what, clean(str(error), 120)) from error


def _cidrs(node: Node) -> tuple[str, ...]:
    return node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())


def _subnets(node: Node, name: str) -> tuple[Prefix, ...]:
    found = []
    for text in _cidrs(node):
        if ":" in text:
            continue  # of a dual stack: mesh, checks and fixes are about IPv4
        if (subnet := maybe_prefix(text)) is None:
            what = f"{name}: node {clean(node.metadata.name, 60)} has the podCIDR {clean(text, 60)}"
            raise UsageError(what, "this is no IPv4 prefix")
        found.append(subnet)
    return tuple(found)


def _notes(node: Node) -> Iterator[str]:
    named, cidrs = clean(node.metadata.name, 60), _cidrs(node)
    if not cidrs:
        yield f"{named} has no podCIDR: what it owns is found out by looking"
    elif sixes := [clean(text, 60) for text in cidrs if ":" in text]:
        yield f"{named}: {', '.join(sixes)} is left out, IPv6 is shown but not checked"
