"""The fix dialog: choosing steps, the management path, and what happens while hosts wait to be confirmed."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from hostgw.fabric import Fabric
from hostgw.model.guard import Guard, GuardState
from hostgw.plans.model import Outcome, Result
from tests.fabrics import healthy, routes
from tests.tui.conftest import Make
from tests.tui.fake import many_faults, one_missing, settled
from tests.tui.reading import engine_of, reader_text, screen_text, settle, until
from tests.tui.test_story import dialog


async def test_steps_can_be_left_out(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await pilot.pause()
        box = dialog(app)
        steps = len(box.plan.steps)
        assert steps > 2
        await pilot.press("down", "space")
        assert len(box.plan.steps) == steps - 1
        assert "[ ]" in reader_text(app, "#plan")
        await pilot.press("up", "up", "space", "a")
        await settle(pilot)
        assert box.outcome is not None
        assert box.outcome.result is Result.VERIFIED
        assert len(engine_of(app).journal.entries()[0].changes) == steps - 2


async def test_a_long_outcome_leaves_the_keys_in_sight(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await pilot.pause()
        detail = "the host is no longer as the preview showed it; nothing was changed there " * 3
        for times in (1, 2, 8):
            dialog(app).ended(Outcome(Result.STALE, detail * times))
            await pilot.pause()
            assert "esc close" in screen_text(app)
            assert "vm1 has no route" in screen_text(app)


async def test_all_left_out_is_nothing_to_apply(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await pilot.pause()
        box = dialog(app)
        for _ in range(len(box.plan.steps)):
            await pilot.press("space", "down")
        await pilot.press("a")
        await pilot.pause()
        assert any("every step is left out" in note.message for note in app._notifications)
        assert engine_of(app).journal.entries() == ()


def cut_off() -> Fabric:
    """vm1's missing route holds the address that the operator comes from."""
    fabric = one_missing()
    vm1 = fabric.hosts["vm1"]
    assert vm1.snapshot is not None
    facts = structs.replace(vm1.snapshot.facts, ssh_connection=("10.239.1.7", "5", "10.5.7.60", "22"))
    return fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))


async def test_the_way_back_needs_another_key(make: Make) -> None:
    app = make(cut_off())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await pilot.pause()
        assert dialog(app).outcome is None
        assert any("M applies it all the same" in note.message for note in app._notifications)
        await pilot.press("M")
        await settle(pilot)
        assert dialog(app).outcome is not None
        assert dialog(app).outcome.result is Result.VERIFIED  # type: ignore[union-attr]


async def test_waiting_can_be_prolonged_and_ended(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).hold = True
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await pilot.pause()
        assert "back now" in screen_text(app)
        await pilot.press("b")
        assert engine_of(app).run.wants_back


async def test_who_undoes_it_is_told(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).put_back = ("somebody changed it again on vm1 (route is now gone)",)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await until(pilot, lambda: "somebody changed it again on vm1" in reader_text(app, "#outcome"))


async def test_what_a_former_run_left_open_is_told(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).settled = ("a change of a former run ended as rolled-back (a route)",)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        told = list(engine_of(app).settled)
        await until(pilot, lambda: [note.message for note in app._notifications] == told)


async def test_a_host_tells_whose_change_is_pending(make: Make) -> None:
    fabric = one_missing()
    guard = Guard("ab12", "a route", "alice", GuardState.APPLIED, left_s=23.0)
    app = make(fabric.with_host(replace(fabric.hosts["vm1"], guards=(guard,))))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert "pending   a route, by alice: taken back in 23 s" in screen_text(app)


async def test_what_was_fixed_can_be_made_lasting(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await settle(pilot)
        assert "these changes last until the next reboot; p makes them last" in reader_text(app, "#outcome")
        await pilot.press("p")
        await until(
            pilot, lambda: bool(app.screen.query("#plan")) and "90-hostgw-tui.conf" in reader_text(app, "#plan")
        )
        shown = reader_text(app, "#plan")
        assert "+++ /etc/systemd/system/hostgw-tui.service" in shown
        assert "+net.ipv4.ip_forward = 1" in shown
        assert dialog(app).plan.hosts == ("vm1",)
        await pilot.press("a")
        await settle(pilot)
        assert "p makes them last" not in reader_text(app, "#outcome")
        assert [entry.result for entry in engine_of(app).journal.entries()] == ["verified"] * 2


async def test_a_plan_of_many_steps_is_folded(make: Make) -> None:
    """Only the step under the cursor is told in full, and the heads of its host."""
    fabric = one_missing(12)
    for name in fabric.hosts:
        fabric = routes(fabric, name, lambda rows: [row for row in rows if row.protocol != "static"])
    app = make(fabric)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await pilot.pause()
        whole = reader_text(app, "#plan")
        assert len(dialog(app).plan.steps) == 132
        assert whole.count("run     ") == 1
        assert "vm2  11 steps" in whole
        await pilot.press(*["down"] * 11)
        await pilot.pause()
        assert "vm1  11 steps" in reader_text(app, "#plan")
        assert "▸ [x]" in screen_text(app)
        await pilot.press("space", "pagedown")
        await pilot.pause()
        assert len(dialog(app).plan.steps) == 131


async def test_a_preview_says_when_somebody_else_has_mended_it(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await pilot.pause()
        assert reader_text(app, "#outcome") == ""
        engine_of(app).become(settled(healthy(3)))
        await until(pilot, lambda: "no longer found" in reader_text(app, "#outcome"))
        assert "esc cancel" in screen_text(app)


async def test_a_preview_of_many_says_how_many_are_gone(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await pilot.pause()
        all_of_it = len(dialog(app).plan.findings)
        engine_of(app).become(one_missing(4))
        await until(pilot, lambda: f"{all_of_it - 1} of {all_of_it} findings" in reader_text(app, "#outcome"))
