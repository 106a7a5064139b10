from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from hostgw.errors import HostError, UsageError
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import ConntrackChange, RouteChange
from hostgw.model.host_state import HostState
from hostgw.plans.apply import apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Entry, Journal
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.standing import Left, judged
from hostgw.plans.undo import undo_plan
from hostgw.report.fix import journal_report, journal_text
from hostgw.report.model import JournalState
from hostgw.wire import Applied
from tests.fabrics import healthy, only, routes
from tests.fake_hosts import QUICK, FakeHosts
from tests.unit.test_checks import REMOTE, findings

BROKEN = routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != REMOTE])
"""vm1 has no route to vm2; in `healthy` it has the one that the plan adds."""


def broken_plan() -> Plan:
    return plan(findings(BROKEN), BROKEN, build(BROKEN))


def undoable(journal: Journal, fabric: Fabric | None = None) -> tuple[Entry, ...]:
    """Return what can be undone on hosts that are as the plan leaves them."""
    found = judged(journal.entries(), fabric or healthy(3))
    return tuple(each.entry for each in found if each.left is Left.UNDOABLE)


def undo(journal: Journal, number: str | None = None, fabric: Fabric | None = None) -> Plan:
    hosts = fabric or healthy(3)
    return undo_plan(number, journal.entries(), hosts, build(hosts))


def answering(outcome: str, detail: str = "") -> FakeHosts:
    return FakeHosts(lambda host, changes: Applied(1, outcome, 0, detail))


def carry_out(made: Plan, hosts: FakeHosts, journal: Journal) -> Outcome:
    return apply(made, hosts, journal, lambda _: None, QUICK)


def test_applied_is_recorded_and_undo_turns_it_round(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path), []
    outcome = apply(broken_plan(), FakeHosts(), journal, log.append, QUICK)
    assert outcome.result is Result.VERIFIED
    assert "ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static" in log[0]
    (entry,) = undoable(Journal(tmp_path))
    back = undo(journal, entry.id)
    change = back.steps[0].change
    assert isinstance(change, RouteChange)
    assert (len(change.before), change.after) == (1, ())
    assert back.steps[0].commands[0].argv[:3] == ("ip", "route", "del")
    assert carry_out(back, FakeHosts(), journal).result is Result.VERIFIED
    assert undoable(journal) == ()
    assert "already undone" in undo(journal, entry.id).refused


@pytest.mark.parametrize(
    ("outcome", "result"), [("stale", Result.STALE), ("failed", Result.FAILED), ("busy", Result.BUSY)]
)
def test_what_was_not_applied_is_not_undoable(tmp_path: Path, outcome: str, result: Result) -> None:
    journal = Journal(tmp_path)
    ended = carry_out(broken_plan(), answering(outcome, "route differs"), journal)
    assert ended.result is result
    assert "route differs" in ended.detail
    assert undoable(journal) == ()


def test_flows_that_were_forgotten_do_not_come_back(tmp_path: Path) -> None:
    made = broken_plan()
    forgotten = ConntrackChange("10.239.0.0/24", "10.239.0.0/16", snat=True)
    flows = replace(made.steps[0], change=forgotten, undo=(), summary="forget flows")
    journal = Journal(tmp_path)
    carry_out(replace(made, steps=(flows,)), FakeHosts(), journal)
    assert undoable(journal) == ()
    assert [e.state for e in journal_report(judged(journal.entries(), None)).entries] == [JournalState.IRREVERSIBLE]
    assert undo(journal, journal.entries()[0].id).refused == "nothing of it can be put back"
    carry_out(replace(made, steps=(*made.steps, flows)), FakeHosts(), journal)
    [entry] = undoable(journal)
    back = undo(journal, entry.id)
    assert (len(back.steps), back.risk) == (1, "not put back, for nothing can: forget flows")


def test_the_list_names_hosts_and_what_is_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    carry_out(broken_plan(), FakeHosts(), journal)
    [line] = journal_text(journal_report(judged(journal.entries(), None)))
    assert "  vm1  vm1 has no route to" in line
    assert line.endswith("(not undone)")
    carry_out(undo(journal), FakeHosts(), journal)
    told = journal_report(judged(journal.entries(), BROKEN)).entries
    assert [e.state for e in told] == ["undone", ""]
    assert told[1].undoes == (told[0].id,)


def test_another_machine_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    made = broken_plan()
    made = replace(made, steps=tuple(replace(step, machine="boot-1/4026531840") for step in made.steps))
    journal = Journal(tmp_path)
    carry_out(made, FakeHosts(), journal)
    assert undoable(journal, booted("boot-2/4026531840")) == ()
    assert undoable(journal, only(healthy(3), "vm2")) == ()
    (entry,) = undoable(journal, booted("boot-1/4026531840"))
    assert "another machine" in undo(journal, entry.id, booted("boot-2/4026531840")).refused


def booted(machine: str) -> Fabric:
    """Return hosts of which vm1 is this machine since this boot."""
    fabric = healthy(3)
    vm1 = fabric.hosts["vm1"]
    assert vm1.snapshot is not None
    facts = msgspec.structs.replace(vm1.snapshot.facts, machine=machine)
    return fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))


def test_intent_without_outcome_is_unknown_and_undoable(tmp_path: Path) -> None:
    Journal(tmp_path).begin(broken_plan(), {})
    (entry,) = undoable(Journal(tmp_path))
    assert entry.result == "unknown"


def test_what_a_former_version_wrote_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first = carry_out(broken_plan(), FakeHosts(), journal).journal_id
    carry_out(undo(journal), FakeHosts(), journal)
    text = journal.path.read_text()
    assert f'"undoes":["{first}"]' in text
    journal.path.write_text(text.replace('"undoes":[]', '"undoes":""').replace(f'["{first}"]', f'"{first}"'))
    assert [(entry.undone, entry.undoes) for entry in journal.entries()] == [(True, ()), (False, (first,))]


def test_host_that_went_away_fails_and_says_so(tmp_path: Path) -> None:
    hosts = FakeHosts(lambda host, changes: HostError(HostState.STALE, "connection lost", host=host))
    ended = carry_out(broken_plan(), hosts, Journal(tmp_path))
    assert (ended.result, ended.host) == (Result.FAILED, "vm1")


def test_nothing_is_sent_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    made = broken_plan()
    (tmp_path / "file").write_text("")
    hosts = FakeHosts()
    with pytest.raises(UsageError, match="journal"):
        carry_out(made, hosts, Journal(tmp_path / "file"))
    assert hosts.asked == []


def test_damaged_lines_are_passed_over_and_the_file_is_private(tmp_path: Path) -> None:
    made = broken_plan()
    journal = Journal(tmp_path)
    journal.begin(made, {})
    with journal.path.open("ab") as file:
        file.write(b"{half a rec\n")
    journal.begin(made, {})
    assert len(journal.entries()) == 2
    assert journal.path.stat().st_mode & 0o077 == 0
