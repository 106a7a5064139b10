"""Pictures of every screen. Look at the report before `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from hostgw.fabric import Fabric
from hostgw.model.change import SysctlChange
from hostgw.model.guard import Guard, GuardState
from hostgw_tui.app import HostgwApp
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import WALL_CLOCK, bare, broken, connecting, counters, many_faults, one_missing, related, settled
from tests.tui.reading import engine_of, settle
from tests.tui.test_undo import OTHER, RIGHT, record, route, with_route
from tests.tui.traffic import FakeTraffic
from tests.unit.test_setup import stripped

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
@pytest.mark.parametrize("screen", ["1", "2", "3", "4", "5", "6"])
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


LANES: dict[str, tuple[str, ...]] = {
    "lanes": ("v",),
    "open": ("t", "c", "enter", "v", "z", "right"),
    "flow": ("c", "v"),
    "ladder": ("e",),
    "diff": ("tab", "space", "down", "down"),
}


@pytest.mark.parametrize(
    ("state", "size"),
    [
        ("lanes", (80, 24)),
        ("lanes", (120, 40)),
        ("lanes", (160, 50)),
        ("open", (80, 24)),
        ("flow", (120, 40)),
        ("ladder", (80, 24)),
        ("ladder", (120, 40)),
        ("diff", (80, 24)),
        ("diff", (120, 40)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_lanes(snap_compare: Compare, make: Make, state: str, size: tuple[int, int]) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start

    async def run(pilot: Pilot[None]) -> None:
        await keys("5", "s")(pilot)
        if state == "open":
            await keys(*LANES[state])(pilot)
        traffic.pings(6)
        traffic.pings(1, first=8, answered=False)
        traffic.pings(1, first=60)
        await keys("up")(pilot)
        if state != "open":
            await keys(*LANES[state])(pilot)

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


def undone(fabric: Fabric, make: Make) -> HostgwApp:
    """A journal with an entry of each sort, and somebody's pending change."""
    guard = Guard("ab12", "a route to 10.239.2.0/24", "bob", GuardState.APPLIED, left_s=23.0)
    app = make(fabric.with_host(replace(fabric.hosts["vm2"], guards=(guard,))))
    forwarding = SysctlChange({"net/ipv4/ip_forward": "0"}, {"net/ipv4/ip_forward": "1"})
    moved = SysctlChange({"net/ipv4/conf/eth0/forwarding": "0"}, {"net/ipv4/conf/eth0/forwarding": "2"})
    record(app, "0a1b2c3d", route(None, RIGHT), at=WALL_CLOCK - 90_000)
    record(app, "1a1b2c3d", forwarding, at=WALL_CLOCK - 900)
    record(app, "2a1b2c3d", route(RIGHT, OTHER), at=WALL_CLOCK - 600)
    record(app, "3a1b2c3d", moved)
    return app


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("pressed", [(), ("G",), ("G", "s"), ("enter",)], ids=["list", "why", "since", "pending"])
def test_undo(snap_compare: Compare, make: Make, pressed: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(undone(with_route(OTHER), make), run_before=keys("u", *pressed), terminal_size=size)


def test_undo_of_nothing(snap_compare: Compare, make: Make) -> None:
    assert snap_compare(make(one_missing()), run_before=keys("u"), terminal_size=(80, 24))


SETUP: dict[str, tuple[str, ...]] = {
    "empty": (),
    "form": ("S",),
    "wrong": ("S", "tab", "tab", "tab", "down", "backspace"),
    "preview": ("S", "enter"),
    "made": ("S", "enter", "a", "escape"),
}


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("state", SETUP)
def test_setup(snap_compare: Compare, make: Make, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(make(bare()), run_before=keys(*SETUP[state]), terminal_size=size)


@pytest.mark.parametrize("action", ["join", "member('leave')", "member('attach')", "member('detach')"])
def test_member(snap_compare: Compare, make: Make, action: str) -> None:
    app = make(settled(stripped(healthy(4), "vm4")))

    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await app.run_action(f"app.{action}")
        await settle(pilot)

    assert snap_compare(app, run_before=run, terminal_size=(80, 24))


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


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", ["1", "2", "3", "4", "5", "6"])
@pytest.mark.parametrize("theme", ["hostgw-light", "ansi-dark"])
def test_theme(snap_compare: Compare, make: Make, theme: str, screen: str, size: tuple[int, int]) -> None:
    app = make(faults())
    app.theme = theme
    assert snap_compare(app, run_before=keys(screen), terminal_size=size)


def test_ascii(snap_compare: Compare, make: Make) -> None:
    options: dict[str, Any] = {"ascii": True}
    assert snap_compare(make(faults(), **options), run_before=keys("f"), terminal_size=(80, 24))


def test_read_only(snap_compare: Compare, make: Make) -> None:
    assert snap_compare(make(one_missing(), read_only=True), run_before=keys("f"), terminal_size=(80, 24))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_topology(snap_compare: Compare, make: Make, size: tuple[int, int]) -> None:
    assert snap_compare(make(settled(many_faults())), run_before=keys("t", "right"), terminal_size=size)


def test_topology_in_ascii(snap_compare: Compare, make: Make) -> None:
    assert snap_compare(make(broken(), ascii=True), run_before=keys("t"), terminal_size=(120, 40))
