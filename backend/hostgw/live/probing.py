"""One round of active checks: listen on the hosts, probe between them, ask who holds which address."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Final, Protocol, cast

from msgspec import structs

from hostgw.clean import clean
from hostgw.errors import HostgwError
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.live.volley import Answered, Shot, volley
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number
from hostgw.model.probe import Claims, Place, ProbeResult, Probes
from hostgw.probing.choose import Asking, Choice, choose
from hostgw.probing.sightings import Spot, by_token, observed
from hostgw.probing.sizes import MOST_SEARCHES, ROUNDS, SMALL, Search, payload, tried
from hostgw.probing.verdict import Verdict, verdict
from hostgw.wire import ArpProbe, ArpProbeReply, Listen, ListenReply, Reply, Request, Sighting, Unlisten

BUDGET_S: Final = 20.0
"""After so long nothing more is sent."""
LISTEN_S: Final = 30.0
READY_S: Final = 3.0
"""How long a host may take to count."""
GATHER_S: Final = 3.0
"""How long answers may take."""
ARP_MS: Final = 400
LARGE_MS: Final = 500
FINE: Final = frozenset({Verdict.ANSWERED})


class Hosts(Protocol):
    """What a round needs of the engine."""

    def view(self) -> View:
        """Return the current picture."""

    def wait(self, ready: Callable[[View], bool], timeout: float) -> View:
        """Wait until `ready` of the view holds or the time is over; return the view then."""

    def ask(self, host: str, make: Callable[[int], Request], timeout: float = ..., /) -> Future[Reply]:
        """Send a request; its reply, or an error, comes in the future."""

    def tell(self, host: str, request: Request) -> None:
        """Send a request that has no reply, if the host is there."""

    def sample(self, hosts: Iterable[str]) -> None:
        """Have hosts sample what they count from now on: what comes later is compared with the first."""


@dataclass
class Round:
    """One round; `run` does all of it."""

    hosts: Hosts
    limit: int | None = None
    _base: int = field(default_factory=lambda: (secrets.randbelow(0xFFFF) + 1) << 16)
    _tokens: int = 0
    _until: float = field(default_factory=lambda: time.monotonic() + BUDGET_S)

    def run(self) -> Probes:
        """Send the probes and return what came of them."""
        view = self.hosts.view()
        choice = choose(view.fabric, view.mesh, self.limit, Random(self._base))  # noqa: S311 - a sample, no secret
        names = sorted({place.host for place in choice.places})
        listening = self._listen(choice)
        self.hosts.sample(names)
        self._counted(names)  # an agent does one thing after the other: now its listeners stand
        asked = self._ask_for_addresses(choice.askings)
        found = self._small(choice)
        claims = tuple(self._claims(asked))
        self._large(found)
        if view.listed or any(verdict(result) not in FINE for result in found.values()):
            self._counted(names)
        heard = by_token(self._heard(listening))
        seen = (observed(result, heard.get(token, {})) for token, result in found.items())
        now = self.hosts.view()
        return Probes(tuple(_alive(result, now) for result in seen), claims, choice.skipped)

    def _token(self) -> int:
        self._tokens += 1
        return self._base | (self._tokens & 0xFFFF)

    # ---- listening and counting ----

    def _listen(self, choice: Choice) -> dict[Spot, tuple[int, Future[Reply]]]:
        """Have every namespace that a probe should pass note what it sees."""
        places = choice.places
        spots = dict.fromkeys([*((p.host, 0) for p in places), *((p.host, p.ns) for p in places)])
        found: dict[Spot, tuple[int, Future[Reply]]] = {}
        for host, ns in spots:
            numbers: list[int] = []
            make = partial(_listener, numbers=numbers, ns=ns, token=self._base)
            future = self.hosts.ask(host, make, LISTEN_S + 5)
            found[host, ns] = (numbers[0] if numbers else 0, future)
        return found

    def _counted(self, names: Iterable[str]) -> None:
        """Wait until each host has counted once more; one that went will not."""
        wanted, since = tuple(names), time.monotonic()

        def counted(view: View) -> bool:
            return all(_has_counted(view.fabric.hosts[name], since) for name in wanted)

        self.hosts.wait(counted, READY_S)

    def _heard(self, listening: dict[Spot, tuple[int, Future[Reply]]]) -> dict[Spot, tuple[Sighting, ...]]:
        found: dict[Spot, tuple[Sighting, ...]] = {}
        for (host, _), (number, _) in listening.items():
            self.hosts.tell(host, Unlisten(number))
        until = time.monotonic() + GATHER_S
        for spot, (_, future) in listening.items():
            with suppress(HostgwError, TimeoutError):  # who cannot be heard has seen nothing
                reply = cast("ListenReply", future.result(max(0.0, until - time.monotonic())))
                found[spot] = tuple(_cleaned(s) for s in reply.sightings if _sound(s))
        return found

    # ---- probing ----

    def _small(self, choice: Choice) -> dict[int, ProbeResult]:
        """Send the ordinary probes; return the results by token."""
        shots = [Shot(self._token(), *pair) for pair in choice.pairs]
        answered = volley(shots, self.hosts.ask, self._until)
        return {shot.token: _result(shot, answered[shot.token]) for shot in shots}

    def _large(self, found: dict[int, ProbeResult]) -> None:
        """Try, where small packets are answered, the largest that the containers send; where it is lost, how large."""
        open_: dict[int, Search] = {}
        for token, result in found.items():
            size = tried(min(result.source.mtu, result.destination.mtu))
            if result.received and not result.to_gateway and size:
                open_[token] = Search(SMALL, size)
        for _ in range(2):  # one lost packet proves nothing
            open_ = self._whole(found, open_)
        searches = dict(list(open_.items())[:MOST_SEARCHES])
        for _ in range(ROUNDS):
            searches = self._narrowed(found, searches)
            for token, search in searches.items():
                found[token] = replace(found[token], largest=search.passes)

    def _whole(self, found: dict[int, ProbeResult], open_: dict[int, Search]) -> dict[int, Search]:
        """Send each pair its largest packet; return those whose was lost without a word."""
        shots = {t: self._sized(found[t], search.fails, 2) for t, search in open_.items()}
        answered = volley(shots.values(), self.hosts.ask, self._until)
        for token, shot in shots.items():
            size, back = open_[token].fails, answered[shot.token]
            if back.error:
                continue
            largest = size if back.replies else 0
            found[token] = replace(found[token], size=size, largest=largest, too_big=back.refused)
        return {token: search for token, search in open_.items() if found[token].large_vanish}

    def _narrowed(self, found: dict[int, ProbeResult], searches: dict[int, Search]) -> dict[int, Search]:
        """Send several sizes at once for each search; return what is known then."""
        shots = [
            (token, size, self._sized(found[token], size, 2))
            for token, search in searches.items()
            if not search.over
            for size in search.sizes
        ]
        answered = volley((shot for _, _, shot in shots), self.hosts.ask, self._until)
        passed: dict[int, list[int]] = defaultdict(list)
        unknown = {token for token, _, shot in shots if answered[shot.token].error}
        for token, size, shot in shots:
            passed[token] += [size] if answered[shot.token].replies else []
        return {t: s if s.over or t in unknown else s.learnt(passed[t]) for t, s in searches.items()}

    def _sized(self, result: ProbeResult, size: int, count: int) -> Shot:
        return Shot(self._token(), result.source, result.destination, payload(size), count, LARGE_MS, True)

    # ---- who holds which address ----

    def _ask_for_addresses(self, askings: tuple[Asking, ...]) -> list[tuple[str, list[Asking], Future[Reply]]]:
        groups: dict[tuple[str, int], list[Asking]] = defaultdict(list)
        for asking in askings:
            groups[asking.prober, asking.index].append(asking)
        return [(host, group, self.hosts.ask(host, partial(_arp, group))) for (host, _), group in groups.items()]

    def _claims(self, asked: list[tuple[str, list[Asking], Future[Reply]]]) -> Iterator[Claims]:
        for host, group, future in asked:
            with suppress(HostgwError, TimeoutError):
                reply = cast("ArpProbeReply", future.result(GATHER_S))
                for asking in group:
                    macs = (clean(a.mac, 20) for a in reply.answers if a.address == asking.address)
                    yield Claims(host, asking.owner, asking.address, tuple(dict.fromkeys(macs)))


def _listener(number: int, numbers: list[int], ns: int, token: int) -> Listen:
    numbers.append(number)
    return Listen(number, ns, token, LISTEN_S)


def _arp(group: list[Asking], number: int) -> ArpProbe:
    return ArpProbe(number, group[0].index, tuple(asking.address for asking in group), ARP_MS)


def _has_counted(host: Host, since: float) -> bool:
    return host.state is not HostState.UP or any(sample.at > since for sample in host.samples)


def _result(shot: Shot, back: Answered) -> ProbeResult:
    ttl = min((answer.ttl for answer in back.replies), default=0)
    return ProbeResult(
        *(shot.source, shot.destination, len(back.answers), len(back.replies)), back.refused, ttl, error=back.error
    )


def _alive(result: ProbeResult, view: View) -> ProbeResult:
    """Return a result, or that nothing is known of it because one of its ends has gone meanwhile."""
    if not result.error and not result.unanswered:
        return result
    for end in (result.source, result.destination):
        if gone := _gone(end, view.fabric.hosts[end.host]):
            return replace(result, error=gone)
    return result


def _gone(place: Place, host: Host) -> str:
    if host.state is not HostState.UP or host.snapshot is None:
        return f"{host.name} is not connected any more"
    return "" if place.ns in host.snapshot.namespaces else f"{place} is gone"


def _sound(sighting: Sighting) -> bool:
    """Tell whether what a host says it saw has addresses."""
    with suppress(ValueError):
        return address_number(sighting.source) >= 0 and address_number(sighting.destination) >= 0
    return False


def _cleaned(sighting: Sighting) -> Sighting:
    return structs.replace(sighting, device=clean(sighting.device, 32))
