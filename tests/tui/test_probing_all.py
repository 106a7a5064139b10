"""Active checks from the palette: sent once, told when they are through."""

from __future__ import annotations

from hostgw.model.probe import Place, ProbeResult, Probes
from hostgw_tui.probing_all import told
from tests.tui.conftest import Make
from tests.tui.fake import connecting, one_missing
from tests.tui.reading import engine_of, settle, until

A, B = Place("vm1", 3, "c1", "10.239.0.2"), Place("vm2", 3, "c1", "10.239.1.2")
ANSWERED = ProbeResult(A, B, sent=3, received=3, ttl=62, observed_source="10.239.0.2", observed_ttl=62)
LOST = ProbeResult(B, A, sent=3, received=0)


async def test_a_round_is_sent_and_told(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        engine = engine_of(app)
        engine.probes = Probes((ANSWERED, LOST))
        await app.run_action("app.probe_all")
        await until(pilot, lambda: any("1 of 2 probes went wrong" in n.message for n in app._notifications))
        assert engine.asked.count("probe all") == 1
        assert app.shown.fabric.probes is engine.probes


async def test_counters_are_asked_for_again_where_a_screen_shows_them(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        engine = engine_of(app)
        assert engine.looking
        engine.looking = False  # as a round leaves it
        await app.run_action("app.probe_all")
        await until(pilot, lambda: engine.looking)


async def test_without_hosts_nothing_can_be_probed(make: Make) -> None:
    app = make(connecting())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await app.run_action("app.probe_all")
        await until(pilot, lambda: any("nothing could be probed" in n.message for n in app._notifications))


def test_what_is_told_of_a_round() -> None:
    assert told(Probes((ANSWERED, ANSWERED))) == ("all 2 probes were answered as they should be", True)
    assert told(Probes((ANSWERED,), skipped=("vm3: down",)))[0].endswith("; not probed: 1")
    assert told(Probes((ANSWERED, LOST))) == ("1 of 2 probes went wrong: see the findings", False)
