"""Tracked flows that checks look at: asked for once a host is known, after a change, and now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import cast

from msgspec.structs import replace

from hostgw.clean import clean
from hostgw.errors import HostgwError
from hostgw.fabric import Tracked
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number
from hostgw.model.kernel import ConntrackEntry, Crowd
from hostgw.wire import Reply, Request, Suspects, SuspectsReply

EVERY_S = 30.0

Ask = Callable[[str, Callable[[int], Request]], "Future[Reply]"]
Take = Callable[[str, Tracked], None]


class TrackedFlows:
    """Asks the hosts that own subnets, from a thread of its own, and hands over what they answer."""

    def __init__(self, ask: Ask, view: Callable[[], View], take: Take) -> None:
        self._ask, self._view, self._take = ask, view, take
        self._wake = threading.Event()
        self._stopped = False
        self._asking: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="hostgw-flows", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wake.set()

    def news(self) -> None:
        """Take that the view changed: a host that became known is asked at once."""
        if set(waiting(self._view())) - self._asking:
            self._wake.set()

    def ask(self, hosts: Iterable[str]) -> None:
        """Ask hosts now."""
        mesh = self._view().mesh
        for host in hosts:
            if subnets := own_subnets(mesh, host):
                self._asking.add(host)
                request = partial(Suspects, subnets=subnets, networks=_networks(mesh, host))
                self._ask(host, request).add_done_callback(partial(self._answered, host))

    def _run(self) -> None:
        while not self._stopped:
            news = self._wake.wait(EVERY_S)
            self._wake.clear()
            if not self._stopped:
                self.ask(set(waiting(self._view())) - self._asking if news else reachable(self._view()))

    def _answered(self, host: str, done: Future[Reply]) -> None:
        self._asking.discard(host)
        try:
            self._take(host, tracked(cast("SuspectsReply", done.result())))
        except HostgwError as error:
            self._take(host, Tracked(error=clean(error.without_host, 200)))


def own_subnets(mesh: Mesh, host: str) -> tuple[str, ...]:
    """Return the container subnets of a host."""
    member = mesh.members.get(host)
    return tuple(str(subnet.prefix) for subnet in member.subnets) if member else ()


def _networks(mesh: Mesh, host: str) -> tuple[str, ...]:
    """Return where containers are: the network, and what of the subnets lies outside it."""
    known = [subnet.prefix for subnet in mesh.subnets]
    inside = mesh.network
    outside = [p for p in known if inside is None or not inside.covers(p)]
    return tuple(dict.fromkeys(str(p) for p in ([inside] if inside else []) + outside))


def reachable(view: View) -> tuple[str, ...]:
    """Return the hosts that can be asked: up, known, and owners of a subnet."""
    hosts = (h.name for h in view.fabric.hosts.values() if h.state is HostState.UP and h.readable)
    return tuple(name for name in hosts if name in view.mesh.members and view.mesh.members[name].subnets)


def waiting(view: View) -> tuple[str, ...]:
    """Return the hosts that can be asked and have never answered."""
    return tuple(name for name in reachable(view) if view.fabric.hosts[name].tracked is None)


def tracked(reply: SuspectsReply) -> Tracked:
    """Return what a host answered, less what is no address or no text that it could be."""
    flows = tuple(_cleaned(entry) for entry in reply.entries if _sound(entry))
    crowds = tuple(crowd for crowd in reply.crowds if _sound_crowd(crowd))
    return Tracked(flows, crowds, reply.total, clean(reply.error, 200))


def _sound(entry: ConntrackEntry) -> bool:
    return _addresses(entry.source, entry.destination, entry.reply_source, entry.reply_destination)


def _sound_crowd(crowd: Crowd) -> bool:
    return _addresses(crowd.source, crowd.destination) and crowd.protocol.isalnum() and len(crowd.protocol) <= 8


def _addresses(*texts: str) -> bool:
    try:
        return all(address_number(text) >= 0 for text in texts)
    except ValueError:
        return False


def _cleaned(entry: ConntrackEntry) -> ConntrackEntry:
    return replace(entry, protocol=clean(entry.protocol, 16), state=clean(entry.state, 16))
