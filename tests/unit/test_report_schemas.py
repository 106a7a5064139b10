"""The JSON outputs: their schemas are the committed ones, `check` has the fields that the design promises."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostgw.capture.journeys import Verdict
from hostgw.capture.trace import Place, Trace, Traced, Way
from hostgw.checks.run import run
from hostgw.clean import clean, plain
from hostgw.fabric import Fabric, Host
from hostgw.live import Live, View
from hostgw.mesh.build import build
from hostgw.model.guard import Guard, GuardState
from hostgw.model.host_state import HostState
from hostgw.paths.predict import find_end, predict
from hostgw.plans.build import plan
from hostgw.plans.journal import Entry
from hostgw.plans.standing import judged
from hostgw.report.check import check_report, check_text, exit_code
from hostgw.report.explain import explain_report
from hostgw.report.fix import guards_report, journal_report, journal_text, plan_report
from hostgw.report.model import (
    SCHEMAS,
    CheckReport,
    ConfigReport,
    DoctorItem,
    DoctorReport,
    Health,
    SettingReport,
    json_schema,
)
from hostgw.report.nat import nat_report
from hostgw.report.path import path_report
from hostgw.report.routes import routes_report
from hostgw.report.watch import Teller
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse
from hostgw.ssh.target import Target
from hostgw.topology.build import build as topology
from tests.fabrics import healthy, routes
from tests.unit.test_checks import REMOTE

LOST = Traced(Verdict.LOST, Place("vm1", "br0"), "there is no route", True, Way(), Way())
DIRECTORY = Path(__file__).parents[2] / "docs" / "schemas"
FIELDS = {
    "": {"schema", "network", "assumptions", "hosts", "findings", "notices", "probes", "not_probed"},
    "hosts": {"name", "role", "state", "underlay", "subnets", "error"},
    "findings": {
        "id", "code", "entry", "severity", "host", "subject", "summary", "effect", "evidence", "caused_by", "fix",
    },
    "fix": {"class", "commands", "refused", "alternatives"},
    "commands": {"host", "namespace", "argv"},
    "underlay": {"interface", "address"},
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_as_committed(name: str) -> None:
    """HOSTGW_UPDATE=1 writes it; additions are allowed, renames are not."""
    path = DIRECTORY / f"{name}.json"
    text = json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("HOSTGW_UPDATE"):
        path.write_text(text)
    assert text == path.read_text()


class Planner(Live):
    """An engine with a picture that is given, and no sessions."""

    def __init__(self, fabric: Fabric) -> None:
        super().__init__([Target("vm1")], Refuse(), Options())
        mesh = build(fabric)
        self.fixed = View(fabric, mesh, run(fabric, mesh))

    def view(self) -> View:
        return self.fixed


def report(fabric: Fabric) -> CheckReport:
    live = Planner(fabric)
    return check_report(live.view())


def broken() -> Fabric:
    return routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != REMOTE])


def as_json(value: msgspec.Struct) -> Any:
    return json.loads(msgspec.json.encode(value, enc_hook=plain))


def test_check_has_the_promised_fields() -> None:
    made = as_json(report(broken()))
    assert set(made) == FIELDS[""]
    assert all(set(host) == FIELDS["hosts"] for host in made["hosts"])
    assert set(made["hosts"][0]["underlay"]) == FIELDS["underlay"]
    assert made["hosts"][0]["underlay"] == {"interface": "eth0", "address": "10.5.7.60/24"}
    (found,) = made["findings"]
    assert set(found) == FIELDS["findings"]
    assert found["id"] == f"route-missing/vm1/{REMOTE}"
    assert set(found["fix"]) == FIELDS["fix"]
    assert [set(command) for command in found["fix"]["commands"]] == [FIELDS["commands"]]


def test_every_report_reads_back_by_its_type() -> None:
    fabric = broken()
    view = Planner(fabric).view()
    made = plan(view.listed, fabric, view.mesh)
    entries = [Entry("i", 1.0, "u", "t", "verified", ())]
    ends = (find_end(fabric, view.mesh, name) for name in ("vm1", "vm2"))
    reports = {
        "check": report(fabric), "fix": plan_report(made), "nat": nat_report(view), "routes": routes_report(view),
        "undo-list": journal_report(judged(entries, None)), "explain": explain_report("route-missing"),
        "path": path_report(predict(fabric, *ends)), "trace": Trace((LOST,)),
        "topology": topology(view),
        "watch": Teller(Planner(fabric)).start(view),
        "doctor": DoctorReport(1, (DoctorItem("vm1", "root", Health.OK, "yes", ""),)),
        "config": ConfigReport(1, "/c", True, (SettingReport("sudo", "true", "/c"),)),
        "undo-pending": guards_report({"vm1": [Guard("i", "t", "u", GuardState.APPLIED, left_s=3.0)]}),
    }  # fmt: skip
    assert set(reports) == set(SCHEMAS)
    for name, each in reports.items():
        assert msgspec.json.decode(msgspec.json.encode(each, enc_hook=plain), type=SCHEMAS[name]) == each


def without(fabric: Fabric, name: str, state: HostState, error: str = "") -> Fabric:
    return fabric.with_host(Host(name, state, clean(error), address=name))


def test_hosts_without_a_picture() -> None:
    fabric = healthy(3)
    one_down = report(without(fabric, "vm2", HostState.REFUSED, "refused \x1b[2J"))
    assert exit_code(one_down) == 4
    assert "no findings on the hosts that could be read" in list(check_text(one_down))
    assert as_json(one_down)["hosts"][1]["error"] == "refused \\x1b[2J"
    for state in (HostState.CONNECTING, HostState.UP):  # up, but no whole picture came: that is no clean bill
        slow = report(without(fabric, "vm2", state))
        assert (exit_code(slow), slow.hosts[1].state) == (4, HostState.TIMEOUT)
        assert "--timeout" in (slow.hosts[1].error or "")


def test_none_reached_is_no_clean_bill() -> None:
    fabric = Fabric().with_host(Host("vm1", HostState.UNREACHABLE, "no"))
    made = report(fabric)
    assert exit_code(made) == 3
    assert not any("as it should be" in line for line in check_text(made))


def test_a_host_that_is_not_read_as_root_is_no_clean_bill() -> None:
    fabric = healthy(2)
    vm2 = fabric.hosts["vm2"]
    assert vm2.snapshot is not None
    facts = msgspec.structs.replace(vm2.snapshot.facts, uid=1000)
    made = report(fabric.with_host(replace(vm2, snapshot=replace(vm2.snapshot, facts=facts))))
    assert list(check_text(made))[-1] == "no findings in what could be read: not root on vm2"


def test_assumptions_are_shown() -> None:
    made = report(healthy(3))
    assert made.assumptions
    text = "\n".join(check_text(made))
    assert all(line in text for line in made.assumptions)


def test_a_journal_that_somebody_tampered_with_cannot_speak_to_the_terminal() -> None:
    entry = Entry("i\x1b[2J", 1.0, "u\x07", "\x9b2J\u202e", "x\r", ())
    assert all(line.isprintable() for line in journal_text(journal_report(judged([entry], None))))
