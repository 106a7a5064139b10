"""What captures and paths need of the fabric: who owns a MAC address, and which containers can send a probe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hostgw.fabric import Fabric, Host
from hostgw.mesh.bridges import container_link
from hostgw.mesh.memory import per_containers

if TYPE_CHECKING:
    from hostgw.capture.journey_rows import Owner, Ranked

Place = tuple[str, int, str, str]
"""Host, namespace, name and address of a container."""


def owners(fabric: Fabric) -> Owner:
    """Return what names the owner of a MAC, by the fabric as it is; it looks at hosts when it is asked."""
    from hostgw.capture.journey_rows import owner_among  # only who captures needs it

    return owner_among(_devices(host) for host in fabric.readable)


@per_containers
def _devices(host: Host) -> Ranked:
    """Return who owns which MAC address on a host."""
    from hostgw.capture.journey_rows import ranked

    places = {host.name: tuple(host.root.links.values())}
    for container in host.snapshot.containers if host.snapshot else ():
        state = host.snapshot.state(container.id) if host.snapshot else host.root
        places[f"{host.name}/{container.name}"] = tuple(state.links.values())
    return ranked(places)


def containers(fabric: Fabric) -> Iterator[Place]:
    """Yield the containers that have an address, host by host."""
    for host in fabric.readable:
        yield from _containers(host)


@per_containers
def _containers(host: Host) -> tuple[Place, ...]:
    found = []
    for container in host.snapshot.containers if host.snapshot else ():
        state = host.snapshot.state(container.id) if host.snapshot else host.root
        link = container_link(state)
        if link and (held := state.addresses_of(link.index)):
            found.append((host.name, container.id, container.name, held[0].address))
    return tuple(found)
