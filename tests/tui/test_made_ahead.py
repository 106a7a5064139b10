"""Screens that are made, and painted, before they are seen."""

from __future__ import annotations

from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import screen_text, settle, until


async def test_screens_are_made_while_nobody_presses_a_key_and_look_at_nothing_new(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        looking = app._looking
        await until(pilot, lambda: all(app._screen_stacks.get(mode) for mode in app.MODES))
        assert app.current_mode == "overview"
        assert app._looking == looking
        await pilot.press("3")
        await settle(pilot)
        assert "routes of vm1" in screen_text(app)


async def test_one_that_was_made_in_another_theme_comes_in_the_present_one(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await until(pilot, lambda: all(app._screen_stacks.get(mode) for mode in app.MODES))
        app.action_toggle_dark()
        await settle(pilot)
        light = app.screen.styles.background
        await pilot.press("3")
        await settle(pilot)
        assert app.screen.styles.background == light
        assert app.screen.query_one("#routes").rich_style.bgcolor == app.screen.rich_style.bgcolor
