"""From a finding to its host, route and path, and back; and the palette's hosts, containers and findings."""

from __future__ import annotations

import pytest

from hostgw_tui.app import HostgwApp
from hostgw_tui.host.screen import HostScreen
from hostgw_tui.look import plain
from hostgw_tui.path.screen import PathScreen
from hostgw_tui.routes.screen import RoutesScreen
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import one_missing, settled
from tests.tui.reading import screen_text, settle


def cursor(app: HostgwApp, selector: str) -> str:
    row = app.screen.query_one(selector, Grid).current
    return " ".join(plain(cell) for cell in row.cells) if row else ""


async def test_a_finding_leads_to_its_route_and_back(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter", "3")
        await settle(pilot)
        assert isinstance(app.screen, RoutesScreen)
        assert app.current_host() == "vm1"
        assert "10.239.1.0/24" in cursor(app, "#routes")
        assert "missing" in cursor(app, "#routes")
        await pilot.press("backspace")
        await settle(pilot)
        assert app.current_mode == "overview"
        assert "route-missing" in cursor(app, "#findings")


async def test_a_finding_leads_to_the_path_that_it_breaks(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter", "6")
        await settle(pilot)
        assert isinstance(app.screen, PathScreen)
        assert app.screen.place == "vm1:c1 vm2:c1"
        await pilot.press("backspace", "enter", "2")
        await settle(pilot)
        assert isinstance(app.screen, HostScreen)


async def test_a_route_that_is_right_leads_on_too(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "route of vm1" in screen_text(app)
        await pilot.press("2")
        await settle(pilot)
        assert isinstance(app.screen, HostScreen)
        assert app.current_host() == "vm2"
        await pilot.press("backspace")
        await settle(pilot)
        assert isinstance(app.screen, RoutesScreen)
        assert app.current_host() == "vm1"


async def test_without_a_jump_it_says_so(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("backspace")
        await pilot.pause()
        assert any("no jump" in note.message for note in app._notifications)


@pytest.mark.parametrize(
    ("typed", "mode", "host", "selector", "words"),
    [
        ("vm3", "host", "vm3", "#tree", ""),
        ("vm2:c2", "host", "vm2", "#tree", "c2"),
        ("route-missing vm1", "overview", "vm1", "#findings", "route-missing"),
    ],
)
async def test_the_palette_leads_to_places(
    make: Make, typed: str, mode: str, host: str, selector: str, words: str
) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("colon", *[{" ": "space", ":": "colon", "-": "minus"}.get(char, char) for char in typed])
        await settle(pilot)
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == mode
        assert app.current_host() == host
        assert words in cursor(app, selector)
