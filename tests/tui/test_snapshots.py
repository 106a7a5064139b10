"""Pictures of every screen. Look at the report before `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from hostgw.fabric import Fabric
from hostgw_tui.app import HostgwApp
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import broken, connecting, counters, many_faults, one_missing, related, settled
from tests.tui.reading import engine_of, settle
from tests.tui.traffic import FakeTraffic

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40)]


def keys(*pressed: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys one after the other, each when the one before has had its effect."""

    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        for key in pressed:
            await pilot.press(key)
            await settle(pilot)

    return run


def faults() -> Fabric:
    return counters(many_faults(), 1000)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", ["1", "2", "3", "4", "5"])
def test_screen(snap_compare: Compare, make: Make, screen: str, size: tuple[int, int]) -> None:
    assert snap_compare(make(faults()), run_before=keys(screen), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_packets(snap_compare: Compare, make: Make, size: tuple[int, int]) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start

    async def run(pilot: Pilot[None]) -> None:
        await keys("5", "s")(pilot)
        traffic.pings(8)
        await keys("up")(pilot)

    assert snap_compare(app, run_before=run, terminal_size=size)


@pytest.mark.parametrize("pressed", [("f",), ("f", "a"), ("enter",), ("question_mark",), ("i",)], ids="-".join)
def test_dialog(snap_compare: Compare, make: Make, pressed: tuple[str, ...]) -> None:
    assert snap_compare(make(one_missing()), run_before=keys(*pressed), terminal_size=(80, 24))


@pytest.mark.parametrize("pressed", [("5", "t"), ("5", "p")], ids="-".join)
def test_capture_dialog(snap_compare: Compare, make: Make, pressed: tuple[str, ...]) -> None:
    assert snap_compare(make(settled(healthy())), run_before=keys(*pressed), terminal_size=(80, 24))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("pressed", [(), ("enter",), ("tab", "enter")], ids=["list", "cause", "notices"])
def test_causes(snap_compare: Compare, make: Make, pressed: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(make(settled(healthy()), extra=related()), run_before=keys(*pressed), terminal_size=size)


STATES: dict[str, Callable[[], Fabric]] = {
    "empty": Fabric,
    "connecting": connecting,
    "broken": broken,
    "healthy": lambda: settled(healthy()),
    "many": lambda: one_missing(64),
}


@pytest.mark.parametrize("state", STATES)
def test_state(snap_compare: Compare, make: Make, state: str) -> None:
    assert snap_compare(make(STATES[state]()), run_before=keys(), terminal_size=(80, 24))


@pytest.mark.parametrize("host", [1, 2], ids=["stale", "unreachable"])
def test_host_state(snap_compare: Compare, make: Make, host: int) -> None:
    pressed = ("3", *["right_square_bracket"] * host)
    assert snap_compare(make(broken()), run_before=keys(*pressed), terminal_size=(80, 24))


def test_too_small(snap_compare: Compare, make: Make) -> None:
    assert snap_compare(make(one_missing()), run_before=keys(), terminal_size=(50, 12))


@pytest.mark.parametrize("theme", ["hostgw-light", "ansi-dark"])
def test_theme(snap_compare: Compare, make: Make, theme: str) -> None:
    def themed() -> HostgwApp:
        app = make(faults())
        app.theme = theme
        return app

    assert snap_compare(themed(), run_before=keys(), terminal_size=(80, 24))


def test_ascii(snap_compare: Compare, make: Make) -> None:
    options: dict[str, Any] = {"ascii": True}
    assert snap_compare(make(faults(), **options), run_before=keys("f"), terminal_size=(80, 24))


def test_read_only(snap_compare: Compare, make: Make) -> None:
    assert snap_compare(make(one_missing(), read_only=True), run_before=keys("f"), terminal_size=(80, 24))
