"""What is on the screen, as text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot

from hostgw_tui.app import HostgwApp
from hostgw_tui.look import lines_text
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.reader import Reader
from tests.tui.fake import FakeEngine


def screen_text(app: App[None]) -> str:
    """Return the painted screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def engine_of(app: HostgwApp) -> FakeEngine:
    assert isinstance(app.engine, FakeEngine)
    return app.engine


def grid_text(app: App[None], selector: str) -> str:
    return app.screen.query_one(selector, Grid).as_text()


def reader_text(app: App[None], selector: str) -> str:
    return lines_text(app.screen.query_one(selector, Reader).lines)


async def settle(pilot: Pilot[None]) -> None:
    """Wait for threads, for the repaint that they asked for, and for what that led to."""
    await pilot.app.workers.wait_for_complete()
    app = pilot.app
    assert isinstance(app, HostgwApp)
    await pilot.pause()
    app._repaint()
    await pilot.pause()


async def until(pilot: Pilot[None], fact: Callable[[], bool]) -> None:
    """Wait for something that a timer of the screen brings about."""
    for _ in range(200):
        if fact():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come about in 10 s")
