"""The undo dialog: what was done, what of it can be taken back and why not, one and all since."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from hostgw.fabric import Fabric
from hostgw.model.change import RouteChange, SysctlChange
from hostgw.model.guard import Guard, GuardState
from hostgw.model.kernel import Route
from hostgw.plans.journal import Intent, Journal, Made
from hostgw.plans.model import Result
from hostgw_tui.app import HostgwApp
from hostgw_tui.undo.screen import UndoDialog
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import NIC, healthy, routes, subnet
from tests.tui.conftest import Make
from tests.tui.fake import WALL_CLOCK, many_faults, one_missing, settled
from tests.tui.reading import engine_of, grid_text, reader_text, screen_text, settle
from tests.tui.test_story import dialog

RIGHT = Route(subnet(2), gateway="10.5.7.61", oif=NIC, protocol="static")
OTHER = Route(subnet(2), gateway="10.5.7.62", oif=NIC, protocol="static")


def record(app: HostgwApp, number: str, change: object, guard: str = "", at: float = WALL_CLOCK - 60) -> None:
    made = (Made("vm1", change, f"change {number}"),)  # type: ignore[arg-type]
    guards = {"vm1": guard} if guard else {}
    journal: Journal = engine_of(app).journal
    journal._write(Intent(number, at, "alice", f"title {number}", made, guards=guards))


def route(before: Route | None, after: Route | None) -> RouteChange:
    return RouteChange(254, subnet(2), (before,) if before else (), (after,) if after else ())


def with_route(held: Route) -> Fabric:
    return settled(routes(healthy(3), "vm1", lambda rows: [held if r.dst == subnet(2) else r for r in rows]))


async def opened(pilot: Pilot[None], *keys: str) -> None:
    await settle(pilot)
    for key in ("u", *keys):
        await pilot.press(key)
        await settle(pilot)


async def test_nothing_to_undo_is_said_plainly(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        text = screen_text(app)
        assert "─ Undo ─" in text
        assert "Nothing to undo." in text
        await pilot.press("enter", "s", "y")
        await settle(pilot)
        assert isinstance(app.screen, UndoDialog)
        await pilot.press("q")
        await settle(pilot)
        assert app.screen is app.screen_stack[0]


async def test_reasons_stand_beside_what_cannot_be_undone(make: Make) -> None:
    app = make(with_route(OTHER))
    record(app, "e1", route(None, RIGHT))
    record(app, "e2", route(RIGHT, OTHER))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        rows = grid_text(app, "#entries").splitlines()
        assert ["✓ can be undone" in row for row in rows[1:]] == [True, False]
        assert "undo e2 first" in rows[2]
        await pilot.press("down")
        await settle(pilot)
        assert "it stands on the route to 10.239.1.0/24 on vm1" in reader_text(app, "#entry")
        await pilot.press("enter")
        await settle(pilot)
        assert "✗ cannot be undone: undo e2 first" in reader_text(app, "#plan")
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, UndoDialog)


async def test_all_since_one_is_one_preview(make: Make) -> None:
    app = make(with_route(OTHER))
    record(app, "e1", SysctlChange({"net/ipv4/ip_forward": "0"}, {"net/ipv4/ip_forward": "1"}))
    record(app, "e2", route(None, RIGHT))
    record(app, "e3", route(RIGHT, OTHER))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "G", "s")
        assert "undo 3 changes, the newest first" in reader_text(app, "#plan")
        assert "[x]" not in reader_text(app, "#plan")
        await pilot.press("a")
        await settle(pilot)
        outcome = dialog(app).outcome
        assert outcome is not None
        assert outcome.result is Result.VERIFIED
        await pilot.press("escape")
        await settle(pilot)
        assert [line.split()[3] for line in grid_text(app, "#entries").splitlines()[2:]] == ["↶", "↶", "↶"]


async def test_a_middle_one_that_is_independent(make: Make) -> None:
    app = make(with_route(OTHER))
    record(app, "e1", route(None, RIGHT))
    record(app, "e2", SysctlChange({"net/ipv4/ip_forward": "0"}, {"net/ipv4/ip_forward": "1"}))
    record(app, "e3", route(RIGHT, OTHER))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "down", "enter", "a", "escape")
        states = {each.entry.id: each.left.value for each in engine_of(app).judged()}
        assert (states["e1"], states["e2"], states["e3"]) == ("another first", "undone", "can be undone")


async def test_somebody_elses_pending_change_is_shown_and_can_be_ended(make: Make) -> None:
    fabric = one_missing()
    guard = Guard("ab12", "a route", "bob", GuardState.APPLIED, left_s=23.0)
    app = make(fabric.with_host(replace(fabric.hosts["vm1"], guards=(guard,))))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        assert "◌ pending" in grid_text(app, "#entries")
        assert "by bob, taken back in 23 s unless confirmed" in grid_text(app, "#entries")
        await pilot.press("enter")
        await settle(pilot)
        assert "take it back now" in screen_text(app)
        await pilot.press("b")
        await settle(pilot)
        assert "roll back vm1 ab12" in engine_of(app).asked
        assert any("vm1: taken back" in note.message for note in app._notifications)


async def test_an_own_pending_change_is_one_row(make: Make) -> None:
    fabric = with_route(RIGHT)
    guard = Guard("ab12", "a route", "alice", GuardState.APPLIED, left_s=23.0)
    app = make(fabric.with_host(replace(fabric.hosts["vm1"], guards=(guard,))))
    record(app, "e1", route(None, RIGHT), guard="ab12")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert len(app.screen.query_one("#entries", Grid).rows) == 1
        assert "taken back in 23 s" in reader_text(app, "#entry")
        await pilot.press("enter", "b")
        await settle(pilot)
        assert "roll back vm1 ab12" in engine_of(app).asked


async def test_a_thousand_entries(make: Make) -> None:
    app = make(with_route(OTHER))
    for number in range(1000):
        record(
            app,
            f"e{number}",
            route(OTHER, RIGHT) if number % 2 == 0 else route(RIGHT, OTHER),
            at=WALL_CLOCK - 5000 + number,
        )
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "of 1000 can be undone" in screen_text(app)
        await pilot.press("G")
        await settle(pilot)
        assert "title e0" in reader_text(app, "#entry")


async def test_an_unreadable_journal_is_said(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).journal.path.mkdir()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "cannot be read" in screen_text(app)


async def test_it_can_be_left_out_of_no_undo(make: Make) -> None:
    """An entry is undone or it is not: there are no marks in its preview."""
    app = make(many_faults())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("F", "a")
        await settle(pilot)
        await pilot.press("escape")
        await opened(pilot, "enter", "space")
        assert len(dialog(app).plan.steps) > 2
        assert "[ ]" not in reader_text(app, "#plan")
