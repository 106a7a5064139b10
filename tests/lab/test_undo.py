"""Undo on real hosts: out of order when independent, refused with the reason when not, all since a point."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab
NAME = f"u{os.getpid()}"
THREE = ("--hosts", "vm1,vm2,vm3", "--network", "10.239.0.0/16")


@pytest.fixture(scope="module")
def bare() -> Iterator[Lab]:
    """Three bare hosts with two namespaces each."""
    try:
        yield labs.up(NAME, hosts=3, containers=2, variant="bare")
    finally:
        labs.down(NAME)


@pytest.fixture
def healed(bare: Lab) -> Iterator[Lab]:
    yield bare
    labs.heal(bare.name)


class Hand:
    """Runs the program on a lab and reads its journal."""

    def __init__(self, lab: Lab, hostgw: Run) -> None:
        self.where, self.hostgw = ("--lab", lab.name, *THREE), hostgw

    def do(self, *words: str) -> str:
        """Make a change; return the id of its entry."""
        self.hostgw(*self.where, *words, "--yes", "--watch", "0", code=0)
        return str(self.entries()[-1]["id"])

    def entries(self) -> list[dict[str, Any]]:
        done = self.hostgw(*self.where, "undo", "--list", "--json", code=0)
        found: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
        return found

    def states(self) -> list[str]:
        return [entry["state"] for entry in self.entries()]

    def undo(self, *words: str, code: int = 0) -> str:
        done = self.hostgw(*self.where, "undo", *words, "--yes", code=code)
        return str(done.stdout)


def test_out_of_order_dependent_and_all_since(healed: Lab, hostgw: Run) -> None:
    baseline = labs.state(healed)
    hand = Hand(healed, hostgw)
    network = hand.do("setup")
    first, second = hand.do("attach", "vm1", "c1"), hand.do("attach", "vm2", "c1")
    third = hand.do("attach", "vm1", "c2")
    assert hand.states() == ["another first", "not undone", "not undone", "not undone"]
    refused = hand.undo(network, code=1)
    assert f"undo {third} first" in refused
    assert f"--since {network}" in refused
    hand.undo(second)  # the middle one stands on nothing but the network
    assert hand.states()[:4] == ["another first", "not undone", "undone", "not undone"]
    assert "already undone" in hand.undo(second, code=1)
    preview = hostgw(*hand.where, "undo", "--since", first, "--dry-run", code=0).stdout
    assert preview.startswith("undo 2 changes, the newest first: attach c2 on vm1; attach c1 on vm1")
    everything = hand.undo("--since", network)
    assert everything.startswith("undo 3 changes, the newest first:")
    assert labs.differences(baseline, labs.state(healed)) == []
    assert hand.states() == ["undone"] * 4 + [""] * 2
    assert "no entry nonsense" in hostgw(*hand.where, "undo", "--since", "nonsense", code=2).stderr


def test_what_somebody_changed_by_hand_meanwhile_is_refused(healed: Lab, hostgw: Run) -> None:
    hand = Hand(healed, hostgw)
    network = hand.do("setup")
    attached = hand.do("attach", "vm1", "c1")
    healed.exec("vm1", ["ip", "route", "replace", "10.239.1.0/24", "via", "10.5.7.62", "dev", "eth0"], check=True)
    before = labs.state(healed)
    refused = hand.undo("--since", network, code=1)
    assert "the route to 10.239.1.0/24 on vm1 was changed since: it is now 10.239.1.0/24 via 10.5.7.62" in refused
    assert f"take back {attached} alone" in refused
    assert labs.differences(before, labs.state(healed)) == []
    hand.undo(attached)
    assert hand.states()[:2] == ["moved on", "undone"]
    assert "was changed since" in hand.undo(network, code=1)


def test_fixes_of_one_chain(shared_lab: Lab, hostgw: Run) -> None:
    """Two fixes of POSTROUTING, one of a route between them."""
    labs.heal(shared_lab.name)
    try:
        exemption = "-t nat -D POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN"
        shared_lab.exec("vm1", ["iptables", *exemption.split()], check=True)
        labs.break_(shared_lab.name, "R1")
        broken = labs.state(shared_lab)
        where = ("--lab", shared_lab.name)
        for code in ("masquerade-between-containers", "route-missing", "node-traffic-masqueraded"):
            hostgw(*where, "fix", "--host", "vm1", "--code", code, "--yes", "--watch", "0", code=0)
        first, middle, last = json.loads(hostgw(*where, "undo", "--list", "--json", code=0).stdout)["entries"]
        assert [entry["state"] for entry in (first, middle, last)] == ["another first", "not undone", "not undone"]
        assert first["first"] == last["id"]
        assert first["reason"] in hostgw(*where, "undo", first["id"], "--yes", code=1).stdout
        hostgw(*where, "undo", middle["id"], "--yes", code=0)
        hostgw(*where, "undo", "--all", "--yes", code=0)
        assert labs.differences(broken, labs.state(shared_lab)) == []
        assert "nothing to undo" in hostgw(*where, "undo", "--all", "--yes", code=0).stderr
    finally:
        labs.heal(shared_lab.name)
