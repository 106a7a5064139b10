"""Hosts for `plans.apply` that are no hosts: each answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hostgw.errors import HostgwError
from hostgw.model.change import Change
from hostgw.plans.apply import Order
from hostgw.plans.running import Run
from hostgw.plans.timing import Timing
from hostgw.wire import Applied, Guarded

QUICK = Timing(verify_s=0.0, between_s=0.0, watch_s=0.0)
Answer = Applied | HostgwError
T = TypeVar("T", Applied, Guarded)


class FakeHosts:
    """Notes what is asked; `act` does what a host would."""

    def __init__(self, act: Callable[[str, tuple[Change, ...]], Answer] | None = None) -> None:
        self.asked: list[str] = []
        self.act = act or (lambda host, changes: Applied(1, "applied"))
        self.orders: dict[str, Order] = {}
        self.left: Callable[[Sequence[str]], Sequence[str]] = lambda findings: ()
        self.unanswered: list[tuple[str, ...]] = []
        """What probes fail, round by round; none afterwards."""
        self.confirms: Callable[[str], Guarded | HostgwError] = lambda host: Guarded(1, True)
        self.takes_back: Callable[[str], Guarded | HostgwError] = lambda host: Guarded(1, True)
        self.back: Callable[[str], None] = lambda host: None

    def prepare(self, hosts: Sequence[str]) -> None:
        self.asked.append(f"prepare {' '.join(hosts)}")

    def rtt_s(self, host: str) -> float:
        return 0.001

    def passing(self, hosts: Sequence[str]) -> object:
        self.asked.append(f"probe {' '.join(hosts)}")
        return tuple(hosts)

    def failing(self, probes: object) -> tuple[str, ...]:
        self.asked.append("probe again")
        return self.unanswered.pop(0) if self.unanswered else ()

    def arm(self, host: str, order: Order) -> Applied:
        self.asked.append(f"arm {host}")
        self.orders[host] = order
        return _given(self.act(host, order.changes))

    def remaining(self, findings: Sequence[str], hosts: Sequence[str], seconds: float, run: Run) -> tuple[str, ...]:
        self.asked.append(f"verify {' '.join(hosts)}")
        return tuple(self.left(findings))

    def confirm(self, host: str, token: str) -> Guarded:
        assert token == self.orders[host].token
        self.asked.append(f"confirm {host}")
        return _given(self.confirms(host))

    def extend(self, host: str, token: str, seconds: float) -> None:
        self.asked.append(f"extend {host} {seconds:g}")

    def roll_back(self, host: str, guard: str) -> Guarded:
        self.asked.append(f"roll back {host}")
        self.back(host)
        return _given(self.takes_back(host))


def _given(answer: T | HostgwError) -> T:
    if isinstance(answer, HostgwError):
        raise answer
    return answer
