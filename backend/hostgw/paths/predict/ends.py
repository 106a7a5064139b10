"""What a person calls an end of a path: `vm1`, `vm1:c1`, an address."""

from __future__ import annotations

from ipaddress import ip_address

from hostgw.clean import clean
from hostgw.errors import HostError, UsageError
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import container_link
from hostgw.model.host import Namespace
from hostgw.model.ip import address_number, address_text
from hostgw.model.path import End
from hostgw.paths.predict.node import Node

FORMS = "Write a host (vm1), a container (vm1:c1) or an IPv4 address."
AS_ROOT = "Log in as root, or use --sudo."


def find_end(fabric: Fabric, mesh: Mesh, text: str) -> End:
    """Return the end that a text names.

    Raises:
        UsageError: nothing has that name, or it has no address.
        HostError: its host cannot be read.
    """
    try:
        return _by_address(fabric, address_number(text))
    except ValueError:
        pass
    if _is_ipv6(text):
        raise UsageError(f"{clean(text, 80)} is an IPv6 address", "ways are predicted for IPv4", FORMS)
    name, _, container = text.replace("/", ":", 1).partition(":")  # tables and taps write vm1/c1
    host = fabric.hosts.get(name)
    if host is None:
        known = ", ".join(fabric.hosts) or "none"
        raise UsageError(f"there is no host {clean(name, 80)}", f"listed: {known}", FORMS)
    if not host.readable:
        raise HostError(host.state, "nothing is known of it", host.error or host.state.value, "", name)
    return _container(host, container) if container else _host(host, mesh)


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def node_of(fabric: Fabric, end: End) -> Node | None:
    """Return the namespace of an end; None for a machine that is not listed, and for a container that has gone."""
    host = fabric.hosts.get(end.host)
    if host is None or host.snapshot is None:
        return None
    if not end.container:
        return Node(host)
    return next((Node(host, ns.id) for ns in host.snapshot.containers if ns.name == end.container), None)


def _by_address(fabric: Fabric, number: int) -> End:
    text = address_text(number)
    for host in fabric.readable:
        if host.snapshot is None:
            continue
        for ns, state in host.snapshot.states.items():
            if any(a.address == text for a in state.addresses):
                return End(text, host.name, Node(host, ns).container or "")
    return End(text)


def _container(host: Host, name: str) -> End:
    containers = host.snapshot.containers if host.snapshot else ()
    found = next((ns for ns in containers if ns.name == name), None)
    if found is None:
        known = ", ".join(ns.name for ns in containers) or "none"
        raise UsageError(f"there is no container {clean(name, 80)}", f"there are: {known}", "", host.name)
    return End(_first_address(host, found), host.name, name)


def _first_address(host: Host, container: Namespace) -> str:
    state = Node(host, container.id).state
    link = container_link(state)
    held = state.addresses_of(link.index) if link else ()
    found = held or tuple(a for a in state.addresses if a.family == 4 and a.scope == "global")
    if not found:
        if host.snapshot and host.snapshot.facts.uid != 0:
            raise UsageError(f"container {container.name} cannot be read", "not root there", AS_ROOT, host.name)
        raise UsageError(f"container {container.name} has no IPv4 address", "", "", host.name)
    return found[0].address


def _host(host: Host, mesh: Mesh) -> End:
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None:
        raise UsageError("its underlay address is not known", "", "Give one of its addresses instead.", host.name)
    return End(address_text(member.underlay.address), host.name, any_address=True)
