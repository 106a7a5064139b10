"""Applying plans on real hosts: what `plans.apply` needs of sessions and views."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from hostgw.errors import HostError, HostgwError
from hostgw.live.view import View
from hostgw.live.volley import Ask, Shot, volley
from hostgw.model.host_state import HostState
from hostgw.model.probe import Place
from hostgw.plans.apply import UNKNOWN, Order
from hostgw.plans.running import Run
from hostgw.probing.choose import around
from hostgw.ssh.fresh import Fresh
from hostgw.ssh.lifeline import Cut
from hostgw.ssh.session import Session
from hostgw.wire import Applied, Arm, Confirm, Extend, Guarded, Refresh, Request, RollBack

ARM_S = 150.0
"""Making many changes takes long: tools wait for their locks, daemons restart."""
GUARD_S = 10.0
CONNECT_S, CONFIRM_S = 90.0, 10.0
READ_S = 3.0
"""How long a host may take to read everything once."""
PROBE_MS, PROBE_S = 700, 2.0
_CONFIRM = 1
"""The id of the one question that a fresh connection is asked."""

Pair = tuple[Place, Place]


@dataclass
class LiveHosts:
    """The hosts of a running engine."""

    sessions: Mapping[str, Session]
    ask: Ask
    tell: Callable[[str, Request], None]
    view: Callable[[], View]
    wait: Callable[[Callable[[View], bool], float], View]
    ask_flows: Callable[[Sequence[str]], None]
    operator: str
    _opened: dict[str, Fresh] = field(default_factory=dict)

    # ---- connections ----

    def prepare(self, hosts: Sequence[str]) -> None:
        """Open the connections for the confirms where a person has to answer for each."""
        for host in hosts:
            if self.sessions[host].asks_each_time:
                self._opened[host] = self.sessions[host].fresh().open()

    def close(self) -> None:
        """Close connections that were not needed."""
        while self._opened:
            self._opened.popitem()[1].close()

    def rtt_s(self, host: str) -> float:
        """Return the round trip to a host."""
        return self.view().fabric.hosts[host].rtt_ns / 1e9

    # ---- guards ----

    def arm(self, host: str, order: Order) -> Applied:
        """Have a guard make changes."""

        def request(number: int) -> Arm:
            times = (order.ttl_s, order.watch_s, order.keep_s)
            return Arm(number, order.token, order.changes, order.title, order.operator, *times, order.undo)

        asked = self.sessions[host].request(request, ARM_S)
        try:
            return cast("Applied", asked.result(ARM_S + 1))
        except HostgwError as error:
            return Applied(0, UNKNOWN, detail=error.without_host)

    def confirm(self, host: str, token: str) -> Guarded:
        """Confirm over a new connection."""
        opened = self._opened.pop(host, None)
        fresh = opened or self.sessions[host].fresh()
        late = threading.Timer(CONNECT_S, fresh.close)
        late.start()
        try:
            return (opened or fresh.open()).ask(Confirm(_CONFIRM, token), _CONFIRM, CONFIRM_S)
        except Cut:
            raise HostError(HostState.TIMEOUT, "no connection in time", host=host) from None
        finally:
            late.cancel()
            fresh.close()

    def extend(self, host: str, token: str, seconds: float) -> None:
        """Have a guard wait longer."""
        self.ask(host, lambda number: Extend(number, token, seconds), GUARD_S)

    def roll_back(self, host: str, guard: str) -> Guarded:
        """Have a guard take everything back now."""
        asked = self.ask(host, lambda number: RollBack(number, guard, self.operator), GUARD_S)
        return cast("Guarded", asked.result(GUARD_S + 1))

    # ---- verifying ----

    def remaining(self, findings: Sequence[str], hosts: Sequence[str], seconds: float, run: Run) -> tuple[str, ...]:
        """Have the hosts read again and wait until findings are gone; return those that are not."""
        ids = frozenset(findings)

        def left(view: View) -> tuple[str, ...]:
            return tuple(found.id for found in view.findings if found.id in ids)

        before = self.view().fabric.hosts
        for host in hosts:
            self.tell(host, Refresh())
        self.ask_flows(hosts)

        def read_again(view: View) -> bool:
            return all(view.fabric.hosts[host].rounds > before[host].rounds for host in hosts)

        until = time.monotonic() + max(seconds, READ_S)

        def settled(view: View) -> bool:
            return run.wants_back or (read_again(view) and (not seconds or not left(view)))

        while True:
            view = self.wait(settled, _slice(until))
            if settled(view) or time.monotonic() >= until:
                return left(view)

    def passing(self, hosts: Sequence[str]) -> tuple[Pair, ...]:
        """Send probes around these hosts; return those that were answered."""
        view = self.view()
        return self._answered(around(view.fabric, view.mesh, hosts))

    def failing(self, probes: object) -> tuple[str, ...]:
        """Send them again; return those that are not answered now, in words."""
        pairs = cast("tuple[Pair, ...]", probes)
        answered = set(self._answered(pairs))
        return tuple(f"ping {pair[0]} to {pair[1]}" for pair in pairs if pair not in answered)

    def _answered(self, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
        hosts = self.view().fabric.hosts
        numbers = count(1)
        shots = {next(numbers): pair for pair in pairs if hosts[pair[0].host].state is HostState.UP}
        fired = [Shot(number, *pair, count=2, timeout_ms=PROBE_MS) for number, pair in shots.items()]
        found = volley(fired, self.ask, time.monotonic() + PROBE_S)
        return tuple(pair for number, pair in shots.items() if found[number].replies)


def _slice(until: float) -> float:
    """Return how long to wait at once: whoever asks to take it back does not wake us."""
    return max(0.0, min(0.25, until - time.monotonic()))
