"""Addresses of hosts, bridges and containers (catalogue 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hostgw.checks import address_clashes, bridge_addresses, container_addresses, other_networks, underlay_clashes
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding

HOST = (bridge_addresses.check, other_networks.check, container_addresses.check)
FABRIC = (address_clashes.check_fabric, underlay_clashes.check_fabric, container_addresses.check_fabric)


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is wrong with the addresses of a host."""
    return chain.from_iterable(each(host, mesh) for each in HOST)


def check_fabric(fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
    """Yield what is wrong with addresses of several hosts."""
    return chain.from_iterable(each(fabric, mesh) for each in FABRIC)
