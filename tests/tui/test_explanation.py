"""Causes and their effects, notices, and what explains them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.containers import VerticalScroll

from hostgw.checks.catalogue import ENTRIES
from hostgw.checks.run import ordered
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw_tui.look import line, lines_text
from hostgw_tui.overview.explanation import explanation_lines
from hostgw_tui.overview.rows import finding_details, findings_title, host_lines, host_rows
from hostgw_tui.widgets.layout import wrapped
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import CLOCK, related, settled
from tests.tui.reading import grid_text, screen_text, settle


def view() -> View:
    fabric = settled(healthy())
    mesh = build(fabric)
    return View(fabric, mesh, ordered(related()), 1)


@pytest.mark.parametrize("entry_id", ENTRIES)
def test_every_entry_is_explained_and_wraps(entry_id: str) -> None:
    lines = list(explanation_lines(entry_id))
    text = " ".join(lines_text(lines).split())
    entry = ENTRIES[entry_id]
    for words in (entry.symptom, entry.detect, entry.fix, entry.beware, entry.sources):
        assert words.replace("`", "") in text
    assert all(sum(len(part.text) for part in each) <= 70 for each in wrapped(lines, 70))


def test_a_finding_is_told_with_its_effects_and_its_explanation() -> None:
    shown = view()
    root = next(each for each in shown.findings if each.code == "bridge-down")
    text = lines_text(finding_details(root, shown))
    assert "explains  vm2 c1 has no default route (container-no-default)" in text
    assert "What L2 is" in text
    assert ENTRIES["L2"].symptom in text
    effect = next(each for each in shown.findings if each.code == "subnet-unrouted")
    assert "caused by vm2 bridge br0 is down (bridge-down)" in lines_text(finding_details(effect, shown))


def test_the_title_counts_causes_and_effects() -> None:
    assert findings_title(view()) == "findings · 3 · 1 cause, 2 effects"
    root = replace(view(), findings=related()[:1])
    assert findings_title(root) == "findings · 1"
    assert findings_title(View()) == "findings"


def test_notices_of_a_host_are_told_once_a_kind_with_their_explanation() -> None:
    shown = view()
    rows = [lines_text(row.cells) for row in host_rows(shown, CLOCK)]
    assert ["2 notices" in row for row in rows] == [True, False, False]
    text = lines_text(host_lines(shown.fabric.hosts["vm1"], shown, CLOCK))
    assert text.count("notice    ") == 2
    assert "and 2 more" in text
    assert text.count(ENTRIES["L18"].symptom) == 1
    assert ENTRIES["L12"].fix.replace("`", "") in text


@pytest.mark.parametrize("height", [24, 30, 40, 60])
async def test_the_keys_of_a_long_text_are_in_sight(make: Make, height: int) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(120, height)) as pilot:
        await settle(pilot)
        app.read("long", [line(str(number)) for number in range(100)])
        await settle(pilot)
        assert "esc close" in " ".join(screen_text(app).split())
        assert "long" in screen_text(app)


async def test_the_details_scroll_to_their_end_at_80x24(make: Make) -> None:
    app = make(settled(healthy()), extra=related())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "explains 2 · bridge br0 is down" in grid_text(app, "#findings")
        assert grid_text(app, "#findings").count("└ ") == 2
        await pilot.press("enter")
        await settle(pilot)
        assert "What L2 is" in screen_text(app)
        await pilot.press("pagedown", "pagedown", "pagedown")
        await settle(pilot)
        scroll = app.screen.query_one(VerticalScroll)
        assert scroll.scroll_y == scroll.max_scroll_y > 0
        assert "sources" in screen_text(app)
