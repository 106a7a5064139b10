"""Everything by a user who is not root: a password to log in, another question for sudo, on a real terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.cli_hosts import USER_PORT, Names, another_sshd
from tests.lab.terminal import running

pytestmark = pytest.mark.lab
Run = Callable[..., str]
PCAPNG = bytes.fromhex("0a0d0d0a")
PASSWORD = "geheim 'x'"
HOSTS = ("vm1", "vm2")
LOGIN = "PasswordAuthentication yes\nPubkeyAuthentication no\nPermitRootLogin no"
RIGHT = "10.239.1.0/24 via 10.5.7.61 dev eth0"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts on which `op` may use sudo, with the password."""
    name = f"u{os.getpid()}"
    try:
        made = labs.up(name, hosts=2, containers=1)
        with ExitStack() as stack:
            for host in HOSTS:
                stack.enter_context(another_sshd(made, host, USER_PORT, LOGIN, account("op ALL=(ALL) ALL")))
            yield made
    finally:
        labs.down(name)


def account(rule: str) -> str:
    """Return what makes a user `op` on a host, for sh."""
    openssl = ["openssl", "passwd", "-6", "-stdin"]
    hashed = subprocess.run(openssl, input=PASSWORD, capture_output=True, text=True, check=True).stdout.strip()
    return (
        "mkdir -p /run/op; chown 54321 /run/op; echo op:x:54321:54321::/run/op:/bin/sh >> /etc/passwd;"
        f"echo 'op:{hashed}:19000:0:99999:7:::' >> /etc/shadow; echo op:x:54321: >> /etc/group;"
        f"echo '{rule}' > /etc/sudoers.d/op; chmod 440 /etc/sudoers.d/op"
    )


@pytest.fixture
def words(lab: Lab, tmp_path: Path) -> tuple[str, ...]:
    """Return the options that lead to both hosts as `op`."""
    ssh = Names(lab, tmp_path)
    for host in HOSTS:
        known = ssh.alias_known_hosts(host, USER_PORT)
        ssh.add(host, ssh.address(host), "User op", f"Port {USER_PORT}", known=known)
    return ("--lab", lab.name, "--ssh-config", str(ssh.path), "--hosts", ",".join(HOSTS), "--sudo")


@pytest.fixture
def run(words: tuple[str, ...], tmp_path: Path) -> Run:
    """Run a command as a person who knows the password and says yes; return what was shown."""

    def answering(command: str, *options: str, code: int, password: str = PASSWORD) -> str:
        secret = password.encode()
        answers = {b"password of op: ": secret, b"password for sudo: ": secret, b"[y/N] ": b"y"}
        with running(*words, command, *options, XDG_STATE_HOME=str(tmp_path / "state")) as shown:
            assert shown.converse(answers) == code, shown.output.decode()
            text = shown.output.decode()
        assert "Traceback" not in text
        assert password not in text
        return text

    return answering


def routes(lab: Lab) -> str:
    return str(lab.exec("vm1", ["ip", "route"], capture_output=True, text=True, check=True).stdout)


def test_all_of_it_with_a_password(lab: Lab, run: Run, tmp_path: Path) -> None:
    """Each host is asked for twice, once to log in and once to become root, although a confirm logs in again."""
    labs.break_(lab.name, "R1")
    try:
        before = labs.state(lab)
        assert "route-missing" in run("check", code=1)
        shown = run("fix", "--watch", "0", code=0)
        assert shown.count("password of op: ") == shown.count("password for sudo: ") == len(HOSTS)
        assert RIGHT in routes(lab)
        assert "no findings" in run("check", code=0)
        run("undo", code=0)
        assert labs.differences(before, labs.state(lab)) == []
        kept = tmp_path / "one.pcapng"
        run("capture", "--tap", "vm1:br0", "--seconds", "1", "-w", str(kept), code=0)
        assert kept.read_bytes()[:4] == PCAPNG
    finally:
        labs.heal(lab.name)


def test_a_network_is_set_up_and_taken_down_with_a_password(lab: Lab, run: Run) -> None:
    before = labs.state(lab)
    run("leave", "vm2", code=0)
    assert RIGHT not in routes(lab)
    run("undo", code=0)
    assert labs.differences(before, labs.state(lab)) == []


def test_the_log_of_it_has_no_password(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "log"
    run("check", "--log", str(path), "--log-level", "debug", code=0)
    text = path.read_text()
    assert "geheim" not in text
    assert "paramiko.transport" in text
    assert text.count("agent runs") == len(HOSTS)


def test_a_wrong_password_changes_nothing_and_is_said(lab: Lab, run: Run) -> None:
    shown = run("fix", code=3, password="falsch")
    assert "refuses op" in shown


@pytest.fixture
def no_sudo(lab: Lab) -> Iterator[None]:
    """`op` logs in, but sudoers do not name it."""
    for host in HOSTS:
        lab.exec(host, ["mv", "/etc/sudoers.d/op", "/run/op-sudoers"], check=True)
    yield
    for host in HOSTS:
        lab.exec(host, ["mv", "/run/op-sudoers", "/etc/sudoers.d/op"], check=True)


@pytest.mark.usefixtures("no_sudo")
def test_without_sudo_it_is_said_what_is_missing(lab: Lab, run: Run) -> None:
    labs.break_(lab.name, "R1")
    try:
        shown = run("fix", code=3)
        assert "may not use sudo" in shown
        assert "sudoers" in shown
        assert RIGHT not in routes(lab)
    finally:
        labs.heal(lab.name)
