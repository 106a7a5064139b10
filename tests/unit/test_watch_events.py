"""What `watch` tells: the difference between what was told and a view, and how it reads."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.clean import plain
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, Severity
from hostgw.model.host_state import HostState
from hostgw.report.model import WatchEvent, WatchReport
from hostgw.report.watch import News, Teller, Told, news, told_of, watch_text
from hostgw_tui.bell import Bell
from tests.fabrics import healthy, routes, subnet
from tests.unit.test_report_schemas import Planner

REMOTE = subnet(2)
LOST = f"route-missing/vm1/{REMOTE}"


def view(*findings: Finding, fabric: Fabric | None = None) -> View:
    return View(fabric or healthy(2), findings=findings)


def a_finding(subject: str = REMOTE, **fields: object) -> Finding:
    made = Finding("route-missing", "R1", Severity.ERROR, "vm1", subject, "no route", "nobody gets there", ("seen",))
    return msgspec.structs.replace(made, **fields)


def said(found: tuple[News, ...]) -> list[tuple[str, str]]:
    return [(each.event.value, each.finding.subject if each.finding else each.host) for each in found]


def test_what_appears_and_goes() -> None:
    one, two = a_finding("one"), a_finding("two")
    told = told_of(view(one))
    after, found = news(told, view(two))
    assert said(found) == [("gone", "one"), ("appeared", "two")]
    assert news(after, view(two)) == (after, ())
    assert said(news(after, view())[1]) == [("gone", "two")]


@pytest.mark.parametrize(
    "fields",
    [{"severity": Severity.WARNING}, {"summary": "other"}, {"effect": "other"}, {"caused_by": ("x",)}, {"entry": "R2"}],
)
def test_what_has_changed(fields: dict[str, object]) -> None:
    (found,) = news(told_of(view(a_finding())), view(a_finding(**fields)))[1]
    assert found.event is WatchEvent.CHANGED
    assert found.finding == a_finding(**fields)


def test_counters_in_the_evidence_are_no_news() -> None:
    assert news(told_of(view(a_finding())), view(a_finding(evidence=("dropping now: 7 packets",))))[1] == ()


def test_notices_are_told_only_of_what_was_more() -> None:
    notice = a_finding(severity=Severity.NOTICE)
    told = told_of(view(notice))
    assert told.findings == {}
    after, found = news(told, view(notice))
    assert found == ()
    after, found = news(after, view(a_finding()))
    assert said(found) == [("appeared", REMOTE)]
    after, found = news(after, view(notice))
    assert said(found) == [("changed", REMOTE)]
    assert said(news(after, view())[1]) == [("gone", REMOTE)]


def in_state(state: HostState, error: str = "") -> View:
    fabric = healthy(2)
    return view(fabric=fabric.with_host(replace(fabric.hosts["vm2"], state=state, error=error)))


def test_states_of_hosts() -> None:
    after, found = news(told_of(view()), in_state(HostState.STALE, "connection lost"))
    assert [(each.host, each.state, each.error) for each in found] == [("vm2", HostState.STALE, "connection lost")]
    after, found = news(after, in_state(HostState.STALE, "said in other words"))
    assert found == ()
    after, found = news(after, in_state(HostState.CONNECTING))
    assert found == ()
    assert news(after, in_state(HostState.STALE))[1] == ()
    assert said(news(after, in_state(HostState.UP))[1]) == [("host", "vm2")]


def test_nothing_is_told_twice_of_the_same_view() -> None:
    fabric = healthy(3)
    mesh = build(fabric)
    same = View(fabric, mesh, run(fabric, mesh))
    assert news(told_of(same), same) == (Told(told_of(same).states, {}), ())


def told(fabric: Fabric, after: Fabric) -> list[WatchReport]:
    """All reports of a watch that sees one change."""
    teller, later = Teller(Planner(fabric)), Planner(after).view()
    return [teller.start(Planner(fabric).view()), *teller.changes(later)]


def broken() -> Fabric:
    return routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != REMOTE])


def test_a_finding_goes_as_it_was_told() -> None:
    start, gone = told(broken(), healthy(3))
    assert start.event is WatchEvent.START
    assert start.picture
    assert start.picture.findings == (gone.finding,)
    assert gone.event is WatchEvent.GONE
    assert gone.finding
    assert gone.finding.fix.commands[0].argv[:3] == ("ip", "route", "add")


def test_a_line_of_json() -> None:
    _, report = told(healthy(3), broken())
    made = json.loads(msgspec.json.encode(report, enc_hook=plain))
    assert (made["schema"], made["event"], made["host"]) == (1, "appeared", "vm1")
    assert made["finding"]["id"] == LOST
    assert made["time"].endswith("Z")
    assert made["picture"] is None


def test_lines_for_people() -> None:
    start, appeared = told(healthy(3), broken())
    assert "network 10.239.0.0/16" in list(watch_text(start))
    (line,) = watch_text(appeared)
    assert line.endswith(f" + appeared: error route-missing (R2) on vm1: {appeared.finding.summary}")
    down = WatchReport(1, start.time, WatchEvent.HOST, "vm2", HostState.STALE, "connection lost")
    (line,) = watch_text(down)
    assert line.endswith(" vm2: stale: connection lost")


def test_a_bell_is_heard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        bell = Bell()
        for _ in range(100_000):  # more than a pipe holds: who rings never waits
            bell.ring()
        bell.wait(5)
        while bell.wait(0):
            pass
        assert not bell.wait(0)
        os.close(read)
        with pytest.raises(BrokenPipeError):
            bell.wait(5)
