from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from hostgw.errors import HostError, UsageError
from hostgw.mesh import build
from hostgw.model.change import ConntrackChange, RouteChange
from hostgw.model.host import HostState
from hostgw.plans.apply import apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Journal
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.undo import undo_plan
from hostgw.report.fix import journal_report, journal_text
from hostgw.wire import Applied
from tests.fabrics import healthy, routes
from tests.fake_hosts import QUICK, FakeHosts
from tests.unit.test_checks import REMOTE, findings

NAMES = {"vm1": "", "vm2": "", "vm3": ""}


def broken_plan() -> tuple[Plan, object]:
    fabric = routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != REMOTE])
    return plan(findings(fabric), fabric, build(fabric)), fabric


def answering(outcome: str, detail: str = "") -> FakeHosts:
    return FakeHosts(lambda host, changes: Applied(1, outcome, 0, detail))


def carry_out(made: Plan, hosts: FakeHosts, journal: Journal) -> Outcome:
    return apply(made, hosts, journal, lambda _: None, QUICK)


def test_applied_is_recorded_and_undo_turns_it_round(tmp_path: Path) -> None:
    made, fabric = broken_plan()
    journal, log = Journal(tmp_path), []
    outcome = apply(made, FakeHosts(), journal, log.append, QUICK)
    assert outcome.result is Result.VERIFIED
    assert "ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static" in log[0]
    (entry,) = Journal(tmp_path).undoable(NAMES)
    back = undo_plan(entry, fabric, build(fabric))  # type: ignore[arg-type]
    change = back.steps[0].change
    assert isinstance(change, RouteChange)
    assert (len(change.before), change.after) == (1, ())
    assert back.steps[0].commands[0].argv[:3] == ("ip", "route", "del")
    assert carry_out(back, FakeHosts(), journal).result is Result.VERIFIED
    assert journal.undoable(NAMES) == ()
    assert "already undone" in undo_plan(journal.entries()[0], fabric, build(fabric)).refused  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "result"), [("stale", Result.STALE), ("failed", Result.FAILED), ("busy", Result.BUSY)]
)
def test_what_was_not_applied_is_not_undoable(tmp_path: Path, outcome: str, result: Result) -> None:
    made, _ = broken_plan()
    journal = Journal(tmp_path)
    ended = carry_out(made, answering(outcome, "route differs"), journal)
    assert ended.result is result
    assert "route differs" in ended.detail
    assert journal.undoable(NAMES) == ()


def test_flows_that_were_forgotten_do_not_come_back(tmp_path: Path) -> None:
    made, fabric = broken_plan()
    forgotten = ConntrackChange("10.239.0.0/24", "10.239.0.0/16", snat=True)
    flows = replace(made.steps[0], change=forgotten, undo=(), summary="forget flows")
    journal = Journal(tmp_path)
    carry_out(replace(made, steps=(flows,)), FakeHosts(), journal)
    assert journal.undoable(NAMES) == ()
    assert [e.state for e in journal_report(journal.entries()).entries] == ["nothing of it can be put back"]
    assert undo_plan(journal.entries()[0], fabric, build(fabric)).refused == "nothing of it can be put back"  # type: ignore[arg-type]
    carry_out(replace(made, steps=(*made.steps, flows)), FakeHosts(), journal)
    [entry] = journal.undoable(NAMES)
    back = undo_plan(entry, fabric, build(fabric))  # type: ignore[arg-type]
    assert (len(back.steps), back.risk) == (1, "not put back, for nothing can: forget flows")


def test_the_list_names_hosts_and_what_is_left(tmp_path: Path) -> None:
    made, fabric = broken_plan()
    journal = Journal(tmp_path)
    carry_out(made, FakeHosts(), journal)
    [line] = journal_text(journal_report(journal.entries()))
    assert "  vm1  vm1 has no route to" in line
    assert line.endswith("(not undone)")
    carry_out(undo_plan(journal.entries()[0], fabric, build(fabric)), FakeHosts(), journal)  # type: ignore[arg-type]
    assert [e.state for e in journal_report(journal.entries()).entries] == ["undone", ""]


def test_another_machine_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    made, fabric = broken_plan()
    made = replace(made, steps=tuple(replace(step, machine="boot-1/4026531840") for step in made.steps))
    journal = Journal(tmp_path)
    carry_out(made, FakeHosts(), journal)
    assert journal.undoable({"vm1": "boot-2/4026531840"}) == ()
    assert journal.undoable({"vm2": "boot-1/4026531840"}) == ()
    (entry,) = journal.undoable({"vm1": "boot-1/4026531840"})
    vm1 = fabric.hosts["vm1"]  # type: ignore[attr-defined]
    facts = msgspec.structs.replace(vm1.snapshot.facts, machine="boot-2/4026531840")
    other = fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))  # type: ignore[attr-defined]
    assert "another machine" in undo_plan(entry, other, build(other)).refused


def test_intent_without_outcome_is_unknown_and_undoable(tmp_path: Path) -> None:
    made, _ = broken_plan()
    Journal(tmp_path).begin(made, {})
    (entry,) = Journal(tmp_path).undoable(NAMES)
    assert entry.result == "unknown"


def test_host_that_went_away_fails_and_says_so(tmp_path: Path) -> None:
    made, _ = broken_plan()
    hosts = FakeHosts(lambda host, changes: HostError(HostState.STALE, "connection lost", host=host))
    ended = carry_out(made, hosts, Journal(tmp_path))
    assert (ended.result, ended.host) == (Result.FAILED, "vm1")


def test_nothing_is_sent_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    made, _ = broken_plan()
    (tmp_path / "file").write_text("")
    hosts = FakeHosts()
    with pytest.raises(UsageError, match="journal"):
        carry_out(made, hosts, Journal(tmp_path / "file"))
    assert hosts.asked == []


def test_damaged_lines_are_passed_over_and_the_file_is_private(tmp_path: Path) -> None:
    made, _ = broken_plan()
    journal = Journal(tmp_path)
    journal.begin(made, {})
    with journal.path.open("ab") as file:
        file.write(b"{half a rec\n")
    journal.begin(made, {})
    assert len(journal.entries()) == 2
    assert journal.path.stat().st_mode & 0o077 == 0
