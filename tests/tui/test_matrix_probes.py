"""The mesh matrix after a round of probes: it tells what answers, and leads to what does not."""

from __future__ import annotations

from dataclasses import replace

from hostgw.fabric import Fabric
from hostgw.model.probe import Place, ProbeResult, Probes
from hostgw_tui.look import lines_text
from hostgw_tui.overview.rows import no_findings
from hostgw_tui.widgets.dialog import TextDialog
from tests.fabrics import healthy, routes
from tests.tui.conftest import Make
from tests.tui.fake import CLOCK, settled
from tests.tui.reading import grid_text, screen_text, settle
from tests.tui.test_matrix import matrix, title
from tests.tui.test_rows import view_of

C1, C2, C3 = (Place(f"vm{n}", 1, "c1", f"10.239.{n - 1}.2") for n in (1, 2, 3))
VM2 = Place("vm2", 0, "", "10.5.7.61")


def good(source: Place, destination: Place) -> ProbeResult:
    return ProbeResult(source, destination, 3, 3, ttl=62, observed_source=source.address, observed_ttl=62)


def probed() -> Fabric:
    """vm1 reaches vm2, not vm3; vm2's packets to vm1 make a detour; vm3 lacks the route to vm1."""
    results = (
        good(C1, C2),
        ProbeResult(C1, C3, 3, 0, requested_at=("vm1 eth0",)),
        replace(good(C2, C1), observed_ttl=61),
        ProbeResult(C3, C1, 3, 0),
        good(C3, VM2),
        ProbeResult(C2, C3, error="it went"),
    )
    fabric = routes(healthy(3), "vm3", lambda rows: [r for r in rows if r.dst != "10.239.0.0/24"])
    return replace(settled(fabric), probes=Probes(results))


async def test_cells_tell_what_came_of_probes_where_the_route_is_right(make: Make) -> None:
    app = make(probed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        rows = [line.split(None, 1) for line in grid_text(app, "#matrix").splitlines() if line.startswith("vm")]
        assert {name: cells.rstrip() for name, cells in rows} == {
            "vm1": "■ own         ✓ answers     ✗ no answer",
            "vm2": "▲ detour      ■ own         ✓ ok",
            "vm3": "✗ missing     ✓ ok          ■ own",
        }
        assert "routes and probes" in title(app)


async def test_b_leads_there_and_enter_tells_how_far_they_came(make: Make) -> None:
    app = make(probed())
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        await pilot.press("b")
        await pilot.pause()
        assert (matrix(app).cursor, matrix(app).column, matrix(app).finding) == (0, 2, None)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, TextDialog)
        told = " ".join(screen_text(app).split())
        assert "✗ c1 on vm1 -> c1 on vm3: no reply (3 sent)" in told
        assert "the request was last seen at vm1 eth0" in told
        await pilot.press("escape", "b")
        await pilot.pause()
        assert (matrix(app).cursor, matrix(app).column) == (1, 0)
        await pilot.press("b")
        assert matrix(app).finding is not None


async def test_from_further_away_they_count_as_wrong(make: Make) -> None:
    app = make(probed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        assert [line.split()[1:] for line in grid_text(app, "#matrix").splitlines() if line.startswith("vm")] == [
            ["■", "✓", "✗"], ["▲", "■", "✓"], ["✗", "✓", "■"],
        ]  # fmt: skip
        await pilot.press("z")
        await settle(pilot)
        assert grid_text(app, "#matrix").count("✗ 1") == 3


async def test_without_probes_the_title_says_routes(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert title(app).endswith("· routes")


def test_how_to_send_some_is_told_where_hosts_can_be_asked_and_nothing_was_sent() -> None:
    view = view_of(settled(healthy(3)))
    assert "probe all" in lines_text(no_findings(view, CLOCK, asks=True))
    assert "probe all" not in lines_text(no_findings(view, CLOCK))
    sent = replace(view, fabric=replace(view.fabric, probes=Probes()))
    assert "probe all" not in lines_text(no_findings(sent, CLOCK, asks=True))
