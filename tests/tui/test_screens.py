"""What each screen does beside the story."""

from __future__ import annotations

import threading

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Input

from hostgw.checks.witness import WITNESSED
from hostgw.model.kernel import ConntrackEntry
from hostgw_tui.actions import EVERYWHERE, of
from hostgw_tui.app import HostgwApp
from hostgw_tui.packets.journey_grid import JourneyGrid
from hostgw_tui.packets.screen import PacketsScreen
from hostgw_tui.prompts import DialogPrompter
from hostgw_tui.pulse import Pulse
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import blackholed, broken, connecting, counters, many_faults, one_missing, settled
from tests.tui.reading import engine_of, grid_text, reader_text, screen_text, settle
from tests.tui.traffic import FakeTraffic


async def test_counters_are_asked_only_while_seen(make: Make) -> None:
    app = make(counters(settled(healthy()), 1000))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert not engine_of(app).looking
        await pilot.press("2")
        await settle(pilot)
        assert engine_of(app).looking
        assert "br0" in grid_text(app, "#links")
        await pilot.press("3")
        await settle(pilot)
        assert not engine_of(app).looking


async def test_a_counter_witnesses_the_finding_that_is_explained(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        grid = app.screen.query_one("#findings", Grid)
        grid.focus()
        for place, row in enumerate(grid.rows):
            grid.cursor = place
            await settle(pilot)
            assert engine_of(app).looking == (row.key.partition("/")[0] in WITNESSED), row.key


async def test_hosts_change_by_brackets_on_all_host_screens(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("3", "right_square_bracket")
        await settle(pilot)
        assert "routes of vm2 (2/4)" in grid_text(app, "#routes")
        await pilot.press("4")
        await settle(pilot)
        assert "NAT of vm2" in grid_text(app, "#cases")
        await pilot.press("less_than_sign", "less_than_sign")
        await settle(pilot)
        assert "NAT of vm4" in grid_text(app, "#cases")


async def test_fix_from_the_routes(make: Make) -> None:
    app = make(many_faults())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        app.screen.query_one("#routes", Grid).select("expected 10.239.1.0/24")
        await pilot.press("f")
        await settle(pilot)
        assert "ip route add 10.239.1.0/24 via 10.5.7.61" in reader_text(app, "#plan")


async def test_tracked_flows_on_demand(make: Make) -> None:
    app = make(one_missing())
    engine_of(app).flows = (
        ConntrackEntry("icmp", "10.239.0.2", "1.1.1.1", "1.1.1.1", "10.5.7.60", 7, 0, 0, 7, "", 30, ("UNREPLIED",)),
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "c")
        await settle(pilot)
        text = grid_text(app, "#flows")
        assert "SNAT 10.5.7.60:7" in text
        assert "unreplied" in text
        await pilot.press("c")
        await settle(pilot)
        assert app.screen.query_one("#rules").display


@pytest.mark.parametrize("key", "12345")
async def test_every_screen_speaks_before_hosts_answer(make: Make, key: str) -> None:
    app = make(connecting())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await settle(pilot)
        text = screen_text(app)
        assert "onnecting" in text or "No host has been read yet" in text


async def test_errors_and_old_data_are_told(make: Make) -> None:
    app = make(broken())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("3", "right_square_bracket")
        await settle(pilot)
        assert "~ stale, 75 s old · r tries again" in screen_text(app)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        text = screen_text(app)
        assert "vm3 is unreachable" in text
        assert "no route to host" in text
        assert "r tries again" in text
        await pilot.press("r")
        await settle(pilot)
        assert {"retry vm2", "retry vm3", "retry vm4", "refresh"} <= set(engine_of(app).asked)


@pytest.mark.parametrize("size", [(20, 5), (59, 24), (80, 14)])
async def test_too_small_is_said(make: Make, size: tuple[int, int]) -> None:
    app = make(one_missing())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert "too small" in screen_text(app) or size[1] < 6
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "mesh" in screen_text(app)


async def test_the_least_size_keeps_quit_and_tells_what_is_out_of_sight(make: Make) -> None:
    app = make(one_missing(8))
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        lines = screen_text(app).splitlines()
        assert lines[1].startswith("─hosts · 1-2 of 8─")
        assert "q quit" in lines[-1]
        assert "? help" in lines[-1]
        assert "…" in lines[-2]
        await pilot.press("shift+tab", "shift+tab", "G")
        await settle(pilot)
        assert "hosts · 7-8 of 8" in screen_text(app)


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_a_footer_has_seven_keys_at_most(scope: str) -> None:
    assert sum(scope in action.footer for action in of(scope)) <= 7


async def test_255_hosts_scroll(make: Make) -> None:
    app = make(one_missing(64))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("z", "shift+tab", "G", *["right"] * 20)
        await settle(pilot)
        text = screen_text(app)
        assert "vm64 " in text
        assert "10.239.20.0/24" in text


# ---- packets ----


async def with_capture(app: HostgwApp, traffic: FakeTraffic) -> None:
    engine_of(app).tapped = traffic.start


async def test_capture_follows_and_explains(make: Make, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        traffic.pings(30)
        await settle(pilot)
        grid = app.screen.query_one(JourneyGrid)
        assert len(grid.rows) == 60
        assert grid.cursor == 59
        assert "taps 6/6" in screen_text(app)
        assert "MAC TTL" in grid_text(app, "#hops")
        assert "vm1/c1/eth0" in grid_text(app, "#hops")
        await pilot.press("up", "m")
        await settle(pilot)
        assert "packets · 60 · G follows" in screen_text(app)
        traffic.pings(5, first=31)
        await settle(pilot)
        assert grid.cursor == 58
        assert "02:00:00:00:00:01" in grid_text(app, "#hops")
        assert "10 new, G follows" in screen_text(app)
        await pilot.press("G")
        await settle(pilot)
        assert "following" in screen_text(app)
        await pilot.press("space")
        traffic.pings(5, first=36)
        await settle(pilot)
        assert len(grid.rows) == 70
        await pilot.press("space")
        await settle(pilot)
        assert len(grid.rows) == 80
        await pilot.press("enter")
        await settle(pilot)
        assert "▼ ICMP" in screen_text(app)
        await pilot.press("escape", "w")
        await settle(pilot)
        assert any("frames written" in note.message for note in app._notifications)
        app.action_mask()
        await pilot.press("w")
        await settle(pilot)
        assert any("with real names and addresses" in note.message for note in app._notifications)
        app.action_mask()
        await pilot.press("q")
        await settle(pilot)
        assert "w has written all of it." in screen_text(app)
        await pilot.press("escape")
        traffic.pings(1, first=41)
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert "all but the last 8 frames." in screen_text(app)
        await pilot.press("escape", "ctrl+c")
        await settle(pilot)
        assert traffic.untapped == 6
        assert "stopped" in screen_text(app)


async def test_a_state_line_that_is_cut_has_a_mark(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        assert isinstance(app.screen, PacketsScreen)
        app.screen._expression = " or ".join(["icmp and host 10.239.1.2"] * 5)
        await settle(pilot)
        assert screen_text(app).splitlines()[2].rstrip().endswith("…")


async def test_q_and_q_quits_a_running_capture(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert "its packets are not saved" in screen_text(app)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


@pytest.mark.parametrize("screen", ["1", "5"])
async def test_brackets_say_where_there_is_no_next_host(make: Make, screen: str) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press(screen, "right_square_bracket")
        await settle(pilot)
        assert any("shows all hosts" in note.message for note in app._notifications)


async def test_packets_are_filtered(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        traffic.pings(10)
        await settle(pilot)
        await pilot.press("slash", *"request", "enter")
        await settle(pilot)
        assert "10 of 20" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert len(app.screen.query_one(JourneyGrid).rows) == 20


async def test_lost_pings_are_told(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        traffic.pings(1, answered=False)
        traffic.pings(1, first=40)
        await settle(pilot)
        assert "✗ lost vm1/eth0" in screen_text(app)


async def test_a_lost_ping_says_why_where_that_is_predicted(make: Make) -> None:
    app, traffic = make(blackholed()), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        traffic.pings(1, answered=False, steps=1)
        traffic.pings(1, first=40)
        await settle(pilot)
        await pilot.press("home")
        await settle(pilot)
        assert "✗ lost vm1/br0" in screen_text(app)
        title = str(app.screen.query_one("#hops").border_title)
        assert title.startswith("hops of packet 1 · lost after vm1/br0: "), title
        assert "blackhole" in title


async def test_capture_filter_is_checked_while_typing(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "b", *"icmx")
        await settle(pilot)
        assert "is no filter word" in reader_text(app, "#bpf-remark")
        await pilot.press("backspace", "p")
        await settle(pilot)
        assert "✓ compiles" in reader_text(app, "#bpf-remark")
        await pilot.press("enter", "s")
        await settle(pilot)
        assert "capture 6 icmp" in engine_of(app).asked
        assert "icmp" in screen_text(app)


async def test_taps_are_chosen(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "t")
        await settle(pilot)
        assert "[x]   eth0" in screen_text(app)
        await pilot.press("down", "space", "enter")
        await settle(pilot)
        assert "5 taps on 3 hosts" in screen_text(app)
        await pilot.press("t", "c", "enter")
        await settle(pilot)
        assert "18 taps on 3 hosts" in screen_text(app)


async def test_a_capture_that_fails_is_told(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        assert any("no capture here" in note.message for note in app._notifications)
        assert isinstance(app.screen, PacketsScreen)
        assert not app.screen.busy


async def test_probe(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "p")
        await settle(pilot)
        assert "vm1/c1  10.239.0.2" in screen_text(app)
        await pilot.press("s")
        await settle(pilot)
        assert "probe vm1 1 10.239.1.2" in engine_of(app).asked
        assert "✓ reply from 10.239.1.2, ttl 62" in screen_text(app)


# ---- questions, pulse ----


def ask(prompter: DialogPrompter, found: list[object]) -> threading.Thread:
    thread = threading.Thread(target=lambda: found.append(prompter.password("vm1", "Password:")))
    thread.start()
    return thread


async def test_a_password_is_asked_and_hidden(make: Make) -> None:
    app = make(connecting())
    prompter = app._prompter
    found: list[object] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        thread = ask(prompter, found)
        while not app.screen.query(Input).filter("#secret"):
            await pilot.pause()
        await pilot.press(*"s3cret")
        await pilot.pause()
        assert "s3cret" not in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        thread.join(10)
    assert found == ["s3cret"]


async def test_enter_does_not_accept_a_host_key(make: Make) -> None:
    app = make(connecting())
    found: list[object] = []
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("enter", "a"):
            thread = threading.Thread(
                target=lambda: found.append(app._prompter.confirm_host_key("vm1", "ssh-ed25519", "SHA256:abc"))
            )
            thread.start()
            while "SHA256:abc" not in screen_text(app):
                await pilot.pause()
            await pilot.press(key)
            await settle(pilot)
            thread.join(10)
    assert found == [False, True]


async def test_leaving_answers_open_questions(make: Make) -> None:
    app = make(connecting())
    found: list[object] = []
    async with app.run_test(size=(80, 24)) as pilot:
        thread = ask(app._prompter, found)
        while not app.screen.query(Input).filter("#secret"):
            await pilot.pause()
    thread.join(10)
    assert found == [None]
    assert app._prompter.password("vm1", "late") is None


async def test_a_pulse_joins_many_touches() -> None:
    import asyncio

    beats: list[int] = []
    done = asyncio.Event()

    def beat() -> None:
        beats.append(1)
        done.set()

    pulse = Pulse(beat, 1000)
    pulse.touch()
    pulse.start()

    def touches() -> None:
        for _ in range(500):
            pulse.touch()

    thread = threading.Thread(target=touches)
    thread.start()
    thread.join()
    await asyncio.wait_for(done.wait(), 10)
    pulse.stop()
    assert len(beats) == 1


async def test_a_long_text_is_left_and_found_again_by_one_key(make: Make) -> None:
    app = make(settled(healthy(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        scroll = app.screen.query_one(VerticalScroll)
        await pilot.press("end")
        await settle(pilot)
        assert scroll.scroll_y == scroll.max_scroll_y > 0
        await pilot.press("home")
        await settle(pilot)
        assert scroll.scroll_y == 0
        await pilot.press("G")
        await settle(pilot)
        assert scroll.scroll_y == scroll.max_scroll_y
