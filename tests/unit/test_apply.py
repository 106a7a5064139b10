"""Applying a plan: waves, verification, confirming, and taking back what does not verify."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from hostgw.errors import HostError
from hostgw.mesh.build import build
from hostgw.model.guard import guard_id
from hostgw.model.host_state import HostState
from hostgw.plans.apply import apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Journal
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.running import Phase, Run
from hostgw.plans.timing import Timing
from hostgw.plans.waves import due, waves
from hostgw.wire import Applied, Guarded
from tests.fabrics import healthy, routes
from tests.fake_hosts import QUICK, FakeHosts
from tests.unit.test_checks import REMOTE, findings
from tests.unit.test_checks_nat import OWN, WRONG, with_rules

OTHERS = ("vm1", "vm3", "vm4")


def broken(names: tuple[str, ...] = OTHERS) -> Plan:
    """A plan that gives each of these hosts its route to vm2."""
    fabric = healthy(4)
    for name in names:
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != REMOTE])
    return plan(findings(fabric), fabric, build(fabric))


def carry_out(made: Plan, hosts: FakeHosts, path: Path, run: Run | None = None, timing: Timing = QUICK) -> Outcome:
    return apply(made, hosts, Journal(path), lambda _: None, timing, run)


def test_one_host_first_then_the_others_at_once(tmp_path: Path) -> None:
    hosts, run = FakeHosts(), Run()
    outcome = carry_out(broken(), hosts, tmp_path, run)
    assert (outcome.result, outcome.changed) == (Result.VERIFIED, OTHERS)
    first = hosts.asked.index("confirm vm1")
    assert first < min(hosts.asked.index("arm vm3"), hosts.asked.index("arm vm4"))
    assert "verify vm3 vm4" in hosts.asked
    assert {stage.phase for stage in run.stages.values()} == {Phase.KEPT}
    (entry,) = Journal(tmp_path).entries()
    assert entry.guards == {host: guard_id(hosts.orders[host].token) for host in OTHERS}


def test_hosts_that_only_get_a_route_come_first() -> None:
    """Or what vm1 sends, no more rewritten, has no way back from vm3: a ping that worked before would not."""
    fabric = routes(with_rules(*WRONG["N5"]), "vm3", lambda rows: [r for r in rows if r.dst != OWN])
    found = findings(fabric)
    assert [f.host for f in found] == ["vm1", "vm3"]
    assert plan(found, fabric, build(fabric)).hosts == ("vm3", "vm1")


def test_waves() -> None:
    assert waves([]) == ()
    assert waves(["a"]) == (("a",),)
    assert waves(["a", "b", "c", "d"], at_once=2) == (("a",), ("b", "c"), ("d",))


def test_a_finding_that_needs_a_later_host_is_not_due_yet() -> None:
    made = broken(("vm1", "vm3"))
    first, second = made.steps
    together = replace(made, steps=(first, replace(second, finding=first.finding)), findings=(first.finding,))
    assert due(together, ("vm1",), ()) == ()
    assert due(together, ("vm3",), ("vm1",)) == (first.finding,)


@pytest.mark.parametrize("wave", [0, 1])
def test_what_does_not_verify_is_taken_back_and_ends_it(wave: int, tmp_path: Path) -> None:
    made = broken()
    bad = made.findings[wave]
    hosts = FakeHosts()
    hosts.left = lambda ids: [bad] if bad in ids else []
    outcome = carry_out(made, hosts, tmp_path)
    assert (outcome.result, outcome.remaining) == (Result.ROLLED_BACK, (bad,))
    taken_back = {each.removeprefix("roll back ") for each in hosts.asked if each.startswith("roll back")}
    assert taken_back == ({"vm1"} if wave == 0 else {"vm3", "vm4"})
    assert ("arm vm3" in hosts.asked) == (wave == 1)
    assert outcome.changed == (() if wave == 0 else ("vm1",))
    assert ("already changed: vm1" in outcome.detail) == (wave == 1)


def test_what_worked_before_must_work_twice_afterwards(tmp_path: Path) -> None:
    hosts = FakeHosts()
    hosts.unanswered = [(), ("ping c1 on vm1 to c1 on vm2",)]
    outcome = carry_out(broken(("vm1",)), hosts, tmp_path)
    assert outcome.result is Result.ROLLED_BACK
    assert "ping c1 on vm1 to c1 on vm2" in outcome.detail
    hosts.unanswered = [("ping",)]  # at first only: ARP may take a moment
    patient = replace(QUICK, verify_s=30.0)
    assert carry_out(broken(("vm1",)), hosts, tmp_path, timing=patient).result is Result.VERIFIED


def test_a_fault_that_comes_back_at_once_is_not_confirmed(tmp_path: Path) -> None:
    hosts, rounds = FakeHosts(), iter([(), ("there",)])
    hosts.left = lambda ids: next(rounds)
    outcome = carry_out(broken(("vm1",)), hosts, tmp_path)
    assert (outcome.result, outcome.remaining) == (Result.ROLLED_BACK, ("there",))
    assert "there again" in outcome.detail
    assert "confirm vm1" not in hosts.asked


@pytest.mark.parametrize(
    "answer", [HostError(HostState.TIMEOUT, "no connection", host="vm1"), Guarded(1, False, "nobody confirmed")]
)
def test_what_cannot_be_confirmed_is_taken_back(answer: HostError | Guarded, tmp_path: Path) -> None:
    hosts = FakeHosts()
    hosts.confirms = lambda host: answer
    outcome = carry_out(broken(("vm1",)), hosts, tmp_path)
    assert (outcome.result, outcome.host, outcome.changed) == (Result.ROLLED_BACK, "vm1", ())
    assert "roll back vm1" in hosts.asked
    assert "vm1 is as it was before" in outcome.detail


def test_of_a_wave_the_confirmed_stay(tmp_path: Path) -> None:
    hosts = FakeHosts()
    hosts.confirms = lambda host: Guarded(1, host != "vm4")
    outcome = carry_out(broken(), hosts, tmp_path)
    assert (outcome.result, outcome.host, outcome.changed) == (Result.ROLLED_BACK, "vm4", ("vm1", "vm3"))
    assert [each for each in hosts.asked if each.startswith("roll back")] == ["roll back vm4"]


def test_one_that_fails_takes_its_wave_with_it(tmp_path: Path) -> None:
    hosts = FakeHosts(lambda host, changes: Applied(1, "busy" if host == "vm3" else "applied", detail="bob is at it"))
    outcome = carry_out(broken(), hosts, tmp_path)
    assert (outcome.result, outcome.host, outcome.changed) == (Result.BUSY, "vm3", ("vm1",))
    assert "roll back vm4" in hosts.asked
    assert "bob is at it" in outcome.detail


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HostError(HostState.STALE, "connection lost", host="vm1"), "takes everything back by itself within"),
        (Guarded(1, False, "device gone"), "could NOT be put back wholly: device gone"),
    ],
)
def test_a_taking_back_that_is_not_sure_is_said(answer: HostError | Guarded, words: str, tmp_path: Path) -> None:
    hosts, made = FakeHosts(), broken(("vm1",))
    hosts.left = lambda ids: ids
    hosts.takes_back = lambda host: answer
    outcome = carry_out(made, hosts, tmp_path)
    assert words in outcome.detail
    assert outcome.changed == ("vm1",)  # perhaps


def test_the_way_back_needs_a_word_of_its_own_and_more_time(tmp_path: Path) -> None:
    made = broken(("vm1",))
    made = replace(made, steps=(replace(made.steps[0], danger="it holds your address"),))
    hosts = FakeHosts()
    outcome = carry_out(made, hosts, tmp_path)
    assert outcome.result is Result.REFUSED
    assert "vm1: it holds your address" in outcome.detail
    assert (hosts.asked, Journal(tmp_path).entries()) == ([], ())
    allowed = apply(made, hosts, Journal(tmp_path), lambda _: None, QUICK, allow_management=True)
    assert allowed.result is Result.VERIFIED
    assert hosts.orders["vm1"].ttl_s == QUICK.management_ttl_s


def test_slow_lines_get_more_time() -> None:
    assert Timing().ttl(0.001, False) == 30
    assert Timing().ttl(0.001, True) == 60
    assert Timing().ttl(2.0, False) == 50


def test_who_watches_may_take_it_back_or_give_more_time(tmp_path: Path) -> None:
    hosts, run = FakeHosts(), Run()

    def look(ids: object) -> tuple[str, ...]:
        assert run.pending == ("vm1",)
        before = run.stages["vm1"].until
        run.extend(60.0)
        assert run.stages["vm1"].until == before + 60
        assert run.stages["vm1"].left_s(time.monotonic()) > 80
        run.roll_back()
        return ("still there",)

    hosts.left = look  # type: ignore[assignment]
    outcome = carry_out(broken(("vm1",)), hosts, tmp_path, run)
    assert (outcome.result, outcome.remaining) == (Result.ROLLED_BACK, ())
    assert "you asked for it" in outcome.detail
    assert "extend vm1 60" in hosts.asked
    assert run.stages["vm1"].phase is Phase.ROLLED_BACK


def test_who_stops_before_anything_is_made_gets_nothing_made(tmp_path: Path) -> None:
    hosts, run = FakeHosts(), Run()
    run.roll_back()
    outcome = carry_out(broken(), hosts, tmp_path, run)
    assert (outcome.result, outcome.changed) == (Result.REFUSED, ())
    assert "nothing was changed on vm1" in outcome.detail
    assert not hosts.orders
    assert run.stages["vm1"].phase is Phase.FAILED
    (entry,) = Journal(tmp_path).entries()
    assert (entry.result, entry.changes) == ("refused", ())


def test_a_defect_leaves_nothing_waiting(tmp_path: Path) -> None:
    hosts = FakeHosts()

    def defect(ids: object) -> tuple[str, ...]:
        raise RuntimeError("a defect")

    hosts.left = defect  # type: ignore[assignment]
    with pytest.raises(RuntimeError):
        carry_out(broken(("vm1",)), hosts, tmp_path)
    assert hosts.asked[-1] == "roll back vm1"


def test_steps_that_are_left_out_are_not_expected_to_mend() -> None:
    made = broken()
    less = made.without({0})
    assert less.hosts == ("vm3", "vm4")
    assert less.findings == made.findings[1:]
    assert made.without({0, 1, 2}).steps == ()
