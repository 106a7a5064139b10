"""Setting up where Docker makes the bridge: daemon.json, and a restart that has to be allowed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import BridgeChange, ChainChange, FileChange, RouteChange, ServiceChange, SysctlChange
from hostgw.model.file import HostFile
from hostgw.model.ip import prefix
from hostgw.model.kernel import Address, Bridge, Link
from hostgw.plans.model import Plan
from hostgw.plans.setup import Docker, setup_plan, wishes
from hostgw.plans.setup.docker import DAEMON_JSON, daemon_text
from hostgw.plans.setup.wishes import HostWish
from hostgw.wire import Section
from tests.fabrics import altered, healthy
from tests.unit.test_checks_persistence import with_files
from tests.unit.test_setup import NETWORK, stripped

DOCKER0 = 7
WISH = HostWish("vm1", prefix("10.239.0.0/24"), "docker0", docker=True)


def docker_host(address: str = "172.17.0.1", length: int = 16) -> Fabric:
    """vm2 has an idle docker0 and no part in the network."""
    fabric = stripped(healthy(3), "vm2")
    link = Link(DOCKER0, "docker0", "bridge", True, False, "02:42:00:00:00:01", bridge=Bridge())
    fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [*rows, link])
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, Address(DOCKER0, address, length)])
    return with_files(fabric, "vm2", {}, "dockerd")


def known(text: str | None, restart: bool = False, systemd: bool = True) -> Docker:
    missing = () if text is not None else ("/etc/docker",)
    file = HostFile(DAEMON_JSON, text, 0o644 if text is not None else 0, missing)
    return Docker({"vm2": file}, frozenset({"vm2"} if systemd else ()), restart)


def setup(fabric: Fabric, docker: Docker) -> Plan:
    mesh = build(fabric, told_network=NETWORK)
    return setup_plan(fabric, mesh, wishes(fabric, mesh, NETWORK, {}), docker=docker)


def on_vm2(plan: Plan) -> list[object]:
    return [step.change for step in plan.steps if step.host == "vm2"]


def test_docker_makes_the_bridge_and_is_restarted_last_when_that_is_allowed() -> None:
    made = setup(docker_host(), known(None, restart=True))
    changes = on_vm2(made)
    kinds = [FileChange, SysctlChange, ChainChange, ChainChange, RouteChange, RouteChange, ServiceChange]
    assert [type(change) for change in changes] == kinds
    file = changes[0]
    assert isinstance(file, FileChange)
    assert (file.before, file.parents) == (None, ("/etc/docker",))
    assert json.loads(file.after or "") == {"bip": "10.239.1.1/24", "iptables": False}
    assert changes[-1] == ServiceChange("docker")
    assert (made.notes, made.cuts) == ((), True)
    step = made.steps[[s.change for s in made.steps].index(changes[-1])]  # type: ignore[arg-type]
    assert step.summary.startswith("RESTART docker")
    assert [command.argv for command in (*step.commands, *step.undo)] == [("systemctl", "restart", "docker")] * 2


def test_without_a_word_nothing_is_restarted_and_that_is_said() -> None:
    made = setup(docker_host(), known("{}"))
    assert not any(isinstance(change, ServiceChange | BridgeChange) for change in on_vm2(made))
    assert made.notes == (
        "vm2: docker has to be restarted before docker0 is the gateway of 10.239.1.0/24: --restart-docker does so",
    )
    assert not made.cuts


def test_where_no_systemd_runs_it_is_left_to_a_person() -> None:
    made = setup(docker_host(), known("{}", restart=True, systemd=False))
    assert not any(isinstance(change, ServiceChange) for change in on_vm2(made))
    assert made.notes[0].endswith("no systemd runs there to do so")


def test_a_file_that_was_written_before_still_waits_for_its_restart() -> None:
    text = '{"bip": "10.239.1.1/24", "iptables": false}\n'
    assert [type(c) for c in on_vm2(setup(docker_host(), known(text))) if isinstance(c, FileChange)] == []
    assert on_vm2(setup(docker_host(), known(text, restart=True)))[-1] == ServiceChange("docker")


def test_a_bridge_that_has_its_address_is_left_alone() -> None:
    fabric = docker_host("10.239.1.1", 24)
    made = setup(fabric, known("{", restart=True))
    assert not any(isinstance(change, FileChange | ServiceChange | BridgeChange) for change in on_vm2(made))
    assert made.notes == ()


def test_docker_that_uses_another_bridge_changes_nothing() -> None:
    fabric = with_files(docker_host(), "vm2", {DAEMON_JSON: {"bridge": "none"}})
    changes = on_vm2(setup(fabric, known('{"bridge": "none"}')))
    assert any(isinstance(change, BridgeChange) for change in changes)
    assert not any(isinstance(change, FileChange) for change in changes)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", '{\n  "bip": "10.239.0.1/24",\n  "iptables": false\n}\n'),
        (
            '{\n\t"mtu": 1400,\n\t"bip": "172.17.0.1/16",\n\t"dns": ["10.0.0.1"]\n}\n',
            '{\n\t"mtu": 1400,\n\t"bip": "10.239.0.1/24",\n\t"dns": [\n\t\t"10.0.0.1"\n\t],\n\t"iptables": false\n}\n',
        ),
        (
            '{"bip":"10.239.0.1/24","iptables":false,"x":"\u00e9"}',
            '{"bip":"10.239.0.1/24","iptables":false,"x":"\u00e9"}',
        ),
    ],
    ids=["new", "kept", "as-it-is"],
)
def test_all_other_keys_stay(text: str, after: str) -> None:
    assert daemon_text("vm1", text, WISH) == after
    assert daemon_text("vm1", after, WISH) == after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"bip": ', "is no valid JSON"),
        ('{"bip": "x"} // mine', "is no valid JSON"),
        ('{"bip": 1, "bip": 2}', "a key stands there twice"),
        ('{"mtu": NaN}', "NaN is no value of JSON"),
        ("[1]", "is no JSON object"),
        ("[" * 100_000, "is no valid JSON"),
        ('{"fixed-cidr": "172.17.0.0/25"}', "fixed-cidr in /etc/docker/daemon.json is not in 10.239.0.0/24"),
    ],
)
def test_a_file_that_docker_would_not_take_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        daemon_text("vm1", text, WISH)
    assert words in f"{error.value.what} {error.value.cause}"


def test_one_that_cannot_be_read_is_refused() -> None:
    docker = known("{}")
    broken = replace(docker, files={"vm2": HostFile(DAEMON_JSON, None, error=f"{DAEMON_JSON} is a link")})
    with pytest.raises(UsageError, match="cannot be read"):
        setup(docker_host(), broken)


def test_who_did_not_ask_for_the_settings_is_told_so() -> None:
    mesh = build(docker_host(), told_network=NETWORK)
    made = setup_plan(docker_host(), mesh, wishes(docker_host(), mesh, NETWORK, {}))
    assert not any(isinstance(change, FileChange | ServiceChange | BridgeChange) for change in on_vm2(made))
    assert any(isinstance(change, RouteChange) for change in on_vm2(made))
    assert made.notes == ("vm2: Docker makes docker0; its settings were not read: `hostgw-tui setup` does so",)
