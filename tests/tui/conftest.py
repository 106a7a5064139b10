from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from hostgw.fabric import Fabric
from hostgw.model.finding import Finding
from hostgw_tui.app import HostgwApp
from tests.tui.fake import CLOCK, WALL_CLOCK, FakeEngine

Make = Callable[..., HostgwApp]


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the picture depends on time or on the terminal of whoever runs the tests."""
    for name in ("SSH_CONNECTION", "NO_COLOR", "TMUX", "STY", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Input, "cursor_blink", False, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return what makes an app over a fabric; `app.engine` is the fake."""

    def app(fabric: Fabric, read_only: bool = False, extra: tuple[Finding, ...] = (), **options: object) -> HostgwApp:
        engine = FakeEngine(fabric, tmp_path, read_only, extra)
        return HostgwApp(engine, clock=lambda: CLOCK, wall_clock=lambda: WALL_CLOCK, **options)  # type: ignore[arg-type]

    return app
