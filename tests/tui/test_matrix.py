"""The mesh matrix from near and from far: it shows all of it, and leads to what is wrong."""

from __future__ import annotations

from textual.content import Content

from hostgw.fabric import Fabric
from hostgw_tui.app import HostgwApp
from hostgw_tui.overview.matrix_grid import MatrixGrid
from hostgw_tui.overview.matrix_zoom import Zoom, fitting, group_size
from tests.fabrics import healthy, routes
from tests.tui.conftest import Make
from tests.tui.fake import settled
from tests.tui.reading import grid_text, screen_text, settle

HOSTS = 60


def two_missing() -> Fabric:
    """vm7 lacks the route to vm3's subnet, vm50 that to vm41's."""
    fabric = routes(healthy(HOSTS), "vm7", lambda rows: [r for r in rows if r.dst != "10.239.2.0/24"])
    return settled(routes(fabric, "vm50", lambda rows: [r for r in rows if r.dst != "10.239.40.0/24"]))


def matrix(app: HostgwApp) -> MatrixGrid:
    return app.screen.query_one(MatrixGrid)


def title(app: HostgwApp) -> str:
    shown = matrix(app).border_title
    return shown.plain if isinstance(shown, Content) else str(shown)


def test_zoom_fits_the_columns() -> None:
    assert fitting(3, 13, 60) is Zoom.WORDS
    assert fitting(5, 13, 60) is Zoom.GLYPHS
    assert fitting(31, 13, 60) is Zoom.GROUPS
    for columns in (31, 100, 255):
        assert -(-columns // group_size(columns, 60)) * 6 <= 60


async def test_few_hosts_are_told_in_words(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "✓ ok" in grid_text(app, "#matrix")


async def test_many_hosts_share_cells_and_b_leads_to_what_is_wrong(make: Make) -> None:
    app = make(two_missing())
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        grid = matrix(app)
        assert grid.zoom is Zoom.GROUPS
        assert len(grid.rows) == -(-HOSTS // grid._share)
        assert grid_text(app, "#matrix").count("✗ 1") == 2
        await pilot.press("b")
        await pilot.pause()
        assert "1 wrong" in title(app)
        assert grid.finding is not None
        assert grid.finding.host == "vm7"
        await pilot.press("b")
        assert grid.finding.host == "vm50"
        await pilot.press("b")  # round again
        assert grid.finding.host == "vm7"
        await pilot.press("B")
        assert grid.finding.host == "vm50"


async def test_enter_looks_closer_at_a_group(make: Make) -> None:
    app = make(two_missing())
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        await pilot.press("b", "b", "enter")
        await settle(pilot)
        grid = matrix(app)
        assert grid.zoom is Zoom.WORDS
        assert grid.current is not None
        assert grid.current.key == "vm50"
        assert grid.subnet is not None
        assert str(grid.subnet.prefix) == "10.239.40.0/24"
        assert "✗ missing" in screen_text(app)
        await pilot.press("f")
        await pilot.pause()
        assert "10.239.40.0/24" in screen_text(app)


async def test_zoom_keeps_the_place(make: Make) -> None:
    app = make(two_missing())
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        await pilot.press("b", "b", "enter", "z")
        await settle(pilot)
        grid = matrix(app)
        assert grid.zoom is Zoom.GLYPHS
        assert "vm50 to 10.239.40.0/24: wrong" in title(app)
        assert grid.finding is not None
        await pilot.press("z")
        assert matrix(app).zoom is Zoom.GROUPS
        assert grid.finding is not None
        assert grid.finding.host == "vm50"


async def test_b_says_when_nothing_is_wrong(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("b")
        await pilot.pause()
        assert any("no cell of the mesh is wrong" in note.message for note in app._notifications)


async def test_another_width_chooses_anew(make: Make) -> None:
    app = make(settled(healthy(6)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert matrix(app).zoom is Zoom.WORDS
        await pilot.resize_terminal(70, 30)
        await settle(pilot)
        assert matrix(app).zoom is Zoom.GLYPHS
