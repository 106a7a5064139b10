"""What hosts have counted by now, asked for when somebody wants to know it.

Counters go past the fabric: they would make every host another one each time, and mesh and checks work for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

from hostgw.errors import HostgwError
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.mesh.bridges import container_bridges, underlay_addresses
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Counters, Filter, Link
from hostgw.wire import Count, CountReply, Reply, Request

MOST_DEVICES: Final = 64
"""Of one host: who has more has them made by a program, and their names come and go."""
FRESH_S: Final = 2.0
"""Who asks again so soon gets the same."""

Ask = Callable[[str, Callable[[int], Request], float], "Future[Reply]"]


@dataclass(frozen=True)
class Counted:
    """What one host has counted: devices by ifindex, and the rules of iptables as they were saved."""

    devices: Mapping[int, Counters] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()


class Counting:
    """Asks all hosts at once; any thread may call `count`, and who comes second waits for the first."""

    def __init__(self, ask: Ask, view: Callable[[], View]) -> None:
        self._ask, self._view = ask, view
        self._one = threading.Lock()
        self._counted: Mapping[str, Counted] = {}
        self._at = float("-inf")

    def count(self, timeout: float) -> Mapping[str, Counted]:
        """Return what the hosts have counted that are up and answer within so many seconds."""
        with self._one:
            if time.monotonic() - self._at > FRESH_S:
                self._counted = self._asked(timeout)
                self._at = time.monotonic()
            return self._counted

    def _asked(self, timeout: float) -> dict[str, Counted]:
        view, until = self._view(), time.monotonic() + timeout
        hosts = [h for h in view.fabric.hosts.values() if h.state is HostState.UP and h.readable]
        waiting = {host.name: self._ask(host.name, _question(host, view.mesh), timeout) for host in hosts}
        found: dict[str, Counted] = {}
        for name, future in waiting.items():
            with suppress(HostgwError, TimeoutError):  # who does not answer has no counters this time
                reply = cast("CountReply", future.result(max(0.0, until - time.monotonic())))
                found[name] = Counted({row.index: row for row in reply.counters}, reply.filters)
        return found


def _question(host: Host, mesh: Mesh) -> Callable[[int], Request]:
    return partial(Count, indexes=tuple(link.index for link in counted_devices(host, mesh)))


def counted_devices(host: Host, mesh: Mesh) -> tuple[Link, ...]:
    """Return the devices of a host that are worth counting: the NIC of the underlay, the bridges, other NICs.

    Ports of container bridges are left out: there may be many thousand, and they come and go with their containers.
    """
    return tuple(link for _, link in sorted(_ranked(host, mesh), key=lambda pair: pair[0]))[:MOST_DEVICES]


def _ranked(host: Host, mesh: Mesh) -> Iterator[tuple[int, Link]]:
    member = mesh.members.get(host.name)
    nic = member.underlay.index if member and member.underlay else 0
    bridges = {link.index for link in container_bridges(host)}
    addressed = {address.index for address in underlay_addresses(host)}
    for link in host.root.links.values():
        if link.index == nic or link.index in bridges:
            yield int(link.index != nic), link
        elif link.index in addressed or not (link.kind in ("veth", "loopback") or link.master in bridges):
            yield 2, link
