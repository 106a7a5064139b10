"""What the journal makes undoable when a change went wrong half-way, and a read-only engine."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from hostgw.errors import HostError, UsageError
from hostgw.live.engine import Live
from hostgw.mesh.build import build
from hostgw.model.change import Change
from hostgw.model.host_state import HostState
from hostgw.plans.apply import UNKNOWN, apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Journal
from hostgw.plans.model import Plan, Result
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse
from hostgw.wire import Applied
from tests.fabrics import healthy, only, routes
from tests.fake_hosts import QUICK, FakeHosts
from tests.unit.test_checks import REMOTE, findings
from tests.unit.test_journal import undoable


def two_hosts() -> Plan:
    """A plan that changes vm1, then vm3."""
    fabric = healthy(3)
    for name in ("vm1", "vm3"):
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != REMOTE])
    made = plan(findings(fabric), fabric, build(fabric))
    assert made.hosts == ("vm1", "vm3")
    return made


def second_fails(answer: Applied | HostError) -> FakeHosts:
    return FakeHosts(lambda host, changes: Applied(1, "applied") if host == "vm1" else answer)


@pytest.mark.parametrize(
    ("answer", "result", "changed"),
    [
        (Applied(1, "stale", detail="moved"), Result.STALE, {"vm1"}),
        (Applied(1, "failed", detail="EINVAL"), Result.FAILED, {"vm1"}),
        (HostError(HostState.STALE, "not connected", host="vm3"), Result.FAILED, {"vm1"}),
        (Applied(0, UNKNOWN, detail="connection lost"), Result.FAILED, {"vm1", "vm3"}),
    ],
)
def test_what_was_changed_before_it_failed_can_be_undone(
    answer: Applied | HostError, result: Result, changed: set[str], tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    outcome = apply(two_hosts(), second_fails(answer), journal, lambda _: None, QUICK)
    assert (outcome.result, outcome.host) == (result, "vm3")
    assert "already changed: vm1; undo takes it back" in outcome.detail
    assert "vm3" not in outcome.detail  # it is named beside it
    (entry,) = undoable(journal, healthy(3))
    assert {made.host for made in entry.changes} == changed
    assert undoable(journal, only(healthy(3), "vm2")) == ()
    assert undoable(journal, only(healthy(3), *changed)) == (entry,)


def test_an_outcome_that_cannot_be_recorded_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    def act(host: str, changes: tuple[Change, ...]) -> Applied:
        if journal.path.is_file():
            journal.path.unlink()
            journal.path.mkdir()  # from now on nothing can be appended
        return Applied(1, "applied")

    outcome = apply(two_hosts(), FakeHosts(act), journal, lambda _: None, QUICK)
    assert outcome.result is Result.VERIFIED
    assert "cannot be written" in outcome.detail
    assert "Nothing was changed" not in outcome.detail


def test_an_unreadable_journal_is_not_an_empty_one(tmp_path: Path) -> None:
    assert Journal(tmp_path).entries() == ()
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        Journal(tmp_path).entries()


def test_read_only_engine_applies_nothing_and_records_nothing(tmp_path: Path) -> None:
    live = Live([], Refuse(), Options(read_only=True), journal=Journal(tmp_path))
    outcome = live.apply(two_hosts()).result(5)
    assert (outcome.result, outcome.detail) == (Result.REFUSED, "this session is read-only")
    assert list(tmp_path.iterdir()) == []


def test_whoever_waits_hears_of_any_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(journal: Journal, wanted: Plan, guards: object) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Journal, "begin", broken)
    live = Live([], Refuse(), Options(), journal=Journal(tmp_path))
    with pytest.raises(RuntimeError, match="a defect"):
        live.apply(two_hosts()).result(5)


def test_an_operator_without_a_name_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    outcome = apply(two_hosts(), FakeHosts(), Journal(tmp_path), print, QUICK)
    assert outcome.result is Result.VERIFIED
    assert Journal(tmp_path).entries()[0].user == str(os.getuid())
