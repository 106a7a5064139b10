"""What captures and paths need of the fabric: who owns a MAC address, and which containers can send a probe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hostgw.fabric import Fabric
from hostgw.mesh.bridges import container_link
from hostgw.model.kernel import Link

if TYPE_CHECKING:
    from hostgw.capture.journey_rows import Owner

Place = tuple[str, int, str, str]
"""Host, namespace, name and address of a container."""


def owners(fabric: Fabric) -> Owner:
    """Return what names the owner of a MAC, by the fabric as it is."""
    from hostgw.capture.journey_rows import mac_owners  # only who captures needs it

    places: dict[str, tuple[Link, ...]] = {}
    for host in fabric.readable:
        places[host.name] = tuple(host.root.links.values())
        for container in host.snapshot.containers if host.snapshot else ():
            state = host.snapshot.state(container.id) if host.snapshot else host.root
            places[f"{host.name}/{container.name}"] = tuple(state.links.values())
    return mac_owners(places)


def containers(fabric: Fabric) -> Iterator[Place]:
    """Yield the containers that have an address, host by host."""
    for host in fabric.readable:
        for container in host.snapshot.containers if host.snapshot else ():
            state = host.snapshot.state(container.id) if host.snapshot else host.root
            link = container_link(state)
            held = state.addresses_of(link.index) if link else ()
            if held:
                yield host.name, container.id, container.name, held[0].address
