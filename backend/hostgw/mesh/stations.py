"""Containers on their ports: what hangs on which, with which addresses, as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from hostgw.fabric import Host, NamespaceState
from hostgw.mesh.bridges import attachments
from hostgw.mesh.memory import per_snapshot
from hostgw.mesh.model import Subnet
from hostgw.model.host import Namespace
from hostgw.model.ip import address_number
from hostgw.model.kernel import Link
from hostgw.wire import Section


class Station(NamedTuple):
    """A veth of a container: its end inside, its end on the host."""

    container: Namespace
    state: NamespaceState
    inner: Link
    port: Link
    numbers: tuple[int, ...]
    """IPv4 addresses of the inner end."""


@per_snapshot
def stations(host: Host) -> tuple[Station, ...]:
    """Return the veths of a host's containers, by the containers' names."""
    if host.snapshot is None:
        return ()
    states = host.snapshot.states
    return tuple(
        Station(
            container,
            states[container.id],
            cast("Link", states[container.id].table(Section.LINKS)[end.peer,]),
            end,
            tuple([address_number(address.address) for address in addresses]),
        )
        for container, end, addresses in attachments(host)
    )


def within(host: Host, subnet: Subnet) -> Iterator[Station]:
    """Yield the veths of a host's containers that hold an address of a subnet."""
    mask, network = subnet.prefix.mask, subnet.prefix.address
    for station in stations(host):
        for number in station.numbers:
            if number & mask == network:
                yield station
                break


def served(host: Host, subnets: Iterable[Subnet]) -> Iterator[tuple[Station, Subnet]]:
    """Yield the veths of a host's containers that hold an address of one of `subnets`, with that subnet."""
    for subnet in subnets:
        for station in within(host, subnet):
            yield station, subnet
