"""The registry: every action has a handler and an explanation, and no key means two things on one screen."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.command import DiscoveryHit

from hostgw_tui.actions import ACTIONS, EVERYWHERE, bindings, of
from hostgw_tui.app import HostgwApp
from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.host.screen import HostScreen
from hostgw_tui.nat.screen import NatScreen
from hostgw_tui.overview.screen import OverviewScreen
from hostgw_tui.packets.screen import PacketsScreen
from hostgw_tui.palette import ActionProvider
from hostgw_tui.routes.screen import RoutesScreen
from hostgw_tui.setup.screen import SetupDialog
from hostgw_tui.topology.dialog import TopologyDialog
from hostgw_tui.undo.screen import UndoDialog
from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import screen_text, settle

SCREENS = {
    "overview": OverviewScreen,
    "host": HostScreen,
    "routes": RoutesScreen,
    "nat": NatScreen,
    "packets": PacketsScreen,
    "fix": FixDialog,
    "undo": UndoDialog,
    "setup": SetupDialog,
    "topology": TopologyDialog,
}


@pytest.mark.parametrize("scope", SCREENS)
def test_every_action_has_a_handler(scope: str) -> None:
    for action in of(scope):
        owner = HostgwApp if action.name.startswith("app.") else SCREENS[scope]
        name = action.name.removeprefix("app.").partition("(")[0]
        assert callable(getattr(owner, f"action_{name}", None)), action.name


def test_every_action_is_explained() -> None:
    for action in ACTIONS:
        assert action.description
        assert len(action.tooltip) > 10


@pytest.mark.parametrize("scope", SCREENS)
def test_no_key_means_two_things(scope: str) -> None:
    counted = Counter(key for action in of(scope) for key in action.keys)
    assert [key for key, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("scope", SCREENS)
def test_footers_hold_at_most_seven_keys(scope: str) -> None:
    shown = [binding for binding in bindings(scope) if binding.show]
    assert 0 < len(shown) <= 7


@pytest.mark.parametrize("scope", EVERYWHERE)
async def test_every_key_reaches_its_action(make: Make, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    """Each key of the registry, pressed on its screen, calls the action with its arguments."""
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.action_show(scope)
        await settle(pilot)
        called: list[str] = []
        for action in [each for each in of(scope) if each.keys]:
            bare, _, arguments = action.name.removeprefix("app.").partition("(")
            owner = HostgwApp if action.name.startswith("app.") else type(app.screen)

            def noted(_self: object, *values: object, name: str = action.name, bare: str = bare) -> None:
                inside = ", ".join(map(repr, values))
                called.append(f"{'app.' if name.startswith('app.') else ''}{bare}({inside})")

            monkeypatch.setattr(owner, f"action_{bare}", noted)
            for key in action.keys:
                await pilot.press(key)
                await pilot.pause()
                wanted = action.name if arguments else f"{action.name}()"
                assert called[-1:] == [wanted], (action.name, key)


@pytest.mark.parametrize("scope", EVERYWHERE)
async def test_the_palette_offers_every_action(make: Make, scope: str) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.action_show(scope)
        await settle(pilot)
        provider = ActionProvider(app.screen)
        offered = [str(hit.text or hit.display) async for hit in provider.discover() if isinstance(hit, DiscoveryHit)]
        wanted = [each.description for each in of(scope) if each.name != "app.command_palette"]
        assert len(offered) == len(wanted)
        assert all(text.startswith(name) for text, name in zip(offered, wanted, strict=True))


def test_a_plain_key_only_previews() -> None:
    for action in ACTIONS:
        if action.mutating and action.name not in ("apply", "apply_management"):
            assert "preview" in action.tooltip


@pytest.mark.parametrize("scope", EVERYWHERE)
async def test_footer_fits_80_columns(make: Make, scope: str) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.action_show(scope)
        await settle(pilot)
        footer = screen_text(app).splitlines()[-1]
        assert "quit" in footer


async def test_palette_runs_an_action(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon", *"Routes")
        await settle(pilot)
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == "routes"


async def test_help_from_every_screen(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        for number, scope in enumerate(EVERYWHERE, 1):
            await pilot.press(str(number))
            await settle(pilot)
            await pilot.press("question_mark")
            await pilot.pause()
            assert f"On {app_title(scope)}" in screen_text(app)
            await pilot.press("escape")
            await pilot.pause()


def app_title(scope: str) -> str:
    from hostgw_tui.actions import TITLES

    return TITLES[scope]
