"""`y` copies what a row is about, `Y` the commands that it stands for."""

from __future__ import annotations

import pytest
from msgspec import structs

from hostgw.model.kernel import Filter
from hostgw.wire import Section
from hostgw_tui.app import HostgwApp
from hostgw_tui.nat.rows import rule_command, totals
from hostgw_tui.routes.rows import route_command
from hostgw_tui.widgets.grid import Grid
from tests.fabrics import NIC, altered, nat
from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import settle

ADD = "ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0"


@pytest.mark.parametrize(
    ("keys", "grid", "key", "copied"),
    [
        (("1",), "#findings", "y", "vm1 has no route to 10.239.1.0/24 (vm2)"),
        (("1",), "#findings", "Y", ADD),
        (("1",), "#hosts", "y", "10.5.7.60"),
        (("1",), "#hosts", "Y", ADD),
        (("3",), "#routes", "y", "10.239.1.0/24"),
        (("3",), "#routes", "Y", ADD),
        (("3", "down"), "#routes", "Y", "ip route add 10.239.2.0/24 via 10.5.7.62 dev eth0 proto static"),
        (("4",), "#rules", "Y", "iptables-nft -t nat -A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN"),
        (("2",), "#tree", "y", "10.5.7.60/24"),
    ],
)
async def test_what_is_copied(
    make: Make, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...], grid: str, key: str, copied: str
) -> None:
    app, sent = make(one_missing()), list[str]()
    monkeypatch.setattr(HostgwApp, "copy", lambda _self, text: sent.append(text))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press(keys[0])
        await settle(pilot)
        app.screen.query_one(grid, Grid).focus()
        await pilot.press(*keys[1:], key)
        await pilot.pause()
    assert len(sent) == 1
    assert sent[0].startswith(copied)


def test_what_a_host_names_is_quoted() -> None:
    """What is copied is made to be pasted into a shell of root's: nothing of it may be obeyed."""
    fabric = altered(
        one_missing(),
        "vm1",
        Section.LINKS,
        lambda rows: [structs.replace(r, name="e;reboot") if r.index == NIC else r for r in rows],  # type: ignore[union-attr]
    )
    nasty = '[0:0] -A POSTROUTING -m comment --comment "$(reboot)" -j RETURN'
    rules = f"{nat('10.239.0.0/24').removesuffix('COMMIT')}{nasty}"
    fabric = altered(fabric, "vm1", Section.FILTERS, lambda _rows: [Filter("nft", f"{rules}\nCOMMIT")])
    host = fabric.hosts["vm1"]
    route = next(route for route in host.root.routes if route.dst == "10.239.2.0/24")
    assert "dev 'e;reboot'" in route_command(route, host)
    key = next(key for key in totals(host) if "reboot" in str(key))
    assert rule_command(str(key), host) == (
        "iptables-nft -t nat -A POSTROUTING -m comment --comment '$(reboot)' -j RETURN"
    )
