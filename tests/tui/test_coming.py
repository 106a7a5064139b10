"""The dashboard before there is an engine, and when it comes; or when it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import cast
from weakref import ref

import pytest
from textual import events

from hostgw.errors import UsageError
from hostgw.fabric import Host
from hostgw.live.replay import Replay
from hostgw.recording.reader import read
from hostgw_tui.app import HostgwApp
from hostgw_tui.coming import Coming, Made
from hostgw_tui.engine import Engine
from hostgw_tui.releasing import Releaser
from hostgw_tui.replay.bar import ReplayBar
from hostgw_tui.widgets.dialog import TextDialog
from tests.tui.fake import CLOCK, FakeEngine, one_missing
from tests.tui.reading import until

DEMO = Path(__file__).parents[2] / "tui" / "hostgw_tui" / "demo.jsonl.gz"
HOSTS = [Host("vm1", address="10.5.7.60"), Host("vm2", address="10.5.7.61")]


class Thing:
    """Something that can be watched going."""


def app_of(make: Callable[[], Made]) -> HostgwApp:
    return HostgwApp(cast("Engine", Coming(make, HOSTS)))


def waiting(path: Path) -> tuple[HostgwApp, threading.Event]:
    """An app whose engine comes when the event is set."""
    gate = threading.Event()

    def make() -> Made:
        gate.wait(30)
        return Made(FakeEngine(one_missing(), path), lambda: CLOCK)

    return app_of(make), gate


async def test_listed_hosts_are_shown_while_the_engine_is_made_and_then_what_it_knows(tmp_path: Path) -> None:
    gate = threading.Event()

    def make() -> Made:
        gate.wait(30)
        return Made(FakeEngine(one_missing(), tmp_path), lambda: CLOCK, ("a remark",), "a hint")

    app = app_of(make)
    async with app.run_test(size=(100, 30)) as pilot:
        assert list(app.shown.fabric.hosts) == ["vm1", "vm2"]
        assert not app.shown.fabric.readable
        gate.set()
        await until(pilot, lambda: bool(app.shown.listed))
        assert app.wall_clock() == CLOCK
        assert [notice.message for notice in app._notifications] == ["a remark", "a hint"]


async def test_a_recording_that_comes_brings_its_bar_and_its_clock() -> None:
    replay = Replay(read(DEMO))
    app = app_of(lambda: Made(replay, replay.clock))
    try:
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.replay is replay and bool(app.screen.query(ReplayBar)))
            assert app.now() == app.wall_clock() == replay.clock()
            await pilot.press("3")
            assert len(app.screen.query(ReplayBar)) == 1
    finally:
        replay.stop()


async def test_without_an_engine_the_dashboard_closes_and_says_why() -> None:
    def make() -> Made:
        raise UsageError("the recording cannot be read", "no such file")

    app = app_of(make)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.failed is not None)
    assert str(app.failed) == "the recording cannot be read: no such file"


@pytest.mark.parametrize("keys", ["f", "u", "S", "?", "3", ":"])
async def test_keys_before_a_failure_end_in_its_words(keys: str) -> None:
    gate = threading.Event()

    def make() -> Made:
        gate.wait(30)
        raise UsageError("the recording cannot be read", "no such file")

    app = app_of(make)
    async with app.run_test(size=(100, 30)) as pilot:
        app.post_message(events.Key(keys, keys))
        await until(pilot, lambda: bool(app._early))
        gate.set()
        await until(pilot, lambda: app.failed is not None)
    assert app._exception is None


async def test_keys_wait_for_the_engine_and_are_answered_in_turn(tmp_path: Path) -> None:
    app, gate = waiting(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("3", "?")
        assert app.current_mode == "overview"
        gate.set()
        await until(pilot, lambda: app.current_mode == "routes" and isinstance(app.screen, TextDialog))


async def test_leaving_does_not_wait_for_the_engine(tmp_path: Path) -> None:
    app, gate = waiting(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.return_code == 0)
    gate.set()


def test_what_a_stand_in_cannot_answer_waits_for_the_engine(tmp_path: Path) -> None:
    made: Future[Future[Made]] = Future()
    coming = Coming(lambda: Made(FakeEngine(one_missing(), tmp_path, read_only=True), lambda: 0.0), HOSTS)
    coming.begin(made.set_result)
    assert coming.read_only is True
    assert made.result(30).result().engine.read_only


def test_who_asks_before_the_first_picture_begins_it(tmp_path: Path) -> None:
    coming = Coming(lambda: Made(FakeEngine(one_missing(), tmp_path), lambda: 0.0), HOSTS)
    assert coming.watch_s == 15.0
    made: Future[Future[Made]] = Future()
    coming.begin(made.set_result)
    assert made.result(30).result().engine is not None


def test_leaving_before_anything_was_begun_makes_nothing() -> None:
    coming = Coming(lambda: pytest.fail("made all the same"), HOSTS)
    coming.stop()
    coming.begin(lambda made: None)


def test_leaving_while_the_engine_is_made_stops_it_when_it_is_there(tmp_path: Path) -> None:
    gate, engine = threading.Event(), FakeEngine(one_missing(), tmp_path)

    def make() -> Made:
        gate.wait(30)
        return Made(engine, lambda: 0.0)

    coming = Coming(make, HOSTS)
    coming.begin(lambda made: None)
    leaving = threading.Thread(target=coming.stop)
    leaving.start()
    assert "stop" not in engine.asked
    gate.set()
    leaving.join(30)
    assert "stop" in engine.asked


def test_what_is_released_goes_and_the_thread_ends() -> None:
    releaser, thing = Releaser(), Thing()
    known = ref(thing)
    releaser.take(thing)
    del thing
    releaser.stop()
    assert releaser._thread is not None
    releaser._thread.join(30)
    assert not releaser._thread.is_alive()
    assert known() is None
