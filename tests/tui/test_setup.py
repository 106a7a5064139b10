"""The setup screen and the small forms: what is asked, judged while it is typed, previewed, made, and taken back."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.widgets import Input

from hostgw.model.change import AttachmentChange, RouteChange
from hostgw.model.kernel import Address
from hostgw.plans.model import Result
from hostgw.wire import Section
from hostgw_tui.app import HostgwApp
from hostgw_tui.fix.screen import FixDialog
from hostgw_tui.setup.fields import SubnetGrid, Switch
from hostgw_tui.setup.members import MemberDialog
from hostgw_tui.setup.screen import SetupDialog
from tests.fabrics import NIC, altered, healthy
from tests.tui.conftest import Make
from tests.tui.fake import bare, connecting, settled
from tests.tui.reading import engine_of, grid_text, reader_text, screen_text, settle
from tests.tui.test_story import dialog
from tests.unit.test_setup import stripped


def setup_dialog(app: HostgwApp) -> SetupDialog:
    assert isinstance(app.screen, SetupDialog)
    return app.screen


async def test_bare_hosts_become_a_network_and_bare_again(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        assert "These hosts form no host-gw network yet" in screen_text(app)
        assert "no network" in screen_text(app).splitlines()[0]
        await pilot.press("S")
        await settle(pilot)
        assert "✓ 3 new" in reader_text(app, "#verdict")
        assert isinstance(app.focused, Input)
        await pilot.press("enter")
        await settle(pilot)
        assert "Set up: preview" in screen_text(app)
        preview = reader_text(app, "#plan")
        assert "why     the containers of vm1 are plugged into br0" in preview
        assert "ip link add name br0" in preview
        await pilot.press("a")
        await settle(pilot)
        assert "✓ verified" in reader_text(app, "#outcome")
        assert "as planned" in reader_text(app, "#outcome")
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is app.screen_stack[0]
        assert "No container hangs on a bridge yet: attach in the palette (:)" in screen_text(app)
        assert "missing" not in grid_text(app, "#matrix")
        assert "network 10.239.0.0/16 (told)" in screen_text(app)
        assert "healthy" in screen_text(app).splitlines()[0]
        for key in ("u", "enter", "a", "escape", "escape"):
            await pilot.press(key)
            await settle(pilot)
        assert "These hosts form no host-gw network yet" in screen_text(app)


async def test_a_cancelled_preview_comes_back_to_the_form(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("S", "enter", "escape"):
            await pilot.press(key)
            await settle(pilot)
        assert setup_dialog(app)
        await pilot.press("escape")
        await settle(pilot)
        assert engine_of(app).journal.entries() == ()


async def test_what_is_typed_is_judged_at_once(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S", "backspace", "backspace", "backspace")
        await settle(pilot)
        assert "'10.239.0.0' is no network: write it as 10.239.0.0/16" in reader_text(app, "#verdict")
        await pilot.press("enter")
        await settle(pilot)
        assert setup_dialog(app)
        await pilot.press("slash", "1", "6", "tab", *["backspace"] * 3, *"kube", "tab", "space", "tab")
        await settle(pilot)
        assert isinstance(app.focused, SubnetGrid)
        assert not app.screen.query_one(Switch).value
        await pilot.press("down", *["backspace"] * 6, *"0.0/24")
        await settle(pilot)
        assert "10.239.0.0/24▏" in grid_text(app, "#subnets")
        assert [host.subnet for host in setup_dialog(app)._draft.hosts] == [
            "10.239.1.0/24",
            "10.239.0.0/24",
            "10.239.2.0/24",
        ]
        await pilot.press("down", "delete")
        await settle(pilot)
        assert "2 new, 1 without a subnet" in reader_text(app, "#verdict")
        await pilot.press("up", "backspace")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert "10.239.1.0/24▏" in grid_text(app, "#subnets")
        await pilot.press("enter")
        await settle(pilot)
        plan = dialog(app).plan
        assert not any("masquerade" in step.summary or "HOSTGW" in str(step.change) for step in plan.steps)
        assert "name kube" in reader_text(app, "#plan")
        assert {type(s.change) for s in plan.steps if s.host == "vm3"} == {RouteChange}


async def test_keys_that_come_faster_than_the_picture_are_all_taken(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S", "tab", "tab", "tab")
        await settle(pilot)
        keys = [("down", None), ("delete", None), *((key, key) for key in "10.239.77.0/24"), ("enter", None)]
        for key, character in keys:
            app.post_message(events.Key(key, character))  # all of them wait before the first is looked at
        await settle(pilot)
        await settle(pilot)
        assert setup_form(app) == {"vm2": "10.239.77.0/24"}
        assert "10.239.77.0/24" in reader_text(app, "#plan")


def setup_form(app: HostgwApp) -> Mapping[str, str]:
    box = app.screen_stack[1]
    assert isinstance(box, SetupDialog)
    return box.form.subnets


async def test_nothing_missing_is_said_in_the_form(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        assert "3 there already" in reader_text(app, "#verdict")
        await pilot.press("enter")
        await settle(pilot)
        assert "nothing is missing" in reader_text(app, "#verdict")


async def test_a_network_on_the_segment_is_refused_at_the_preview(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S", *["backspace"] * 13, *"10.5.0.0/16")
        await settle(pilot)
        assert "▲ vm1 uses 10.5.7.0/24 of it (eth0)" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "10.5.0.0/16 overlaps the segment 10.5.7.0/24 of vm1" in reader_text(app, "#plan")
        assert "apply" not in screen_text(app).splitlines()[-4]


async def test_a_host_on_another_segment_is_refused_with_the_alternatives(make: Make) -> None:
    moved = Address(NIC, "10.6.0.61", 24)
    away = lambda rows: [moved if getattr(row, "index", 0) == NIC else row for row in rows]  # noqa: E731
    app = make(altered(bare(), "vm2", Section.ADDRESSES, away))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S", "enter")
        await settle(pilot)
        told = " ".join(reader_text(app, "#plan").split())
        assert "vm2 (10.6.0.61) is not on the segment 10.5.7.0/24 of vm1: host-gw needs one" in told
        assert "carry the traffic between the segments in a tunnel" in told
        await pilot.press("a", "escape")
        await settle(pilot)
        assert setup_dialog(app)
        assert engine_of(app).journal.entries() == ()


async def test_no_host_read_is_nothing_to_set_up(make: Make) -> None:
    app = make(connecting())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        assert any("no host has been read" in note.message for note in app._notifications)


async def test_it_is_in_the_palette(make: Make) -> None:
    app = make(bare())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon", *"set up")
        await settle(pilot)
        await app.workers.wait_for_complete()
        await pilot.press("down", "enter")
        await settle(pilot)
        assert setup_dialog(app)


async def member(app: HostgwApp, pilot: object, action: str) -> MemberDialog:
    await app.run_action(action)
    await settle(pilot)  # type: ignore[arg-type]
    assert isinstance(app.screen, MemberDialog)
    return app.screen


async def test_a_host_joins(make: Make) -> None:
    from tests.fabrics import routes

    fabric = stripped(healthy(4), "vm4")
    for name in ("vm1", "vm2", "vm3"):
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != "10.239.3.0/24"])
    app = make(settled(fabric))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        box = await member(app, pilot, "app.join")
        assert box._values == {"host": "vm4", "subnet": "10.239.3.0/24", "bridge": "br0"}
        await pilot.press("tab", *["backspace"] * 13)
        await settle(pilot)
        assert "✓ 3 steps on vm4" in reader_text(app, "#verdict")  # no subnet: routes only
        await pilot.press(*"10.239.3.0/24", "enter")
        await settle(pilot)
        assert {s.host for s in dialog(app).plan.steps} == {"vm1", "vm2", "vm3", "vm4"}
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is app.screen_stack[0]
        assert "missing" not in grid_text(app, "#matrix")
        assert [f.summary for f in engine_of(app).view().listed] == []


async def test_a_host_leaves(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await member(app, pilot, "app.member('leave')")
        await pilot.press("backspace", "9")
        await settle(pilot)
        assert "there is no host vm9" in reader_text(app, "#verdict")
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(app.screen, FixDialog)
        await pilot.press("backspace", "3", "enter")
        await settle(pilot)
        assert "Leave: preview" in screen_text(app)
        assert dialog(app).plan.title == "vm3 leaves: nobody routes to it any more"


async def test_namespaces_are_attached_and_detached(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await member(app, pilot, "app.member('attach')")
        await pilot.press("tab", *"x1 far-too-long-a-name")
        await settle(pilot)
        assert "makes no name for a device" in reader_text(app, "#verdict")
        await pilot.press(*["backspace"] * 19, *"x2", "enter")
        await settle(pilot)
        plan = dialog(app).plan
        assert [type(step.change) for step in plan.steps] == [AttachmentChange] * 2
        assert "a veth pair is a cable with two ends" in " ".join(reader_text(app, "#plan").split())
        await pilot.press("a")
        await settle(pilot)
        outcome = dialog(app).outcome
        assert outcome is not None
        assert outcome.result is Result.VERIFIED
        await pilot.press("escape")
        await settle(pilot)
        box = await member(app, pilot, "app.member('detach')")
        assert box._values == {"host": "vm1", "namespace": "c1"}
        await pilot.press("backspace", "2")
        await settle(pilot)
        assert box._values == {"host": "vm2", "namespace": "c1"}
        await pilot.press("enter")
        await settle(pilot)
        assert dialog(app).plan.title == "detach c1 on vm2"
