"""What is said on the terminal when the dashboard was left in the middle of a change."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from hostgw.plans.running import Phase, Run
from hostgw_tui.commands import dashboard


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        ((Phase.VERIFYING, Phase.KEPT), "vm0"),
        ((Phase.PROBING, Phase.ROLLING_BACK), "vm0, vm1"),
        ((Phase.KEPT, Phase.ROLLED_BACK, Phase.FAILED), ""),
        ((), ""),
    ],
)
def test_hosts_of_which_nothing_is_settled_are_named(
    phases: tuple[Phase, ...], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Run()

    def shown() -> None:
        for number, phase in enumerate(phases):
            plan.reach(f"vm{number}", phase)

    app = SimpleNamespace(applying=plan, failed=None, return_code=0, leave=None, run=shown)
    monkeypatch.setattr(dashboard, "_need_terminal", lambda: None)
    monkeypatch.setattr("hostgw_tui.showing.ready", lambda _args: app)
    monkeypatch.setattr("hostgw_tui.departure.Departure", lambda *_: nullcontext())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: 0))
    assert dashboard.run(argparse.Namespace(command=None, lab=None, json=False, replay=None)) == 0
    said = capsys.readouterr().err
    assert (f"a change was under way on {told}:" in said) if told else ("under way" not in said)
