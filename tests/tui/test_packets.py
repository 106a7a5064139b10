"""The packets screen by its keys: lanes, ladder, two taps side by side, filter, colours, copying."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from hostgw.wire import Drops
from hostgw_tui.app import HostgwApp
from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.look import FLOWS
from hostgw_tui.packets.journey_grid import JourneyGrid, OneLineGrid
from hostgw_tui.packets.ladder import LadderDialog
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import blackholed, settled
from tests.tui.reading import engine_of, grid_text, screen_text, settle, until
from tests.tui.traffic import BEGAN, FakeTraffic


@asynccontextmanager
async def captured(
    make: Make, size: tuple[int, int] = (80, 24), count: int = 5
) -> AsyncIterator[tuple[HostgwApp, Pilot[None], FakeTraffic]]:
    """The screen with a capture that saw some pings, and one that was not answered long before the last."""
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("5", "s")
        await settle(pilot)
        traffic.pings(count)
        traffic.pings(1, first=40)
        await settle(pilot)
        yield app, pilot, traffic


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def copies(app: HostgwApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(app, "copy", found.append)
    return found


def journeys(app: HostgwApp) -> JourneyGrid:
    return app.screen.query_one(JourneyGrid)


async def test_list_and_lanes_share_cursor_filter_and_hops(make: Make) -> None:
    async with captured(make) as (app, pilot, traffic):
        await press(pilot, "up", "up")
        key = journeys(app).current.key  # type: ignore[union-attr]
        await press(pilot, "v")
        assert "vm1 ─" in screen_text(app)
        assert "●64──24µ─▶●63─~42µ─▶●63──21µ─▶●62" in screen_text(app)
        assert journeys(app).current.key == key  # type: ignore[union-attr]
        assert f"hops of packet {key}" in screen_text(app)
        traffic.pings(2, first=50)
        await settle(pilot)
        assert "4 new, G follows" in screen_text(app)
        await press(pilot, "slash", *"req", "enter")
        assert "8 of 16" in screen_text(app)
        await press(pilot, "v")
        assert "VERDICT" in screen_text(app)
        assert len(journeys(app).rows) == 8


async def test_the_newest_stays_in_sight(make: Make) -> None:
    async with captured(make, count=20) as (app, pilot, traffic):
        await press(pilot, "v")
        assert "rep 40" in screen_text(app)
        await press(pilot, "e")
        traffic.pings(20, first=50)
        await settle(pilot)
        await press(pilot, "escape")
        assert "rep 69" in screen_text(app)
        await press(pilot, "v")
        assert "seq 69" in screen_text(app)


async def test_pause_holds_the_lanes(make: Make) -> None:
    async with captured(make) as (app, pilot, traffic):
        await press(pilot, "v", "space")
        before = len(journeys(app).rows)
        traffic.pings(2, first=50)
        await settle(pilot)
        assert len(journeys(app).rows) == before
        await press(pilot, "space")
        assert len(journeys(app).rows) == before + 4


async def test_lanes_fold_and_scroll(make: Make) -> None:
    async with captured(make, (110, 30)) as (app, pilot, traffic):
        await press(pilot, "t", "c", "enter", "v")  # all taps: the capture begins anew
        traffic.pings(3)
        await settle(pilot)
        assert "lanes 1-9 of 18, ← →" in screen_text(app)
        await press(pilot, "right", "right")
        assert "lanes 3-11 of 18" in screen_text(app)
        await press(pilot, "left", "z")
        assert "lanes" not in str(journeys(app).border_title)
        assert journeys(app).heads[1] != ()


async def test_a_narrow_terminal_folds_by_itself(make: Make) -> None:
    async with captured(make, (70, 20)) as (app, pilot, traffic):
        await press(pilot, "t", "c", "enter", "v")
        traffic.pings(3)
        await settle(pilot)
        assert "veth" not in "".join(part.text for part in journeys(app).heads[1])
        await press(pilot, "z")
        assert "veth" in "".join(part.text for part in journeys(app).heads[1])


async def test_only_the_lanes_of_a_packet_s_way(make: Make) -> None:
    async with captured(make) as (app, pilot, _):
        await press(pilot, "v", "x")
        assert "vm3" not in screen_text(app).splitlines()[3]
        assert "x shows all lanes" in screen_text(app)
        await press(pilot, "x")
        assert "vm3" in screen_text(app).splitlines()[3]
        await press(pilot, "v", "x")
        assert "VERDICT" in screen_text(app)


async def test_two_taps_side_by_side(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with captured(make) as (app, pilot, _):
        await press(pilot, "home", "tab", "space")
        assert "move to another tap" in screen_text(app)
        await press(pilot, "down")
        text = grid_text(app, "#diff")
        assert "packet 1: vm1/br0 against vm1/eth0" in text
        assert "≠ TTL              64" in text
        assert "24µs from the first to the second" in text
        assert "◆ vm1/br0" in screen_text(app)
        copied = copies(app, monkeypatch)
        await press(pilot, "y")
        assert copied[0].startswith("# hops of packet 1")
        assert "against vm1/eth0" in copied[0]
        await press(pilot, "escape")
        assert not app.screen.query_one("#diff").display
        assert app.current_mode == "packets"
        await press(pilot, "space", "space")
        assert not app.screen.query_one("#diff").display


async def test_a_mark_is_of_one_packet(make: Make) -> None:
    async with captured(make, (120, 40)) as (app, pilot, _):
        await press(pilot, "home", "tab", "space", "shift+tab", "down")
        assert not app.screen.query_one("#diff").display
        assert not app.screen.has_class("-comparing")


async def test_the_ladder_is_one_for_request_and_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with captured(make, (100, 34)) as (app, pilot, _):
        await press(pilot, "home", "e")
        request = screen_text(app)
        assert "ladder of packet 1" in request
        assert "answered by packet 2" in request
        assert "TTL 64→63 · MAC vm1/eth0→vm2/eth0" in request
        assert "by vm1's clock; vm2 ±43µs" in request
        await press(pilot, "escape", "down", "e")
        assert isinstance(app.screen, LadderDialog)
        assert "ladder of packet 1" in screen_text(app)
        copied = copies(app, monkeypatch)
        await press(pilot, "y")
        assert "~42µs±43µs" in copied[0]
        await press(pilot, "enter")
        assert "packet 1 at vm1/br0" in screen_text(app)
        assert "▼ ICMP" in screen_text(app)
        await press(pilot, "escape", "down", "down", "down", "enter")
        assert "packet 1 at vm2/br0" in screen_text(app)


async def test_the_end_of_a_ladder_comes_in_sight(make: Make) -> None:
    async with captured(make) as (app, pilot, _):
        await press(pilot, "home", "e")
        assert "✓ delivered" not in screen_text(app)
        await press(pilot, "end")
        assert "✓ delivered" in screen_text(app)


async def test_the_ladder_says_where_a_packet_was_lost_and_why(make: Make) -> None:
    app, traffic = make(blackholed()), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "5", "s")
        traffic.pings(1, answered=False, steps=1)
        traffic.pings(1, first=40)
        await settle(pilot)
        await press(pilot, "home", "e")
        assert "✗ lost after vm1/br0: " in screen_text(app)
        assert "vm1: blackhole 10.239.1.0/24" in screen_text(app)


async def test_the_ladder_of_a_packet_under_way_grows(make: Make) -> None:
    async with captured(make, (100, 34)) as (app, pilot, traffic):
        traffic.pings(1, first=41, steps=2)
        await settle(pilot)
        await press(pilot, "e")
        assert "◌ in flight" in screen_text(app)
        assert len(app.screen.query_one(OneLineGrid).rows) == 5
        traffic.pings(1, first=70, answered=False)
        await until(pilot, lambda: "in flight" not in screen_text(app))


async def test_filter_words(make: Make) -> None:
    async with captured(make, (120, 40)) as (app, pilot, traffic):
        traffic.pings(1, first=100, answered=False)
        await settle(pilot)
        await press(pilot, "slash", *"verdict:in", "enter")
        assert "1 of 13" in screen_text(app)
        traffic.pings(1, first=140)  # the clock goes on; that one is no longer under way
        await settle(pilot)
        assert "0 of 15" in screen_text(app)
        assert "No packet matches verdict:in" in screen_text(app)
        await press(pilot, "escape", "slash", *"prot:icmp", "enter")
        assert "no key prot: did you mean proto?" in screen_text(app)
        await press(pilot, "escape", "slash", *"addr:10.239.0.0/24 !host:vm2", "enter")
        assert "1 of 15" in screen_text(app)


async def test_only_the_flow_of_the_selected_packet(make: Make) -> None:
    async with captured(make) as (app, pilot, _):
        await press(pilot, "home", "o")
        assert journeys(app).needle == "flow:1"
        assert "12 of 12" in screen_text(app)
        await press(pilot, "o")
        assert journeys(app).needle == ""


async def test_colours_by_flow(make: Make) -> None:
    async with captured(make) as (app, pilot, _):
        row = lambda: journeys(app).rows[0]  # noqa: E731
        assert row().cells[1][0].tone not in FLOWS
        await press(pilot, "c")
        assert row().cells[1][0].tone in FLOWS
        assert journeys(app).rows[1].cells[1][0].tone == row().cells[1][0].tone
        assert "colour: flow" in screen_text(app)
        await press(pilot, "v")
        assert any(part.tone in FLOWS for part in row().cells[0])
        await press(pilot, "c")
        assert not any(part.tone in FLOWS for part in row().cells[0])


# ---- taps ----


async def test_taps_of_a_whole_host_by_one_key(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "5", "t")
        assert "[-] ▼ vm1" in screen_text(app)
        await press(pilot, "down", "down", "a")
        assert "[x] ▼ vm1" in screen_text(app)
        assert "10 chosen" in screen_text(app)
        await press(pilot, "a")
        assert "[ ] ▼ vm1" in screen_text(app)
        await press(pilot, "home", "space", "enter")
        assert "10 taps on 3 hosts" in screen_text(app)


async def test_the_tree_of_taps_folds(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "5", "t", "down", "left")
        assert "▸ vm1" in screen_text(app)
        assert app.screen.query_one(Grid).cursor == 0
        await press(pilot, "z")
        assert len(app.screen.query_one(Grid).rows) == 3
        await press(pilot, "right")
        assert len(app.screen.query_one(Grid).rows) == 9
        await press(pilot, "z", "z")
        assert len(app.screen.query_one(Grid).rows) == 21


async def test_taps_along_a_path(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "5", "t", "p", *"vm1:c1", "enter", *"vm2:c1", "enter")
        text = screen_text(app)
        assert "8 taps from vm1:c1 to vm2:c1" in text
        assert "[x]       c1/eth0" in text
        assert "8 chosen" in text
        await press(pilot, "end")
        assert "▸ vm3" in screen_text(app)
        await press(pilot, "p", *"vm1:c1", "enter", *"vm1:c1", "enter", "enter")
        assert "taps on 1 hosts" in screen_text(app)


@pytest.mark.parametrize("key", ["e", "o", "y", "z", "x", "left", "v"])
async def test_keys_before_a_capture(make: Make, key: str) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "5", key)
        assert "Press s to start" in screen_text(app)


async def test_the_details_hold_tree_and_bytes(make: Make) -> None:
    async with captured(make, (100, 50)) as (app, pilot, _):
        await press(pilot, "v", "home", "enter")
        text = screen_text(app)
        assert "packet 1 at vm1/br0" in text
        assert "▼ BYTES" in text
        assert "0000  02" in text


async def test_a_lost_packet_leads_to_the_fix_of_what_loses_it(make: Make) -> None:
    app, traffic = make(blackholed()), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, "5", "s")
        traffic.pings(1, answered=False, steps=1)
        traffic.pings(1, first=40)
        await settle(pilot)
        await press(pilot, "end", "f")
        assert any("where a finding explains" in note.message for note in app._notifications)
        await press(pilot, "home")
        assert "f previews the fix" in str(app.screen.query_one("#hops").border_title)
        await press(pilot, "f")
        assert isinstance(app.screen, FixDialog)
        assert "ip route del blackhole 10.239.1.0/24" in screen_text(app)


async def test_what_the_kernel_says_of_a_lost_packet_stands_beside_it(make: Make) -> None:
    app, traffic = make(settled(healthy())), FakeTraffic()
    engine_of(app).tapped = traffic.start
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "5", "s")
        traffic.pings(1, answered=False, steps=1)
        dropped = BEGAN + 100_000_000 + 20_000
        assert traffic.capture
        traffic.capture.dropped("vm1", Drops(((dropped, "IP_INHDR", "ip_forward"), (dropped, "\x1b[2J", "x"))))
        traffic.pings(1, first=40)
        await settle(pilot)
        await press(pilot, "home")
        title = str(app.screen.query_one("#hops").border_title)
        assert "lost after vm1/br0: likely its header is refused, or its TTL is used up (IP_INHDR in ip_f" in title


async def test_the_filter_is_the_list_s_also_from_the_hops(make: Make) -> None:
    async with captured(make, (120, 40)) as (app, pilot, _traffic):
        app.screen.query_one("#hops", Grid).focus()
        await pilot.pause()
        await press(pilot, "slash", *"req")
        assert journeys(app).needle == "req"
        assert app.screen.query_one("#hops", Grid).needle == ""
