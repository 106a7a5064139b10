"""The topology on the screen."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from hostgw_tui.topology.dialog import NARROW, TopologyDialog
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import one_missing, settled
from tests.tui.reading import engine_of, screen_text, settle


async def test_t_shows_it_and_it_follows_the_view(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(app.screen, TopologyDialog)
        assert "all 6 routes are right" in screen_text(app)
        engine_of(app).become(one_missing(3))
        for _ in range(100):
            if "─✗→" in screen_text(app):
                break
            await pilot.pause(0.1)
        assert "1 of 6 routes are broken" in screen_text(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, TopologyDialog)


async def test_a_narrow_terminal_is_told_so(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("t")
        await settle(pilot)
        assert NARROW[:40] in screen_text(app)


def written(directory: Path, suffix: str) -> str:
    (path,) = directory.glob(f"hostgw-topology-*.{suffix}")
    return path.read_text()


@pytest.mark.parametrize(("key", "suffix"), [("s", "svg"), ("d", "dot"), ("t", "txt")])
async def test_it_is_written_masked(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make(settled(healthy(3)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.action_mask()
        await pilot.press("t")
        await settle(pilot)
        await pilot.press("w")
        await pilot.pause()
        await pilot.press(key)
        await pilot.pause()
    text = written(tmp_path, suffix)
    assert "vm1" not in text
    assert "10.5.7.60" not in text
    if suffix == "svg":
        Tree.fromstring(text)
