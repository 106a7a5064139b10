"""Hosts that come one after the other: all are seen at once, and judged when it is worth it."""

from __future__ import annotations

import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric, Host
from hostgw.live import intake as module
from hostgw.live.intake import Intake
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.mesh.build import build
from hostgw.model.host_state import HostState
from hostgw.wire import Ready, Section, Synced
from tests.fabrics import delta, healthy, routes

FABRIC = routes(healthy(4), "vm2", lambda rows: [r for r in rows if r.dst != "10.239.2.0/24"])
LOST = "route-missing/vm2/10.239.2.0/24"


class Builds:
    """Counts how often the mesh is built."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, fabric: Fabric) -> Mesh:
        self.count += 1
        return build(fabric)


def awaited(build: Builds) -> Intake:
    return Intake(tuple(Host(h.name, HostState.CONNECTING, address=h.address) for h in FABRIC.hosts.values()), build)


def arrive(intake: Intake, name: str) -> View:
    snapshot = FABRIC.hosts[name].snapshot
    assert snapshot
    rows = {(ns, section): table for ns, state in snapshot.states.items() for section, table in state.tables.items()}
    intake.state(name, HostState.UP, "")
    intake.message(name, Ready(snapshot.facts))
    for (ns, section), table in sorted(rows.items(), key=lambda item: item[0][1] is not Section.NAMESPACES):
        intake.message(name, delta(section, table.values(), ns))
    intake.message(name, Synced())
    return intake.wait(lambda view: view.fabric.hosts[name].readable, 10)


def named(view: View) -> set[str]:
    return {found.id for found in view.listed}


def test_what_is_true_of_all_is_worked_out_when_the_last_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1e9)
    intake = awaited(count := Builds())
    intake.start()
    try:
        arrive(intake, "vm1")
        first = count.count
        for name in ("vm2", "vm3"):
            view = arrive(intake, name)
            assert view.fabric.hosts[name].readable
            assert not view.settled
        assert count.count == first
        intake.message("vm2", delta(Section.PROGRAMS, ()))  # what is no arrival does not wait
        view = intake.wait(lambda view: LOST in named(view), 10)
        assert named(view) == {LOST}
        first = count.count
        view = arrive(intake, "vm4")
        assert view.settled
        assert count.count == first + 1
        assert view.findings == run(view.fabric, build(view.fabric))
        assert named(view) == {LOST}
    finally:
        intake.stop()


def test_a_host_that_never_comes_holds_nothing_up() -> None:
    intake = awaited(Builds())
    intake.start()
    try:
        for name in ("vm1", "vm2", "vm3"):
            arrive(intake, name)
        view = intake.wait(lambda view: LOST in named(view), 10)
        assert not view.settled
        assert named(view) == {LOST}
    finally:
        intake.stop()
