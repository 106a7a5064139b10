"""The plans of the configurator for containers: a namespace is hung on the bridge of a host, or taken off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hostgw.checks.catalogue import FixClass
from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.change import AttachmentChange
from hostgw.model.ip import FULL, address_number, address_text
from hostgw.plans.build import forbidden, marked
from hostgw.plans.model import Plan, Step
from hostgw.plans.setup import reasons
from hostgw.plans.setup.build import RISK, VERIFICATION
from hostgw.plans.steps import step

PLACES = "/run/netns"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,10}")
"""Of a container: ``veth-`` and it must make the name of a device (IFNAMSIZ)."""


def attach_plan(
    fabric: Fabric, mesh: Mesh, name: str, containers: Sequence[str], address: str = "", local: Iterable[str] = ()
) -> Plan:
    """Return what hangs network namespaces (of `ip netns`, or paths) on the bridge of a host.

    Raises:
        UsageError: the host is not reached, or has no bridge with a subnet; a name is none, or the address is not of
            the subnet.
    """
    host, subnet = _place(fabric, mesh, name)
    if not containers:
        raise UsageError("which namespace?", "", "`ip netns` on the host lists them.")
    title = f"attach {', '.join(containers)} on {name}"
    free = iter([_chosen(subnet, address)]) if address else _free_addresses(host, subnet)
    steps = []
    for container in containers:
        path = container if container.startswith("/") else f"{PLACES}/{container}"
        port = f"veth-{_short(container)}"
        if port in host.root.links_by_name:
            return Plan(title, FixClass.ADVICE, refused=f"{port} is there already on {name}")
        if (number := next(free, None)) is None:
            raise UsageError(f"no address of {subnet.prefix} is free for {container}", "", "Detach a container first.")
        held = f"{address_text(number)}/{subnet.prefix.length}"
        change = _attachment(port, subnet, path, "eth0", held, there=False)
        why = reasons.attachment(container, subnet.bridge, address_text(subnet.gateway))
        steps.append(step(host, change, f"{container} hangs on {subnet.bridge} as {held}", why=why))
    return _plan(title, steps, fabric, mesh, local)


def _chosen(subnet: Subnet, address: str) -> int:
    try:
        number = address_number(address)
    except ValueError:
        number = subnet.gateway
    if not subnet.prefix.contains(number) or number == subnet.gateway:
        raise UsageError(f"{address} is no container's address in {subnet.prefix}", "", "Leave it out: one is free.")
    return number


def detach_plan(fabric: Fabric, mesh: Mesh, name: str, container: str, local: Iterable[str] = ()) -> Plan:
    """Return what takes a namespace off its bridge: its veth pair goes, and with it address and routes.

    Raises:
        UsageError: there is no such port.
    """
    host, subnet = _place(fabric, mesh, name)
    port = f"veth-{_short(container)}"
    link = host.root.links_by_name.get(port)
    inner = next((c for c in (host.snapshot.containers if host.snapshot else ()) if c.name == container), None)
    if link is None or link.kind != "veth" or inner is None:
        raise UsageError(f"{container} hangs on no bridge of {name} by {port}", "", "Screen 2 shows the ports.")
    state = host.snapshot.state(inner.id) if host.snapshot else host.root
    held = next(
        (a for a in state.addresses if a.family == 4 and subnet.prefix.contains(address_number(a.address))), None
    )
    if held is None:
        raise UsageError(f"{container} has no address of {subnet.prefix}", "", f"Remove {port} by hand.")
    text = f"{held.address}/{held.length}"
    change = _attachment(port, subnet, inner.path, state.name_of(held.index), text, there=True)
    why = reasons.detachment(container, subnet.bridge)
    made = step(host, change, f"{container} is taken off {subnet.bridge}", why=why)
    return replace(_plan(f"detach {container} on {name}", [made], fabric, mesh, local), cuts=True)


def _attachment(port: str, subnet: Subnet, path: str, inner: str, address: str, there: bool) -> AttachmentChange:
    gateway = address_text(subnet.gateway)
    return AttachmentChange(port, subnet.bridge, path, inner, address, gateway, before=there, after=not there)


def _plan(title: str, steps: Iterable[Step], fabric: Fabric, mesh: Mesh, local: Iterable[str]) -> Plan:
    found = marked(steps, fabric, mesh, frozenset(local))
    return Plan(title, FixClass.SAFE, found, RISK, verification=VERIFICATION, refused=forbidden(found, fabric))


def _place(fabric: Fabric, mesh: Mesh, name: str) -> tuple[Host, Subnet]:
    host, member = fabric.hosts.get(name), mesh.members.get(name)
    if host and not host.readable:
        raise UsageError(f"{name} is not reached", host.error or host.state.value)
    subnet = next((s for s in (member.subnets if member else ()) if s.bridge), None)
    if subnet is None:
        raise UsageError(f"{name} has no bridge that owns a subnet", "", "Run: hostgw-tui setup")
    return fabric.hosts[name], subnet


def _short(container: str) -> str:
    short = container.rpartition("/")[2]
    if not _NAME.fullmatch(short):
        raise UsageError(f"{short!r} makes no name for a device", "", "Use at most 10 letters, digits, . _ and -.")
    return short


def _free_addresses(host: Host, subnet: Subnet) -> Iterator[int]:
    """Yield the addresses of a subnet that no container of the host holds."""
    states = [host.snapshot.state(c.id) for c in host.snapshot.containers] if host.snapshot else []
    taken = {address_number(a.address) for state in states for a in state.addresses if a.family == 4}
    last = subnet.prefix.address | ~subnet.prefix.mask & FULL
    return (number for number in range(subnet.gateway + 1, last) if number not in taken)
