"""`lab tour`: what the lessons say is what the lab's hosts do, and the lab is as before at their end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab, store
from hostgw_tui.tour.lessons import LESSONS
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab
LONG_S = 240
PREDICTED = re.compile(r"^  (\w+)( before the first tap)?, as predicted", re.MULTILINE)
BROKEN = {
    1: ("unanswered", "port-detached on vm2"),
    2: ("lost", "port-isolated on vm2"),
    3: ("lost", "subnet-unrouted on vm2"),
    4: ("lost", "route-missing on vm1"),
    5: ("lost", "forwarding-off on vm2"),
    6: ("unanswered", "masquerade-missing on vm1"),
    7: ("lost", "route-off-segment on vm1"),
}
"""What becomes of each lesson's probe while its fault stands, and what `check` says."""
NOTICED = {
    1: ("Nobody routed the probe: the same MAC addresses, source and TTL 64 at all 3 taps.",),
    2: ("Nobody routed the probe: the same MAC addresses, source and TTL 64 at all 4 taps.", "are isolated"),
    3: ("at vm2/c1/eth0, the last tap on its way, the TTL was 64",),
    4: ("at vm2/c1/eth0, the last tap on its way, the TTL was 63",),
    5: (
        "On vm1, from br0 to eth0, the probe was routed: the TTL fell from 64 to 63",
        "On vm2, from eth0 to br0, the probe was routed: the TTL fell from 63 to 62",
        "at vm2/c1/eth0, the last tap on its way, the TTL was 62",
        "last seen at vm2/eth0 with TTL 63: forwarding is off on vm2",
    ),
    6: (
        "the source of the probe was rewritten: 10.239.0.2 became 10.5.7.60 (SNAT)",
        "the destination of the answer was rewritten: 10.5.7.60 became 10.239.0.2",
    ),
    7: ("the TTL was 62", "last seen at vm1/br0 with TTL 64: nobody answers ARP for 10.9.9.9 on eth0 of vm1"),
}


def whole(lab: Lab) -> bool:
    return not labs.differences(store.baseline(lab.name), labs.state(lab))


def lessons(text: str) -> dict[int, str]:
    """The text of each lesson, in one line per paragraph as far as it was wrapped, tables as they are."""
    parts = re.split(r"^== (\d+)\. .* ==$", text, flags=re.MULTILINE)
    return {int(number): body for number, body in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_lesson_shows_what_happens(shared_lab: Lab, hostgw: Run) -> None:
    before = labs.state(shared_lab)
    found = lessons(hostgw("lab", "tour", shared_lab.name, "--all", code=0, timeout=LONG_S).stdout)
    assert list(found) == list(range(1, len(LESSONS) + 1)) == list(BROKEN) == list(NOTICED)
    for number, body in found.items():
        verdict, finding = BROKEN[number]
        assert [match[0] for match in PREDICTED.findall(body)] == ["answered", verdict], body
        joined = " ".join(body.split())
        for said in (finding, *NOTICED[number], "no finding is left, and the same probe is answered."):
            assert said in joined, (said, body)
    assert not labs.differences(before, labs.state(shared_lab))


def test_a_lab_that_was_changed_is_left_alone(shared_lab: Lab, hostgw: Run) -> None:
    try:
        labs.break_(shared_lab.name, "R4")
        done = hostgw("lab", "tour", shared_lab.name, "--lesson", "5", code=2)
        assert "is not as it was built" in done.stderr
        assert "vm1 routes" in done.stderr
        assert not whole(shared_lab)
    finally:
        labs.heal(shared_lab.name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_whoever_interrupts_leaves_a_healed_lab(shared_lab: Lab, state_home: Path, number: signal.Signals) -> None:
    argv = [sys.executable, "-m", "hostgw_tui", "lab", "tour", shared_lab.name, "--lesson", "5"]
    env = {**os.environ, "XDG_STATE_HOME": str(state_home)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, env=env) as tour:
        assert tour.stdout
        assert any("See it" in line for line in tour.stdout)
        broken = not whole(shared_lab)
        for _ in range(100):  # impatience must not keep it from healing
            tour.send_signal(number)
        tour.stdout.read()
        assert tour.wait(LONG_S) == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert broken
    assert whole(shared_lab)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuchlab",), "start it: hostgw-tui lab up nosuchlab --hosts 3"),
        (("nosuchlab", "--lesson", "8"), "They are numbered from 1 to 7"),
    ],
)
def test_what_is_not_there_is_told(hostgw: Run, words: tuple[str, ...], said: str) -> None:
    assert said in hostgw("lab", "tour", *words, code=2).stderr


def test_lessons_in_the_dashboard(shared_lab: Lab) -> None:
    try:
        argv = [sys.executable, "-m", "tests.lab.lesson_story", shared_lab.name]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LONG_S, check=False)
        assert done.stdout.strip().endswith("told"), done.stdout + done.stderr[-4000:]
        assert whole(shared_lab)
    finally:
        labs.heal(shared_lab.name)
