"""The path screen: predicted at once, turned round, led elsewhere, probed; what is found is one key away."""

from __future__ import annotations

from concurrent.futures import Future

from textual.widgets import Select

from hostgw.fabric import Fabric
from hostgw.live.points import default_points
from hostgw.live.tracing import Tracing, probes
from hostgw.mesh.build import build
from hostgw.model.path import End
from hostgw.paths.predict import find_end, predict
from hostgw_tui.app import HostgwApp
from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.look import lines_text
from hostgw_tui.path.packet_dialog import FRAGMENTING, PacketKindDialog
from hostgw_tui.path.rows import head_line
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import FakeEngine, one_missing, settled
from tests.tui.reading import engine_of, screen_text, settle
from tests.tui.traffic import FakeTraffic


def tracer(engine: FakeEngine, answered: bool = True) -> None:
    """Have the fake see a ping at bridges and NICs."""

    def traced(source: End, destination: End) -> Tracing:
        prediction = predict(engine.view().fabric, source, destination)
        traffic, points = FakeTraffic(), default_points(engine.view())
        capture = traffic.start(points, "icmp")
        traffic.pings(1, answered=answered)
        if not answered:
            traffic.pings(1, first=40)
        seen = tuple(probes(capture, prediction))[:1]
        return Tracing(prediction, dict(enumerate(points)), seen, capture)

    engine.traced = traced


async def test_the_first_two_containers_are_shown_at_once(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        text = screen_text(app)
        assert "vm1:c1 (10.239.0.2)  →  vm2:c1 (10.239.1.2)" in text
        assert "✓ answered" in text
        assert "there: ✓ delivered, packets up to 1500 bytes" in text
        await pilot.press("x")
        await settle(pilot)
        assert "vm2:c1 (10.239.1.2)  →  vm1:c1 (10.239.0.2)" in screen_text(app)


async def test_another_destination_is_chosen_by_typing(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("6", "d", *"vm3:c2")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "→  vm3:c2 (10.239.2.3)" in screen_text(app)
        await pilot.press("d", *"192.0.2.9")
        await settle(pilot)
        assert "enter takes 192.0.2.9 as an address" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "→  192.0.2.9" in screen_text(app)
        assert "leaves the listed hosts" in screen_text(app)
        await pilot.press("x")
        await settle(pilot)
        assert "192.0.2.9 is not on a listed host" in screen_text(app)
        await pilot.press("s", "escape")
        await settle(pilot)
        assert "192.0.2.9" in screen_text(app)


async def test_a_probe_is_shown_beside_the_prediction_until_escape(make: Make) -> None:
    app = make(settled(healthy()))
    tracer(engine_of(app))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6", "p")
        await settle(pilot)
        text = screen_text(app)
        assert "probe: ✓ answered, as predicted" in text
        assert "✓ vm2/br0" in text
        assert "24µs" in text
        await pilot.press("escape")
        await settle(pilot)
        assert "probe: ✓" not in screen_text(app)


async def test_what_the_probe_did_not_do_is_marked(make: Make) -> None:
    app = make(settled(healthy()))
    tracer(engine_of(app), answered=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6", "p")
        await settle(pilot)
        text = screen_text(app)
        assert "✗ lost, not as predicted" in text
        assert "✗ not seen" in text


async def test_a_probe_that_cannot_be_sent_says_why(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6", "p")
        await settle(pilot)
        assert any("the fake has none" in note.message for note in app._notifications)
        assert "probing" not in screen_text(app)


async def test_a_probe_of_other_ends_is_not_shown(make: Make) -> None:
    app = make(settled(healthy()))
    waiting: Future[Tracing] = Future()
    engine_of(app).trace = lambda *_: waiting  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6", "p", "x")
        tracer(engine_of(app))
        engine = engine_of(app)
        assert engine.traced is not None
        waiting.set_result(engine.traced(End("10.239.0.2", "vm1", "c1"), End("10.239.1.2", "vm2", "c1")))
        await settle(pilot)
        assert "probe: ✓" not in screen_text(app)


async def test_what_is_found_where_it_is_lost_is_mended_from_here(make: Make) -> None:
    app = make(one_missing())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        text = screen_text(app)
        assert "✗ no answer" in text
        assert "vm1 has no route to 10.239.1.0/24 (vm2)" in text
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(app.screen, FixDialog)


async def test_without_places_it_says_what_is_needed(make: Make) -> None:
    app: HostgwApp = make(Fabric())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        await settle(pilot)
        assert "A path needs two places" in screen_text(app)
        await pilot.press("p", "x")
        await settle(pilot)
        assert "A path needs two places" in screen_text(app)


async def test_what_goes_is_chosen_and_judged_while_typed(make: Make) -> None:
    app = make(settled(healthy()))
    tracer(engine_of(app))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("6", "o")
        await settle(pilot)
        assert "✓ icmp" in screen_text(app)
        await pilot.press("tab", "tab", *"9999999")
        await settle(pilot)
        assert "✗ bytes: a number from 0 to 9000" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, PacketKindDialog)
        await pilot.press(*["backspace"] * 7, *"1472", "tab", *"3")
        app.screen.query_one("#whole", Select).value = FRAGMENTING[True]
        await pilot.press("enter")
        await settle(pilot)
        assert "way of icmp of 1500 bytes with DF" in screen_text(app)
        await pilot.press("p")
        await settle(pilot)
        assert any(told.endswith("3 x icmp of 1500 bytes with DF") for told in engine_of(app).asked)


async def test_a_connection_needs_a_port_and_chooses_its_sizes(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("6", "o")
        await settle(pilot)
        app.screen.query_one("#protocol", Select).value = "tcp"
        await settle(pilot)
        assert "✗ it needs a port" in screen_text(app)
        await pilot.press("tab", *"8080")
        await settle(pilot)
        assert "✓ tcp port 8080" in screen_text(app)
        await pilot.press("tab", *"100")
        await settle(pilot)
        assert "✗ size and DF are for icmp and udp" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "way of icmp:" in screen_text(app)


def test_of_the_outside_it_is_said_who_decides() -> None:
    fabric = healthy(3)
    mesh = build(fabric)
    found = predict(fabric, find_end(fabric, mesh, "vm1:c1"), find_end(fabric, mesh, "192.0.2.9"))
    assert "answered, as far as the listed hosts decide it" in lines_text([head_line(found)])
