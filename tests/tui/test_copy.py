"""`y` copies what a row is about, `Y` the commands that it stands for."""

from __future__ import annotations

import pytest

from hostgw_tui.app import HostgwApp
from hostgw_tui.widgets.grid import Grid
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
        (("4",), "#rules", "Y", "iptables -t nat -A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN"),
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
