"""From bare hosts to a host-gw network and back: everything is made by the tool, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from hostgw.lab.faults import find
from tests.lab.conftest import Run
from tests.lab.test_breaks import seen_by_receiver

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
NAME = f"b{os.getpid()}"
NETWORK = ("--network", "10.239.0.0/16")
THREE = ("--hosts", "vm1,vm2,vm3")


@pytest.fixture(scope="module")
def bare() -> Iterator[Lab]:
    """Four bare hosts with two namespaces each, and an external machine."""
    try:
        yield labs.up(NAME, hosts=4, containers=2, external=True, variant="bare")
    finally:
        labs.down(NAME)


@pytest.fixture
def healed(bare: Lab) -> Iterator[Lab]:
    yield bare
    labs.heal(bare.name)


def steps(done: str) -> list[str]:
    return [line for line in done.splitlines() if line.startswith("[")]


def ping(lab: Lab, source: str, container: str, target: str) -> str:
    argv = ["ping", "-c1", "-W2", target]
    return str(lab.exec(source, argv, container, capture_output=True, text=True, check=False).stdout)


def test_bare_hosts_become_a_network_and_bare_again(healed: Lab, hostgw: Run) -> None:
    before = labs.state(healed)
    where = ("--lab", healed.name, *THREE)
    hostgw(*where, *NETWORK, "setup", "--yes", code=0)
    for host in ("vm1", "vm2", "vm3"):
        hostgw(*where, "attach", host, "c1", "c2", "--yes", code=0)
    assert json.loads(hostgw(*where, "check", "--json", code=0).stdout)["findings"] == []
    for source in ("vm1", "vm2", "vm3"):
        for subnet in range(3):
            if f"vm{subnet + 1}" != source:
                assert "ttl=62" in ping(healed, source, "c1", f"10.239.{subnet}.3"), (source, subnet)
        assert "ttl=62" in ping(healed, source, "c2", "192.0.2.9")  # the outside, as its host
    seen = seen_by_receiver(healed, "vm1", "vm2")
    assert "10.239.0.2 > 10.239.1.2" in seen
    made = labs.state(healed)
    again = hostgw(*where, *NETWORK, "setup", "--yes", code=0)
    assert "nothing is missing" in again.stdout
    assert labs.differences(made, labs.state(healed)) == []
    hostgw(*where, "undo", "--all", "--yes", code=0, timeout=180)
    assert labs.differences(before, labs.state(healed)) == []


def test_a_fourth_joins_an_external_joins_and_one_leaves(healed: Lab, hostgw: Run) -> None:
    where = ("--lab", healed.name, *NETWORK)
    hostgw(*where, *THREE, "setup", "--yes", code=0)
    three = labs.state(healed)
    everybody = (*where, "--hosts", "vm1,vm2,vm3,vm4")
    joined = steps(hostgw(*everybody, "join", "vm4", "--yes", code=0).stdout)
    assert [line for line in joined if not line.startswith("[vm4]")] == [
        f"[{host}] route 10.239.3.0/24 by its owner vm4" for host in ("vm1", "vm2", "vm3")
    ]
    outside = hostgw(*where, "join", "ext1", "--external", "--yes", code=0).stdout
    assert steps(outside) == [f"[ext1] route 10.239.{n}.0/24 by its owner vm{n + 1}" for n in range(4)]
    assert json.loads(hostgw(*where, "check", "--json", code=0).stdout)["findings"] == []
    nothing = hostgw(*where, "setup", "--external-host", "ext1", "--yes", code=0)
    assert "nothing is missing" in nothing.stdout
    hostgw(*where, "leave", "vm4", "--yes", code=0)
    changed = labs.differences(three, labs.state(healed))
    assert not [each for each in changed if each.startswith(("vm1", "vm2", "vm3"))], changed
    assert "10.239.3.0/24 dev br0" in healed.exec("vm4", ["ip", "route"], capture_output=True, text=True).stdout


def test_a_policy_that_drops_gets_accepts(healed: Lab, hostgw: Run) -> None:
    """And no other host does."""
    healed.exec("vm1", ["iptables", "-P", "FORWARD", "DROP"], check=True)
    where = ("--lab", healed.name, *THREE, *NETWORK)
    done = steps(hostgw(*where, "setup", "--yes", code=0).stdout)
    assert [line[:5] for line in done if "before it is dropped" in line] == ["[vm1]"]
    for host in ("vm1", "vm2"):
        hostgw(*where, "attach", host, "c1", "--yes", code=0)
    assert "ttl=62" in ping(healed, "vm1", "c1", "10.239.1.2")
    assert "ttl=62" in ping(healed, "vm2", "c1", "10.239.0.2")
    assert "ttl=62" in ping(healed, "vm1", "c1", "192.0.2.9")


def test_detach(healed: Lab, hostgw: Run) -> None:
    where = ("--lab", healed.name, *THREE, *NETWORK)
    hostgw(*where, "setup", "--yes", code=0)
    before = labs.state(healed)
    hostgw(*where, "attach", "vm1", "c1", "--address", "10.239.0.77", "--yes", code=0)
    assert "10.239.0.77/24" in healed.exec("vm1", ["ip", "-4", "addr"], "c1", capture_output=True, text=True).stdout
    again = hostgw(*where, "attach", "vm1", "c1", "--yes", code=1)
    assert "veth-c1 is there already on vm1" in again.stdout
    hostgw(*where, "detach", "vm1", "c1", "--yes", code=0)
    assert [d for d in labs.differences(before, labs.state(healed)) if d.split()[0] == "vm1"] == []
    assert "no bridge" in hostgw(*where, "detach", "vm1", "c1", "--yes", code=2).stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("setup", "--subnet", "vm1=10.99.0.0/24"), "is not in 10.239.0.0/16"),
        (("setup", "--subnet", "vm1=10.239.0.0/23", "--subnet", "vm2=10.239.1.0/24"), "would own the same addresses"),
        (("setup", "--subnet", "vm1"), "Write it as vm1=10.239.0.0/24"),
        (("setup", "--subnet", "vm9=10.239.0.0/24"), "there is no host vm9"),
        (("join", "vm9"), "there is no host vm9"),
        (("attach", "vm1", "c1"), "has no bridge that owns a subnet"),
    ],
)
def test_odd_wishes(words: tuple[str, ...], told: str, healed: Lab, hostgw: Run) -> None:
    before = labs.state(healed)
    done = hostgw("--lab", healed.name, *THREE, *NETWORK, *words, "--yes", code=2)
    assert told in done.stderr
    assert labs.differences(before, labs.state(healed)) == []


def test_who_has_no_part_in_the_network_cannot_leave_it(healed: Lab, hostgw: Run) -> None:
    done = hostgw("--lab", healed.name, *THREE, *NETWORK, "leave", "vm1", "--yes", code=1)
    assert "it has no route to anybody's containers" in done.stdout


def test_the_network_must_be_known(healed: Lab, hostgw: Run) -> None:
    done = hostgw("--lab", healed.name, *THREE, "setup", "--yes", code=2)
    assert "--network 10.239.0.0/16" in done.stderr


def test_a_host_on_another_segment_is_refused(healed: Lab, hostgw: Run) -> None:
    """Before anything is done, with what can be done instead."""
    for step in [each for each in find("R7").steps if each.place != "others"]:  # moves vm2 away
        healed.exec(step.place, step.argv, capture_output=True, check=False)
    before = labs.state(healed)
    done = hostgw("--lab", healed.name, *THREE, *NETWORK, "setup", "--yes", code=1)
    assert "vm2 (10.6.0.61) is not on the segment 10.5.7.0/24 of vm1: host-gw needs one" in done.stdout
    assert "instead: " in done.stdout
    assert labs.differences(before, labs.state(healed)) == []


def test_a_network_over_the_segment_is_refused(healed: Lab, hostgw: Run) -> None:
    done = hostgw("--lab", healed.name, *THREE, "--network", "10.5.0.0/16", "setup", "--yes", code=1)
    assert "10.5.0.0/16 overlaps the segment 10.5.7.0/24 of vm1" in done.stdout


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_same_from_the_keyboard(healed: Lab, width: int, height: int) -> None:
    before = labs.state(healed)
    argv = [sys.executable, "-m", "tests.lab.setup_story", healed.name, str(width), str(height)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip().endswith("told"), done.stdout + done.stderr[-4000:]
    assert labs.differences(before, labs.state(healed)) == []
