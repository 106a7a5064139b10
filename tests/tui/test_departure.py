"""The dashboard ends, and lets the hosts go, also when its output is stuck or its terminal has gone."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hostgw_tui.departure import Departure, Patience
from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import settle

BOUND_S = 60
QUICK, PATIENT = ("0.2", "600", "0.1"), ("600", "600", "0")


class Stuck:
    """`tests.tui.stuck` in a terminal that is read until the dashboard floods it."""

    def __init__(self, directory: Path, patience: tuple[str, ...]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
            argv = [sys.executable, "-m", "tests.tui.stuck", str(directory), *patience]
            os.execv(sys.executable, argv)  # noqa: S606
        self.process = os.pidfd_open(self.pid)
        self.code: int | None = None
        for _ in range(BOUND_S * 20):
            if (directory / "flooding").exists():
                return
            assert not self.ended(0.05)
            if select.select([self.terminal], [], [], 0)[0]:
                os.read(self.terminal, 1 << 16)
        raise TimeoutError("it did not start")

    def ended(self, seconds: float) -> bool:
        """Wait for the end, for so long."""
        if self.code is None and select.select([self.process], [], [], seconds)[0]:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code is not None

    def hang_up(self) -> None:
        os.close(self.terminal)
        self.terminal = -1

    def close(self) -> None:
        if not self.ended(0):
            os.kill(self.pid, signal.SIGKILL)
            self.ended(BOUND_S)
        os.close(self.process)
        if self.terminal >= 0:
            self.hang_up()


@contextmanager
def stuck(directory: Path, patience: tuple[str, ...] = QUICK) -> Iterator[Stuck]:
    dashboard = Stuck(directory, patience)
    try:
        yield dashboard
    finally:
        dashboard.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_what_cannot_write(tmp_path: Path, number: signal.Signals) -> None:
    with stuck(tmp_path) as dashboard:
        os.kill(dashboard.pid, number)
        assert dashboard.ended(BOUND_S)
        assert dashboard.code == 128 + number
        assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("ignored", [False, True], ids=["told", "ignored"])
def test_a_lost_terminal_ends_it(tmp_path: Path, ignored: bool) -> None:
    if ignored:
        (tmp_path / "nohup").touch()
    with stuck(tmp_path) as dashboard:
        dashboard.hang_up()
        assert dashboard.ended(BOUND_S)
        assert dashboard.code == 128 + signal.SIGHUP
        assert (tmp_path / "stopped").exists()


def test_hosts_that_do_not_let_go_do_not_hold_it(tmp_path: Path) -> None:
    (tmp_path / "hang").touch()
    with stuck(tmp_path, ("0.2", "0.2", "0.1")) as dashboard:
        os.kill(dashboard.pid, signal.SIGTERM)
        assert dashboard.ended(BOUND_S)
        assert dashboard.code == 143


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with stuck(tmp_path, PATIENT) as dashboard:
        os.kill(dashboard.pid, signal.SIGTERM)
        for _ in range(BOUND_S * 10):
            if dashboard.ended(0.1):
                break
            os.kill(dashboard.pid, signal.SIGTERM)
        assert dashboard.code == 143
        assert not (tmp_path / "stopped").exists()


@contextmanager
def departure(leave: Callable[[int], None], stop: Callable[[], None], patience: Patience) -> Iterator[Departure]:
    keyboard, terminal = pty.openpty()
    try:
        with Departure(leave, stop, terminal, patience) as entered:
            yield entered
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_one_hang_up_told_twice_is_one() -> None:
    """Were the second one a second wish, this test's process would end."""
    left = threading.Event()
    stopped: list[str] = []
    with departure(lambda code: left.set(), lambda: stopped.append("stopped"), Patience(600, 600, 600)) as entered:
        os.kill(os.getpid(), signal.SIGTERM)
        assert left.wait(BOUND_S)
        os.kill(os.getpid(), signal.SIGTERM)
        entered.stop()
    assert stopped == ["stopped"]


def test_signals_are_given_back_also_after_an_error() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
    with suppress(ZeroDivisionError), departure(lambda code: None, lambda: None, Patience()):
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)] == before


async def test_leave_comes_from_any_thread(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        thread = threading.Thread(target=app.leave, args=(143,))
        thread.start()
        thread.join()
        while app.return_code is None:
            await pilot.pause()
    assert app.return_code == 143


async def test_leave_before_the_first_frame(make: Make) -> None:
    app = make(one_missing())
    app.leave(143)
    await app.run_async(headless=True)
    assert app.return_code == 143
