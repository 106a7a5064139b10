"""Hosts that cannot be reached or read: the right state and one clear error each, and no false finding elsewhere."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from hostgw.report.model import CheckReport
from tests.lab.cli_hosts import ODD_PORT, USER_PORT, Names, another_sshd
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab


@pytest.fixture
def ssh(shared_lab: Lab, tmp_path: Path) -> Names:
    return Names(shared_lab, tmp_path)


def checked(hostgw: Run, lab: Lab, ssh: Names, hosts: str, code: int, *more: str) -> dict[str, Any]:
    words = ("--lab", lab.name, "--ssh-config", str(ssh.path), "--hosts", hosts, *more)
    done = hostgw("check", "--json", *words, code=code)
    msgspec.json.decode(done.stdout, type=CheckReport)
    report: dict[str, Any] = json.loads(done.stdout)
    report["by_name"] = {host["name"]: host for host in report["hosts"]}
    return report


def test_every_way_to_fail_has_its_state(shared_lab: Lab, hostgw: Run, ssh: Names) -> None:
    vm1 = ssh.address("vm1")
    ssh.add_true("vm1", "vm3")
    ssh.add("closed", vm1, "Port 1")
    ssh.add("nobody", "10.5.7.240", "ConnectTimeout 1")
    ssh.add("noname", "no-such-host.invalid")
    ssh.add("unknown", vm1, known=ssh.empty_known_hosts())
    ssh.add("changed", vm1, known=ssh.swapped_known_hosts())
    ssh.add("stranger", vm1, key=ssh.stranger())
    hosts = "vm1,closed,nobody,noname,unknown,changed,stranger,vm3"
    report = checked(hostgw, shared_lab, ssh, hosts, 4)
    assert report["findings"] == []
    expected = {
        "vm1": ("up", None), "vm3": ("up", None), "closed": ("refused", "sshd"), "nobody": ("timeout", "firewall"),
        "noname": ("unreachable", "Check the name"), "unknown": ("key-unknown", "--accept-new"),
        "changed": ("key-changed", "ssh-keygen -R"), "stranger": ("auth-failed", ""),
    }  # fmt: skip
    for name, (state, words) in expected.items():
        found = report["by_name"][name]
        assert found["state"] == state, found
        assert (found["error"] is None) if words is None else words in found["error"]


def test_one_host_down_leaves_the_others_alone(shared_lab: Lab, hostgw: Run, ssh: Names) -> None:
    vm2 = ssh.address("vm2")
    ssh.add(vm2, vm2, "Port 1")
    ssh.add_true("vm1", "vm3")
    hosts = f"vm1,{vm2},vm3"
    report = checked(hostgw, shared_lab, ssh, hosts, 4)
    assert report["findings"] == []
    assert report["by_name"][vm2]["state"] == "refused"
    words = ("--lab", shared_lab.name, "--ssh-config", str(ssh.path), "--hosts", hosts)
    text = hostgw("check", *words, code=4).stdout
    assert report["by_name"][vm2]["error"] in text
    assert "as it should be" not in text
    hostgw("routes", *words, code=4)
    hostgw("nat", *words, code=4)
    hostgw("fix", "--yes", *words, code=4)
    try:
        labs.break_(shared_lab.name, "F1")  # on vm2, which nobody can read: no finding is made up for it
        assert checked(hostgw, shared_lab, ssh, hosts, 4)["findings"] == []
        labs.break_(shared_lab.name, "R1")
        found = checked(hostgw, shared_lab, ssh, hosts, 1)["findings"]
        assert {(f["code"], f["host"]) for f in found} == {("route-missing", "vm1")}
    finally:
        labs.heal(shared_lab.name)


def test_none_reached(shared_lab: Lab, hostgw: Run, ssh: Names, tmp_path: Path) -> None:
    ssh.add("vm1", "10.5.7.240", "ConnectTimeout 1")
    words = ("--lab", shared_lab.name, "--ssh-config", str(ssh.path), "--hosts", "vm1")
    report = checked(hostgw, shared_lab, ssh, "vm1", 3)
    assert (report["findings"], report["by_name"]["vm1"]["state"]) == ([], "timeout")
    for command in (["routes"], ["nat"], ["fix", "--yes"], ["capture"], ["snapshot", "-o", str(tmp_path / "s")]):
        done = hostgw(*command, *words, code=3)
        assert "vm1: " in done.stderr
        assert "nothing to mend" not in done.stderr


def test_no_answer_in_time_is_a_timeout(shared_lab: Lab, hostgw: Run, ssh: Names) -> None:
    """A listener that never speaks SSH: the option ends the wait."""
    ssh.add_true("vm1")
    with _silent(shared_lab) as port:
        ssh.add("mute", "10.5.7.250", f"Port {port}")
        report = checked(hostgw, shared_lab, ssh, "mute,vm1", 4, "--timeout", "2.5")
    assert report["by_name"]["mute"]["state"] == "timeout"
    assert report["by_name"]["vm1"]["state"] == "up"


def _silent(lab: Lab) -> Any:
    from contextlib import contextmanager

    from hostgw.lab.namespaces import inside

    @contextmanager
    def listening() -> Iterator[int]:
        with inside(lab.netns("operator")):
            server = socket.create_server(("10.5.7.250", 0))
        with server:
            yield server.getsockname()[1]

    return listening()


def test_accept_new_remembers_and_never_accepts_a_changed_key(shared_lab: Lab, hostgw: Run, ssh: Names) -> None:
    empty, swapped = ssh.empty_known_hosts(), ssh.swapped_known_hosts()
    ssh.add("vm2", ssh.address("vm2"), known=empty)
    ssh.add("changed", ssh.address("vm1"), known=swapped)
    report = checked(hostgw, shared_lab, ssh, "vm2,changed", 4, "--accept-new")
    assert report["by_name"]["vm2"]["state"] == "up"
    assert report["by_name"]["changed"]["state"] == "key-changed"
    assert ssh.address("vm2") in empty.read_text()
    assert checked(hostgw, shared_lab, ssh, "vm2", 0)["by_name"]["vm2"]["state"] == "up"


_NO_PYTHON = "mkdir -p /run/few; for p in sh tail id; do ln -sf /usr/bin/$p /run/few/$p; done"
_OLD = """printf '#!/bin/sh\\ncase "$*" in *print*) echo 3.6.8;; *) exit 97;; esac\\n' > /run/few/python3
chmod 755 /run/few/python3"""


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        pytest.param(_NO_PYTHON, "neither python3", id="none"),
        pytest.param(f"{_NO_PYTHON}; {_OLD}", "3.6.8", id="old"),
    ],
)
def test_no_python_or_an_old_one(shared_lab: Lab, hostgw: Run, ssh: Names, prepare: str, said: str) -> None:
    ssh.add_true("vm1")
    ssh.add("poor", ssh.address("vm3"), f"Port {ODD_PORT}", known=ssh.alias_known_hosts("vm3", ODD_PORT))
    settings = "SetEnv PATH=/run/few\nAuthorizedKeysFile .ssh/authorized_keys"
    try:
        with another_sshd(shared_lab, "vm3", ODD_PORT, settings, prepare):
            report = checked(hostgw, shared_lab, ssh, "vm1,poor", 4)
    finally:
        shared_lab.exec("vm3", ["rm", "-rf", "/run/few"], check=True)
    assert report["findings"] == []
    assert report["by_name"]["poor"]["state"] == "no-python"
    assert said in report["by_name"]["poor"]["error"]
    assert "3.9" in report["by_name"]["poor"]["error"]


_ACCOUNT = (
    "grep -q ^guest: /etc/passwd || echo guest:x:54321:54321::/tmp:/bin/sh >> /etc/passwd;"
    "grep -q ^guest: /etc/shadow || echo guest:*:19000:::::: >> /etc/shadow;"
    "mkdir -p /run/keys; cp /root/.ssh/authorized_keys /run/keys/guest; chmod 644 /run/keys/guest"
)


def test_a_login_that_is_not_root(shared_lab: Lab, hostgw: Run, ssh: Names) -> None:
    ssh.add_true("vm2", "vm3")
    known = ssh.alias_known_hosts("vm1", USER_PORT)
    ssh.add("vm1", ssh.address("vm1"), "User guest", f"Port {USER_PORT}", known=known)
    settings = "SetEnv PATH=/usr/sbin:/usr/bin:/sbin:/bin\nAuthorizedKeysFile /run/keys/%u"
    words = ("--lab", shared_lab.name, "--ssh-config", str(ssh.path), "--hosts", "vm1,vm2,vm3")
    try:
        with another_sshd(shared_lab, "vm1", USER_PORT, settings, _ACCOUNT):
            report = checked(hostgw, shared_lab, ssh, "vm1,vm2,vm3", 0)
            assert report["findings"] == []
            assert report["by_name"]["vm1"]["state"] == "no-root"
            assert "sudo" in report["by_name"]["vm1"]["error"]
            labs.break_(shared_lab.name, "R1")
            done = hostgw("fix", "--yes", *words, code=1)
            assert "vm1: not root there" in done.stdout
            assert "10.239.1.0/24" not in str(
                shared_lab.exec("vm1", ["ip", "route"], capture_output=True, text=True).stdout
            )
    finally:
        labs.heal(shared_lab.name)
        shared_lab.exec("vm1", ["sed", "-i", "/^guest:/d", "/etc/passwd", "/etc/shadow"], check=True)
