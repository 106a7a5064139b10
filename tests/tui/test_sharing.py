"""Writing what is shown, and hiding whose network it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import screen_text, settle, until


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("key", "pattern", "word"),
    [
        ("t", "hostgw-overview-*.txt", "route-missing"),
        ("m", "hostgw-report-*.md", "# host-gw network 10.239.0.0/16"),
        ("h", "hostgw-report-*.html", "<h1>host-gw network 10.239.0.0/16</h1>"),
        ("j", "hostgw-report-*.json", '"code": "route-missing"'),
        ("s", "hostgw-screen-*.svg", "route-missing"),
    ],
)
async def test_each_form(key: str, pattern: str, word: str, make: Make, tmp_path: Path) -> None:
    app = make(one_missing())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("w")
        await pilot.pause()
        assert "Markdown" in screen_text(app)
        await pilot.press(key)
        await until(pilot, lambda: any("written to" in note.message for note in app._notifications))
        (path,) = tmp_path.glob(pattern)  # noqa: ASYNC240
        assert word in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        if key == "s":
            assert ET.fromstring(path.read_text()).tag.endswith("svg")


async def test_a_mask_hides_names_and_addresses_everywhere(make: Make, tmp_path: Path) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "vm1" in screen_text(app)
        before = screen_text(app).splitlines()
        app.action_mask()
        await settle(pilot)
        for key in "123456":
            await pilot.press(key)
            await settle(pilot)
            shown = screen_text(app)
            for word in ("vm1", "vm2", "10.239.", "10.5.7."):
                assert word not in shown, key
        await pilot.press("1")
        await settle(pilot)
        head = screen_text(app).splitlines()[:5]
        await pilot.press("w")
        await settle(pilot)
        assert screen_text(app).splitlines()[:5] == head  # also behind a dialog, where lines are filtered twice
        await pilot.press("t")
        await settle(pilot)
        (path,) = tmp_path.glob("*.txt")  # noqa: ASYNC240
        assert "vm1" not in path.read_text()
        assert "10.239." not in path.read_text()
        assert app.hidden("vm1") != "vm1"
        app.action_mask()
        await settle(pilot)
        assert screen_text(app).splitlines() == before


async def test_a_directory_that_cannot_be_written(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    app = make(one_missing())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("w", "h")
        await until(pilot, lambda: any("cannot write" in note.message for note in app._notifications))
