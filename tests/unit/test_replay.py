"""A recording as an engine: it stands, steps, plays, and refuses what needs hosts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostgw.capture.tap_points import TapPoint
from hostgw.errors import CaptureError, HostgwError
from hostgw.live.replay import Replay
from hostgw.plans.model import Result
from hostgw.recording.tape import Tape
from tests.unit.capture_frames import echo, frame, ipv4
from tests.unit.test_recording import Clock, recorded

S = 1_000_000_000
LOST = "route-missing/vm1/10.239.1.0/24"


def with_capture(tape: Tape, clock: Clock) -> None:
    """One echo request at two taps, and a command that was run."""
    points = [TapPoint("vm1", 0, 2, "eth0"), TapPoint("vm2", 0, 2, "eth0")]
    frames = tape.capture(points, "icmp")
    tape.said("10:00:00 vm1: ip route add")
    for number, tap in enumerate((0, 1)):
        frames.write(tap, clock.ns + number * 1000, 98, tap == 0, frame(ipv4(1, echo(1), "10.239.0.2", "10.239.1.2")))
    frames.flush()


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    shown = Replay(recorded(tmp_path / "r", with_capture))
    shown.start()
    try:
        yield shown
    finally:
        shown.stop()


def until(fact: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < ends
        time.sleep(0.01)


def findings(replay: Replay) -> set[str]:
    return {found.id for found in replay.view().listed}


def test_it_stands_at_the_beginning_and_steps(replay: Replay) -> None:
    changed = threading.Event()
    replay.subscribe(changed.set)
    assert findings(replay) == set()
    assert not replay.position.playing
    replay.step(1)
    until(lambda: LOST in findings(replay))
    assert changed.is_set()
    assert replay.clock() == replay.recording.moments[1].time_ns / S
    replay.step(-1)
    until(lambda: findings(replay) == set())


def test_it_goes_to_a_time_and_no_further_than_its_ends(replay: Replay) -> None:
    replay.seek(replay.recording.begin_ns + 12 * S)
    until(lambda: LOST in findings(replay))
    assert replay.now_ns() == replay.recording.begin_ns + 12 * S
    replay.seek(0)
    assert replay.now_ns() == replay.recording.begin_ns
    replay.seek(1 << 62)
    assert replay.now_ns() == replay.recording.end_ns
    assert LOST in {found.id for found in replay.view_at(replay.recording.end_ns).listed}


def test_it_plays_to_the_end_and_stands(replay: Replay) -> None:
    replay.hurry(1000)
    replay.play(True)
    until(lambda: LOST in findings(replay) and not replay.position.playing)
    assert replay.now_ns() == replay.recording.end_ns
    replay.hurry(0.001)
    replay.play(True)  # once more from the beginning
    assert replay.now_ns() < replay.recording.begin_ns + S


def test_captures_show_what_they_had_seen(replay: Replay) -> None:
    assert replay.shown_capture is None
    assert replay.log == ()
    replay.seek(replay.recording.end_ns)
    until(lambda: replay.shown_capture is not None and replay.shown_capture.view(9).frames == 2)
    assert replay.shown_capture
    (journey,) = replay.shown_capture.view(9).journeys
    assert [sighting.tap for sighting in journey.sightings] == [0, 1]
    assert replay.log == ("10:00:00 vm1: ip route add",)
    replay.seek(0)
    until(lambda: replay.shown_capture is None)


def test_plans_are_shown_and_nothing_is_done(replay: Replay) -> None:
    replay.step(1)
    until(lambda: LOST in findings(replay))
    plan = replay.plan(replay.view().listed)
    assert [step.host for step in plan.steps] == ["vm1"]
    assert replay.apply(plan).result().result is Result.REFUSED
    with pytest.raises(CaptureError):
        replay.capture([])
    for refused in (replay.probe("vm1", 0, "10.0.0.1"), replay.conntrack("vm1"), replay.roll_back("vm1", "x")):
        assert isinstance(refused.exception(), HostgwError)
    for call in (replay.undo_plan, replay.undo_since, replay.persist_plan, replay.probe_all):
        with pytest.raises(HostgwError, match="recording"):
            call()
