"""What somebody types to have a network set up, judged while it is typed: what is missing is suggested."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.mesh.network import PRIVATE
from hostgw.model.ip import Prefix, address_text, interface_prefix, maybe_prefix, prefix
from hostgw.plans.setup.wishes import BRIDGE, Wishes, owner_of, wishes

LONGEST = 30
"""A longer subnet has no room for a gateway and a container."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}")
FIRST = ("10.239.0.0/16", "10.244.0.0/16")
"""What is suggested before others: the network of our examples, and flannel's."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is typed, as text. A host without a text gets the subnet that is suggested; an empty one owns none."""

    network: str
    bridge: str = BRIDGE
    nat: bool = True
    subnets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostDraft:
    """One host of a draft."""

    name: str
    address: str
    """In the underlay, or by which it is reached."""
    subnet: str
    typed: bool
    error: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A form, judged: `wishes` is None while something in it is wrong."""

    network: Prefix | None
    hosts: tuple[HostDraft, ...] = ()
    wishes: Wishes | None = None
    network_error: str = ""
    network_remark: str = ""
    bridge_error: str = ""

    @property
    def error(self) -> str:
        """The first thing that is wrong; empty when nothing is."""
        first = next((f"{host.name}: {host.error}" for host in self.hosts if host.error), "")
        return self.network_error or self.bridge_error or first


def draft(form: Form, fabric: Fabric, mesh: Mesh) -> Draft:
    """Return a form judged; `mesh` is built with the network of the form, where that is one."""
    network = maybe_prefix(form.network.strip()) if form.network.strip() else None
    wrong = _bridge_error(form.bridge, fabric)
    if network is None or "/" not in form.network or not 8 <= network.length <= LONGEST:
        told = f"{form.network!r} is no network: write it as 10.239.0.0/16" if form.network else "which network?"
        rows = tuple(_row(host, mesh, form.subnets.get(host.name, ""), form) for host in fabric.hosts.values())
        return Draft(None, rows, network_error=told, bridge_error=wrong)
    typed = {name: text.strip() for name, text in form.subnets.items() if name in fabric.hosts}
    errors = dict(_subnet_errors(typed, network, mesh))
    told_subnets = {name: prefix(text) for name, text in typed.items() if text and name not in errors}
    outside = tuple(name for name, text in typed.items() if not text)
    made, full = _wished(fabric, mesh, network, told_subnets, outside, form.bridge)
    rows = tuple(_rows(fabric, mesh, form, made, errors))
    good = made if not (errors or wrong or full) else None
    return Draft(network, rows, good, full, network_remark(network, fabric, mesh), wrong)


def _wished(
    fabric: Fabric,
    mesh: Mesh,
    network: Prefix,
    told: Mapping[str, Prefix],
    outside: tuple[str, ...],
    bridge: str,
) -> tuple[Wishes | None, str]:
    try:
        return wishes(fabric, mesh, network, told, outside, bridge), ""
    except UsageError as error:
        return None, error.what


def _subnet_errors(typed: Mapping[str, str], network: Prefix, mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the subnets that are typed, by host."""
    parsed = {name: maybe_prefix(text) for name, text in typed.items() if text}
    for name, subnet in parsed.items():
        if subnet is None or "/" not in typed[name]:
            yield name, f"{typed[name]} is no subnet: write it as {Prefix(network.address, 24)}"
        elif not network.covers(subnet):
            yield name, f"{subnet} is not in {network}"
        elif subnet.length > LONGEST:
            yield name, f"{subnet} has no room for a gateway and a container"
        elif other := next((o for o, p in parsed.items() if o != name and p and p.overlaps(subnet)), ""):
            yield name, f"{other} would own the same addresses"
        elif owner := owner_of(mesh, name, subnet):
            yield name, f"{subnet} is {owner}'s already"


def _rows(
    fabric: Fabric, mesh: Mesh, form: Form, made: Wishes | None, errors: Mapping[str, str]
) -> Iterator[HostDraft]:
    wished = {wish.name: wish for wish in made.hosts} if made else {}
    for host in fabric.hosts.values():
        wish, typed = wished.get(host.name), form.subnets.get(host.name)
        text = typed if typed is not None else str(wish.subnet) if wish and wish.subnet else ""
        remark = f"{host.state.value}: it cannot be set up now" if not host.readable else ""
        if wish and not remark:
            remark = (
                "owns it already" if wish.there else "new" if wish.subnet else "no subnet: routes to the others only"
            )
        row = _row(host, mesh, text, form)
        yield replace(row, error=errors.get(host.name, ""), remark=remark)


def _row(host: Host, mesh: Mesh, text: str, form: Form) -> HostDraft:
    member = mesh.members.get(host.name)
    address = address_text(member.underlay.address) if member and member.underlay else host.address
    return HostDraft(host.name, address, text, host.name in form.subnets)


def _bridge_error(name: str, fabric: Fabric) -> str:
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name for a bridge: at most 15 letters, digits, . _ and -" if name else "which bridge?"
    for host in fabric.readable:
        link = host.root.links_by_name.get(name)
        if link and link.kind != "bridge":
            return f"{name} on {host.name} is there, and no bridge"
    return ""


# ---- networks ----


def free_network(fabric: Fabric) -> Prefix:
    """Return a private /16 that no host has an address in or a route to."""
    busy = {held for host in fabric.readable for held, _ in _held(host)}
    found = (each for each in _candidates() if not any(each.overlaps(held) for held in busy))
    return next(found, prefix(FIRST[0]))


def _candidates() -> Iterator[Prefix]:
    yield from map(prefix, FIRST)
    for block in PRIVATE:
        for start in range(block.address, block.address + (1 << (32 - block.length)), 1 << 16):
            yield Prefix(start, 16)


def _held(host: Host) -> Iterator[tuple[Prefix, str]]:
    """Yield what a host is connected to or has a route to, with the device."""
    for address in host.root.addresses:
        if address.family == 4:
            yield interface_prefix(f"{address.address}/{address.length}")[1], host.root.name_of(address.index)
    for route in host.root.routes:
        held = prefix(route.dst)
        if held.length:
            yield held, host.root.name_of(route.oif) if route.oif else route.type


def network_remark(network: Prefix, fabric: Fabric, mesh: Mesh) -> str:
    """Return what speaks against a network: somebody has a part of it, or it is no private one; empty for nothing."""
    owned = {subnet.prefix for subnet in mesh.subnets}
    for host in fabric.readable:
        for held, device in _held(host):
            if held.overlaps(network) and held not in owned:
                return f"{host.name} uses {held} of it ({device})"
    if not any(block.covers(network) for block in PRIVATE):
        return "it is no private range: what is really there could not be reached any more"
    return ""
