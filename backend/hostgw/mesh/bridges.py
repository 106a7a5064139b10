"""Which devices of a host are container bridges, ports and container links; which belong to the underlay."""

from __future__ import annotations

from hostgw.fabric import Host, NamespaceState
from hostgw.mesh.memory import per_snapshot
from hostgw.model.kernel import Address, Link

TUNNELS = frozenset({"vxlan", "ipip", "gre", "gretap", "sit", "wireguard", "tun", "geneve", "ip6tnl", "vti", "xfrm"})
LOOPBACKS = frozenset({"loopback", "dummy"})


def management_address(host: Host) -> str:
    """Return the host's own address of our SSH connection; empty when it is not known."""
    connection = host.snapshot.facts.ssh_connection if host.snapshot else ()
    return connection[2] if len(connection) == 4 else ""


def is_container_bridge(host: Host, link: Link) -> bool:
    """Tell whether a device is a bridge for containers: none that carries the SSH path or routes by a next hop."""
    if link.kind != "bridge":
        return False
    root = host.root
    held = {address.address for address in root.addresses_of(link.index)}
    if management_address(host) in held:
        return False
    return not any(route.oif == link.index and route.gateway for route in root.routes)


@per_snapshot
def container_bridges(host: Host) -> tuple[Link, ...]:
    """Return the bridges for containers, by ifindex."""
    return tuple(link for link in host.root.links.values() if is_container_bridge(host, link))


@per_snapshot
def underlay_addresses(host: Host) -> tuple[Address, ...]:
    """Return the IPv4 addresses that could be underlay: global ones, on no loopback, tunnel or container bridge."""
    root = host.root
    bridges = {link.index for link in container_bridges(host)}
    return tuple(
        address
        for address in root.addresses
        if address.family == 4
        and address.scope == "global"
        and address.index not in bridges
        and (link := root.links.get(address.index))
        and link.kind not in TUNNELS | LOOPBACKS
        and link.master not in bridges
    )


def container_link(state: NamespaceState) -> Link | None:
    """Return a container's eth0: its veth, the first by ifindex."""
    return next((link for link in state.links.values() if link.kind == "veth"), None)
