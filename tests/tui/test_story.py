"""The story that the dashboard is for: see what is wrong, preview, apply, see it right, take it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button

from hostgw.plans.model import Result
from hostgw_tui.app import HostgwApp
from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.overview.matrix_grid import MatrixGrid
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import many_faults, one_missing, settled
from tests.tui.reading import engine_of, grid_text, reader_text, screen_text, settle

ADD = "ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static"
DEL = "ip route del 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static"


def dialog(app: HostgwApp) -> FixDialog:
    assert isinstance(app.screen, FixDialog)
    return app.screen


async def test_red_cell_is_fixed_and_taken_back(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "✗ missing" in grid_text(app, "#matrix")
        app.screen.query_one(MatrixGrid).focus()
        await pilot.press("right", "f")
        await pilot.pause()
        assert ADD in reader_text(app, "#plan")
        assert DEL in reader_text(app, "#plan")
        assert isinstance(app.focused, Button)
        await pilot.press("a")
        await settle(pilot)
        assert "✓ verified" in reader_text(app, "#outcome")
        await pilot.press("escape")
        await settle(pilot)
        assert "missing" not in grid_text(app, "#matrix")
        assert "Healthy" in screen_text(app)
        await pilot.press("u")
        await settle(pilot)
        assert "✓ can be undone" in grid_text(app, "#entries")
        await pilot.press("enter")
        await pilot.pause()
        assert dialog(app).plan.undoes
        assert f"run     {DEL}" in reader_text(app, "#plan")
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "↶ undone" in grid_text(app, "#entries")
        await pilot.press("escape")
        await settle(pilot)
        assert "✗ missing" in grid_text(app, "#matrix")
        assert len(engine_of(app).log) == 2


@pytest.mark.parametrize("key", ["enter", "escape", "q"])
async def test_enter_escape_and_q_change_nothing(make: Make, key: str) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await pilot.pause()
        assert dialog(app)
        await pilot.press(key)
        await settle(pilot)
        assert not isinstance(app.screen, FixDialog)
        assert engine_of(app).log == []


async def test_read_only_previews_and_refuses(make: Make) -> None:
    app = make(one_missing(), read_only=True)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await pilot.pause()
        assert "a apply (read-only)" in screen_text(app)
        await pilot.press("a")
        await pilot.pause()
        assert "read-only" in next(iter(app._notifications)).message
        assert engine_of(app).log == []


async def test_advice_has_no_apply(make: Make) -> None:
    from hostgw.checks.catalogue import FixClass
    from hostgw.plans.model import Plan

    app = make(one_missing())
    advice = Plan("two segments", FixClass.ADVICE, refused="no key helps", alternatives=("use one segment",))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.push_screen(FixDialog(advice))
        await pilot.pause()
        text = screen_text(app)
        assert "use one segment" in text
        assert "apply" not in text
        await pilot.press("a")
        await settle(pilot)
        assert engine_of(app).log == []


@pytest.mark.parametrize(("answer", "words"), [("stale", "stale preview"), ("failed", "failed")])
async def test_bad_outcomes_are_told(make: Make, answer: str, words: str) -> None:
    app = make(one_missing())
    engine_of(app).answers_with = answer
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await settle(pilot)
        assert words in reader_text(app, "#outcome")
        assert dialog(app).outcome is not None
        assert dialog(app).outcome.result in (Result.STALE, Result.FAILED)  # type: ignore[union-attr]


async def test_applying_does_not_block_and_is_told_when_left(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).hold = True
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("f", "a")
        await pilot.pause()
        assert "vm1  made, being verified  back in 30 s" in reader_text(app, "#outcome")
        await pilot.press("a")
        assert len(engine_of(app).held) == 1
        await pilot.press("escape")
        await pilot.pause()
        engine_of(app).release()
        await settle(pilot)
        assert any("verified" in note.message for note in app._notifications)


async def test_next_finding_and_details(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("4", "n", "n")
        await settle(pilot)
        findings = app.screen.query_one("#findings", Grid)
        assert findings.cursor == 1
        await pilot.press("N")
        assert findings.cursor == 0
        await pilot.press("enter")
        await pilot.pause()
        assert "expected: 10.239.1.0/24 via 10.5.7.61 dev eth0" in screen_text(app)
        await pilot.press("f")
        await pilot.pause()
        assert dialog(app)


async def test_a_change_on_a_host_shows(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "✓ healthy" in screen_text(app)
        engine_of(app).become(one_missing())
        await settle(pilot)
        assert "1 found" in screen_text(app)
        await pilot.press("space")
        engine_of(app).become(settled(healthy()))
        await settle(pilot)
        assert "PAUSED" in screen_text(app)
        assert "1 found" in screen_text(app)
        await pilot.press("space")
        await settle(pilot)
        assert "✓ healthy" in screen_text(app)


async def test_filter_hosts_and_file(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = make(many_faults())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"stale", "enter")
        await pilot.pause()
        assert len(app.screen.query_one("#findings", Grid).rows) == 1
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen.query_one("#findings", Grid).rows) == 5
        await pilot.press("slash", *"!route", "enter")
        await pilot.pause()
        assert len(app.screen.query_one("#findings", Grid).rows) == 1
        await pilot.press("escape", "w", "t")
        await pilot.pause()
        written = next(tmp_path.glob("hostgw-overview-*.txt")).read_text()  # noqa: ASYNC240
        assert "route-stale" in written
        assert "10.239.3.0/24" in written


async def test_letters_in_the_filter_do_nothing_else(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", "f", "u", "q", "a", "3")
        await pilot.pause()
        assert not isinstance(app.screen, FixDialog)
        assert app.current_mode == "overview"
        assert app.is_running


async def test_enter_opens_a_host_while_there_is_no_finding(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.focused is app.screen.query_one("#findings")
        await pilot.press("f", "a")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.focused is app.screen.query_one("#hosts")
        await pilot.press("enter")
        await settle(pilot)
        assert "machine   " in screen_text(app)
        await pilot.press("escape")
        engine_of(app).become(one_missing())
        await settle(pilot)
        assert app.focused is app.screen.query_one("#findings")


async def test_the_focus_stays_with_who_reads_the_hosts(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("down", "n")
        engine_of(app).become(one_missing())
        await settle(pilot)
        assert app.focused is app.screen.query_one("#hosts")
        assert any("no finding" in note.message for note in app._notifications)
