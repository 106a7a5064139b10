"""Every screen in every state, as text: what it says when there is nothing, not yet, not all or not any more.

The texts are in tests/data/screens; ``HOSTGW_UPDATE=1`` writes them anew. Read what changed before committing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from hostgw.fabric import Fabric
from hostgw_tui.actions import EVERYWHERE
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import bare, broken, connecting, counters, many_faults, settled
from tests.tui.reading import screen_text, settle

SCREENS = Path(__file__).parents[1] / "data" / "screens"
SIZES = ((80, 24), (120, 40))


def unprivileged() -> Fabric:
    """vm1 was read without root."""
    fabric = settled(healthy(3))
    host = fabric.hosts["vm1"]
    assert host.snapshot
    facts = structs.replace(host.snapshot.facts, uid=1000, missing=("rules and containers need root",))
    return fabric.with_host(replace(host, snapshot=replace(host.snapshot, facts=facts)))


STATES: dict[str, tuple[Callable[[], Fabric], tuple[str, ...]]] = {
    "empty": (Fabric, ()),
    "connecting": (connecting, ()),
    "stale": (broken, ("right_square_bracket",)),
    "unreachable": (broken, ("right_square_bracket",) * 2),
    "partial": (unprivileged, ()),
    "bare": (bare, ()),
    "healthy": (lambda: settled(healthy(3)), ()),
    "faults": (lambda: counters(many_faults(), 1000), ()),
    "paused": (lambda: counters(many_faults(), 1000), ("space",)),
}
"""Fabrics, and keys that lead to the host concerned."""


async def shown(make: Make, state: str, scope: str, size: tuple[int, int], ascii_only: bool) -> str:
    fabric, pressed = STATES[state]
    app = make(fabric(), ascii=ascii_only)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.action_show(scope)
        await settle(pilot)
        for key in pressed:
            await pilot.press(key)
            await settle(pilot)
        app.clear_notifications()
        await settle(pilot)
        return "\n".join(line.rstrip() for line in screen_text(app).splitlines()) + "\n"


def compare(name: str, text: str) -> None:
    path = SCREENS / f"{name}.txt"
    if os.environ.get("HOSTGW_UPDATE"):
        SCREENS.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scope", EVERYWHERE)
@pytest.mark.parametrize("state", STATES)
async def test_state(make: Make, state: str, scope: str, size: tuple[int, int]) -> None:
    text = await shown(make, state, scope, size, ascii_only=False)
    compare(f"{state}-{scope}-{size[0]}x{size[1]}", text)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scope", EVERYWHERE)
async def test_in_ascii(make: Make, scope: str, size: tuple[int, int]) -> None:
    text = await shown(make, "faults", scope, size, ascii_only=True)
    assert text.isascii()
    compare(f"ascii-{scope}-{size[0]}x{size[1]}", text)
