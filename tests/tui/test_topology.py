"""The picture in the dashboard: it follows the view, a cursor goes over its hosts, and files and copies hold it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.host.screen import HostScreen
from hostgw_tui.topology.dialog import TopologyDialog
from hostgw_tui.widgets.reader import Reader
from tests.fabrics import healthy, subnet
from tests.tui.conftest import Make
from tests.tui.fake import connecting, one_missing, settled
from tests.tui.reading import engine_of, reader_text, screen_text, settle, until

BROKEN = f"─✗→ {subnet(2)} missing"


async def opened(pilot: Pilot[None], *keys: str) -> None:
    await settle(pilot)
    for key in ("t", *keys):
        await pilot.press(key)
        await settle(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_is_drawn_at_every_size(make: Make, size: tuple[int, int]) -> None:
    app = make(one_missing())
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        assert isinstance(app.screen, TopologyDialog)
        text = screen_text(app)
        assert "▸vm1" in text
        assert BROKEN in text
        assert ("Drawn for 120 columns" in text) == (size[0] < 120)
        await pilot.press("escape")
        assert not isinstance(app.screen, TopologyDialog)


async def test_it_follows_the_view(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "none broken" in screen_text(app)
        engine_of(app).become(one_missing())
        await until(pilot, lambda: BROKEN in reader_text(app, "#picture"))
        await settle(pilot)
        assert "broken routes (1)" in screen_text(app)


async def test_a_cursor_goes_over_the_hosts(make: Make) -> None:
    app = make(settled(healthy(30)))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "right", "down", "down")
        assert "▸vm8" in screen_text(app)
        for _ in range(9):
            await pilot.press("down")
        await settle(pilot)
        assert "▸vm29" in screen_text(app)
        await pilot.press("pageup")
        await settle(pilot)
        assert "▸vm29" not in screen_text(app)
        await pilot.press("left")
        await settle(pilot)
        assert "▸vm28" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, HostScreen)
        assert app.current_host() == "vm28"


async def test_what_lies_below_the_last_row_is_scrolled_to(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "down", "down", "down")
        area = app.screen.query_one("#topology", VerticalScroll)
        assert area.scroll_y > 0
        await pilot.press("pagedown")
        await settle(pilot)
        assert "route-missing" in screen_text(app)


async def test_f_previews_the_fix_of_a_host_with_broken_routes(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "f")
        assert isinstance(app.screen, FixDialog)
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("right")
        await settle(pilot)
        assert isinstance(app.screen, TopologyDialog)
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(app.screen, TopologyDialog)


async def test_read_only_previews_no_fix(make: Make) -> None:
    app = make(one_missing(), read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "f")
        assert isinstance(app.screen, TopologyDialog)


@pytest.mark.parametrize(
    ("key", "suffix", "word"),
    [("s", "svg", "✗ 1 missing"), ("d", "dot", "style=dashed"), ("t", "txt", BROKEN), ("j", "json", '"missing"')],
)
@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
async def test_files(
    make: Make, key: str, suffix: str, word: str, masked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        if masked:
            app.action_mask()
        await opened(pilot, "w", key)
        (path,) = tmp_path.glob(f"hostgw-topology-*.{suffix}")  # noqa: ASYNC240
        text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert ("vm1" in text) is not masked
    assert (subnet(2) in text) is not masked
    assert masked or word in text
    if key == "s":
        assert ET.fromstring(text).tag.endswith("svg")


async def test_a_mask_hides_names_in_picture_and_copy(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make(one_missing())
    copied: list[str] = []
    monkeypatch.setattr(app, "copy", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "y")
        app.action_mask()
        await until(pilot, lambda: "vm1" not in reader_text(app, "#picture"))
        await pilot.press("y")
        assert "10.5.7.60" not in screen_text(app)
    plain, hidden = copied
    assert BROKEN in plain
    assert "vm1" not in hidden
    assert "10.239" not in hidden


async def test_every_screen_has_it_in_the_palette(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("colon")
        await pilot.press(*"topology")
        await until(pilot, lambda: "as a picture, what is broken marked" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TopologyDialog))
        assert app.screen.query_one("#picture", Reader).lines


async def test_nobody_has_answered_yet(make: Make) -> None:
    app = make(connecting())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        text = screen_text(app)
        assert "no route to judge" in text
        assert "not read yet" in text
