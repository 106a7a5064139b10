"""Work in the background rests after a key, and yet goes on while a key is held down."""

from __future__ import annotations

from hostgw.checks.run import FABRIC_CHECKS, Checker
from hostgw.live.courtesy import REST_S, Courtesy
from hostgw.live.differences import differences
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
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


def test_the_checker_lets_others_go_first_before_each_host_that_it_checks_and_each_comparison() -> None:
    calls: list[None] = []
    fabric = healthy(3)
    checker, mesh = Checker(lambda: calls.append(None)), build(fabric)
    checker.run(fabric, mesh)
    assert len(calls) == 3 + len(FABRIC_CHECKS)
    calls.clear()
    checker.run(fabric, mesh)
    assert len(calls) == len(FABRIC_CHECKS)


def test_a_mesh_is_built_and_pictures_are_compared_with_others_going_first() -> None:
    calls: list[None] = []
    count = lambda: calls.append(None)  # noqa: E731
    fabric = healthy(3)
    before = View(fabric, build(fabric, memory=Memory(count)))
    assert len(calls) >= 3
    calls.clear()
    assert list(differences(before, View(healthy(3)), count)) == []
    assert len(calls) == 3
