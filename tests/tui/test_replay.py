"""A recording in the dashboard: where it stands, the keys that move it, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from hostgw.live.replay import Position, Replay
from hostgw_tui.app import HostgwApp
from hostgw_tui.replay.times import S, clock, span, wanted_time
from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import screen_text, settle
from tests.unit.test_recording import recorded
from tests.unit.test_replay import with_capture

BEGIN = 1_700_000_000 * S  # 22:13:20 UTC
PLACE = Position(BEGIN + 60 * S, BEGIN, BEGIN + 600 * S, False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("start", 0),
        (" END ", 600),
        ("22:14:00", 40),
        ("1:05", 65),
        ("+30", 90),
        ("-30s", 30),
        ("-300", 0),
        ("50%", 300),
    ],
)
def test_times_as_people_write_them(text: str, seconds: int) -> None:
    assert wanted_time(text, PLACE) == BEGIN + seconds * S


@pytest.mark.parametrize("text", ["", "noon", "25:00:00", "22:12:00", "23:00:00", "99:00", "200%"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a time is|the recording is from 22:13:20 to 22:23:20"):
        wanted_time(text, PLACE)


def test_a_recording_that_goes_over_midnight() -> None:
    begin = BEGIN + 6400 * S  # 23:59:60, so to say
    place = Position(begin, begin - 30 * S, begin + 600 * S, False)
    assert clock(wanted_time("00:05:00", place)) == "00:05:00"
    assert wanted_time("00:05:00", place) > begin
    assert (span(65 * S), span(3665 * S)) == ("1:05", "1:01:05")


def made(tmp_path: Path) -> HostgwApp:
    replay = Replay(recorded(tmp_path / "r", with_capture))
    return HostgwApp(replay, clock=replay.clock)


async def until(pilot: Pilot[None], fact: Callable[[str], bool]) -> str:
    """Wait for a fact on the screen."""
    ends = time.monotonic() + 20
    while not fact(text := screen_text(pilot.app)):  # type: ignore[arg-type]
        assert time.monotonic() < ends, text
        await pilot.pause(0.05)
    return text


def said(app: HostgwApp, text: str) -> bool:
    """Tell whether some toast has said it."""
    return any(text in note.message for note in app._notifications)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_keys_move_it(size: tuple[int, int], tmp_path: Path) -> None:
    app = made(tmp_path)
    try:
        async with app.run_test(size=size) as pilot:
            text = await until(pilot, lambda text: "✓ healthy" in text)
            assert "‖ 22:13:20" in text
            assert "0:00/0:20" in text
            assert "space play/pause" in text
            await pilot.press("full_stop")
            await until(pilot, lambda text: "route-missing" in text and "22:13:30" in text)
            await pilot.press("comma")
            await until(pilot, lambda text: "✓ healthy" in text)
            await pilot.press("g", *"0:12")
            assert "22:13:32" in screen_text(app)
            await pilot.press("enter")
            await until(pilot, lambda text: "route-missing" in text and "0:12/0:20" in text)
            await pilot.press("right_curly_bracket", "space")
            text = await until(pilot, lambda text: "▶ x2" in text)
            await pilot.press("space")
            await until(pilot, lambda text: "‖ x2" in text)
    finally:
        app.engine.stop()


async def test_it_shows_its_capture_and_refuses_what_needs_hosts(tmp_path: Path) -> None:
    app = made(tmp_path)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.press("5", "g", *"end", "enter")
            text = await until(pilot, lambda text: "● RECORDED" in text and "Echo" in text)
            assert "10.239.1.2" in text
            await pilot.press("g", *"start", "enter")
            await until(pilot, lambda text: "no capture" in text)
            await pilot.press("s")
            await until(pilot, lambda _: said(app, "this is a recording"))
            await pilot.press("1", "full_stop")
            await until(pilot, lambda text: "route-missing" in text)
            await pilot.press("f", "a")
            await until(pilot, lambda _: said(app, "a recording: nothing can be changed"))
            await pilot.press("escape", "r")
            await until(pilot, lambda _: said(app, "no host can be asked"))
            await pilot.press("q")
        assert app.return_code == 0  # nothing is at stake
    finally:
        app.engine.stop()


async def test_help_and_palette_know_what_moves_it(tmp_path: Path) -> None:
    app = made(tmp_path)
    try:
        async with app.run_test(size=(100, 60)) as pilot:
            await until(pilot, lambda text: "✓ healthy" in text)
            await pilot.press("question_mark")
            text = await until(pilot, lambda text: "In this recording" in text)
            assert "go to a time" in text
            assert "mark this time" in text
            assert "freeze the picture" not in text
            await pilot.press("escape", "colon", *"compare")
            await until(pilot, lambda text: "compare (=)" in text)
    finally:
        app.engine.stop()


async def test_it_stands_still_where_the_first_finding_comes_and_then_goes_on(tmp_path: Path) -> None:
    app = made(tmp_path)
    app.stops_at_finding = True
    replay = app.replay
    assert replay is not None
    replay.hurry(16)
    replay.play(True)
    try:
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda text: "route-missing" in text and "‖" in text)
            assert said(app, "Something broke")
            await pilot.press("space")
            assert replay.position.playing
            await until(pilot, lambda _text: replay.now_ns() >= replay.recording.end_ns)
    finally:
        app.engine.stop()


async def test_without_a_recording_its_keys_do_nothing(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await pilot.press("comma", "full_stop", "right_curly_bracket")
        await settle(pilot)
        assert screen_text(app) == before
        assert "play/pause" not in before


async def test_two_times_are_compared_and_what_changed_is_told(tmp_path: Path) -> None:
    app = made(tmp_path)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until(pilot, lambda text: "✓ healthy" in text)
            await pilot.press("equals_sign")
            await until(pilot, lambda _: said(app, "marked 22:13:20"))
            await pilot.press("full_stop")
            text = await until(pilot, lambda text: "route-missing · since 22:13:30" in text)
            assert "22:13:30 - vm1 route 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static" in text
            await pilot.press("equals_sign")
            text = await until(pilot, lambda text: "from 22:13:20 to 22:13:30" in text)
            assert "+ vm1 error route-missing" in text
            await pilot.press("escape", "E")
            await until(pilot, lambda text: "what changed" in text)
            await pilot.press("escape", "comma")
            await until(pilot, lambda text: "✓ healthy" in text and "changes" not in text)
    finally:
        app.engine.stop()
