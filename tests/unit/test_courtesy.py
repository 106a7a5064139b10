"""Work in the background rests after a key, and yet goes on while a key is held down."""

from __future__ import annotations

from hostgw.checks.run import Checker
from hostgw.live.courtesy import REST_S, Courtesy
from hostgw.mesh.build import build
from tests.fabrics import healthy


class Clock:
    """Time that goes on only by sleeping, or by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_rests_once_after_a_key() -> None:
    clock = Clock()
    courtesy = Courtesy(clock, clock.sleep)
    courtesy.give_way()
    assert clock.slept == 0
    courtesy.ask()
    courtesy.give_way()
    courtesy.give_way()
    assert abs(clock.slept - REST_S) < 1e-9


def test_works_half_of_the_time_while_a_key_is_held_down() -> None:
    clock = Clock()
    courtesy = Courtesy(clock, clock.sleep)
    begun = clock.now
    for _ in range(1000):
        courtesy.ask()
        courtesy.give_way()
        clock.now += 0.005
    assert 0.3 < clock.slept / (clock.now - begun) < 0.6


def test_the_checker_lets_others_go_first_only_where_it_has_work() -> None:
    calls: list[None] = []
    fabric = healthy(3)
    checker, mesh = Checker(lambda: calls.append(None)), build(fabric)
    checker.run(fabric, mesh)
    assert len(calls) == 3
    checker.run(fabric, mesh)
    assert len(calls) == 3
