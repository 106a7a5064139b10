"""Tables: order and columns that a person chooses, and filters that come back."""

from __future__ import annotations

import pytest

from hostgw_tui.app import HostgwApp
from hostgw_tui.look import Row, cell, heading, plain
from hostgw_tui.widgets.arrangement import Arrangement, sort_key
from hostgw_tui.widgets.columns_dialog import ColumnsDialog
from hostgw_tui.widgets.filter_input import KEPT, FilterInput, Past
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column, measure
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import many_faults, settled
from tests.tui.reading import grid_text, screen_text, settle


@pytest.mark.parametrize(
    "ordered",
    [
        ["vm1", "vm2", "vm10"],
        ["10.239.2.0/24", "10.239.10.0/24"],
        ["0", "7", "999", "1.2k", "1M"],
        ["512B", "1.5K", "2M"],
        ["now", "5s", "119s", "3m", "2h"],
        ["✓ 3", "✗ 12"],
        ["0.3ms", "12ms", "1.2s"],
        ["12", "none"],
        ["", "a"],
    ],
)
def test_cells_sort_as_people_expect(ordered: list[str]) -> None:
    mixed = ordered[1::2] + ordered[::2]
    assert sorted(mixed, key=sort_key) == ordered


def rows(*names: str) -> list[Row]:
    return [Row(name, (cell(name),)) for name in names]


def test_rows_stay_below_their_heading() -> None:
    given = [*rows("z"), heading("one", "one"), *rows("b", "a"), heading("two", "two"), *rows("d", "c")]
    assert [row.key for row in Arrangement(0).rows(given)] == ["z", "one", "a", "b", "two", "c", "d"]
    assert [row.key for row in Arrangement(0, True).rows(given)] == ["z", "one", "b", "a", "two", "d", "c"]
    assert Arrangement().rows(given) == given


def test_an_order_goes_up_down_and_away() -> None:
    now = Arrangement().sorted_by(2)
    assert (now.by, now.descending) == (2, False)
    now = now.sorted_by(2)
    assert (now.by, now.descending) == (2, True)
    assert now.sorted_by(2).by == -1
    assert now.sorted_by(1) == Arrangement(1)


def test_one_column_always_stays() -> None:
    now = Arrangement().toggled(0, 2)
    assert now.hidden == {0}
    assert now.toggled(1, 2).hidden == {0}
    assert now.toggled(0, 2).hidden == frozenset()


def test_a_hidden_column_takes_no_room() -> None:
    columns = Arrangement(hidden=frozenset({1})).columns((Column("A", 5), Column("B", 5), Column("C", grow=True)))
    assert measure(columns, [], 40) == (5, 0, 34)


def test_the_past_is_bounded_and_has_each_filter_once() -> None:
    past = Past()
    for text in ("a", "b", "a", ""):
        past.add(text)
    assert past.texts == ["b", "a"]
    for number in range(2 * KEPT):
        past.add(str(number))
    assert len(past.texts) == KEPT


def hosts(app: HostgwApp) -> list[str]:
    return [plain(row.cells[0]) for row in app.screen.query_one("#hosts", Grid).rows]


async def test_columns_are_chosen_by_keys(make: Make) -> None:
    app = make(settled(healthy(12)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.screen.query_one("#hosts", Grid).focus()
        assert hosts(app)[:2] == ["vm1", "vm2"]
        await pilot.press("O")
        await pilot.pause()
        assert isinstance(app.screen, ColumnsDialog)
        await pilot.press("enter", "enter")  # HOST upwards, then downwards
        await pilot.press("down", "down", "down", "space")  # SUBNET away
        await pilot.press("escape")
        await settle(pilot)
        assert hosts(app)[:3] == ["vm12", "vm11", "vm10"]
        assert "HOST▼" in screen_text(app)
        shown = screen_text(app).partition("mesh")[0]
        assert "SUBNET" not in shown
        assert "10.5.7.60" in shown
        await pilot.press("O")
        await pilot.press("r", "escape")
        await settle(pilot)
        assert hosts(app)[:2] == ["vm1", "vm2"]
        assert "SUBNET" in screen_text(app)


async def test_a_click_on_a_label_sorts(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        grid = app.screen.query_one("#findings", Grid)
        await pilot.click(grid, offset=(12, 1))
        await pilot.pause()
        assert grid.arrangement.by == 1
        names = [plain(row.cells[1]) for row in grid.rows]
        assert names == sorted(names, key=sort_key)


async def test_the_matrix_keeps_its_columns(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.screen.query_one("#matrix", Grid).focus()
        await pilot.press("O")
        await pilot.pause()
        assert not isinstance(app.screen, ColumnsDialog)
        assert app._notifications


async def test_filters_come_back_by_the_arrows(make: Make) -> None:
    app = make(settled(healthy(12)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.screen.query_one("#hosts", Grid).focus()
        for keys, kept in ((("v", "m", "3"), True), (("exclamation_mark", "v", "m", "3"), False)):
            await pilot.press("slash", *keys, "enter")
            await settle(pilot)
            assert ("vm3" in hosts(app)) == kept
            await pilot.press("escape")
        await pilot.press("slash", "up")
        field = app.screen.query_one(FilterInput)
        assert field.value == "!vm3"
        await pilot.press("up")
        assert field.value == "vm3"
        await settle(pilot)
        assert hosts(app) == ["vm3"]
        await pilot.press("down", "down")
        assert field.value == ""
        await pilot.press("down")
        await pilot.pause()
        assert app.focused is app.screen.query_one("#hosts", Grid)
        assert "vm3" in grid_text(app, "#hosts")
