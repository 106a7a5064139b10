from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from hostgw_tui.turns import FOR_S, SHORT_S, USUAL_S, Turns


class Loop:
    """A clock, and what is to be called when it has gone on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due, self.calls = [c for c in self.calls if c[0] <= self.now], [c for c in self.calls if c[0] > self.now]
        for _, call in due:
            call()


@pytest.fixture
def loop() -> Iterator[Loop]:
    before = sys.getswitchinterval()
    yield Loop()
    sys.setswitchinterval(before)


def test_turns_are_short_after_a_key_and_long_again_when_none_comes(loop: Loop) -> None:
    turns = Turns(loop.later, lambda: loop.now)
    turns.shorten()
    assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    loop.pass_by(FOR_S)
    assert sys.getswitchinterval() == pytest.approx(USUAL_S)
    assert loop.calls == []


def test_every_key_prolongs_it_with_one_timer(loop: Loop) -> None:
    turns = Turns(loop.later, lambda: loop.now)
    for _ in range(10):
        turns.shorten()
        loop.pass_by(FOR_S / 4)
        assert len(loop.calls) == 1
    assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    loop.pass_by(FOR_S)
    assert sys.getswitchinterval() == pytest.approx(USUAL_S)
