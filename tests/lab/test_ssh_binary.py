"""Sessions by the `ssh` program: the same as by paramiko, and what only it can do."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw.model.host_state import HostState
from hostgw.ssh.beyond import Choice
from hostgw.ssh.prompter import Refuse
from hostgw.wire import Lookup, LookupReply, Ready, Synced

from .ssh_arena import Sshd, client_config, descendants, make_key, own_network, until
from .test_ssh_session import Run

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True, scope="module")
def _network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "vm1").start()
    yield server
    server.stop()


class NeverAsked(Refuse):
    """Fails when anything is asked."""

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        raise AssertionError("a key was asked for")

    def password(self, host: str, prompt: str) -> str | None:
        raise AssertionError("a password was asked for")


def by_ssh(config: Path, **options: object) -> Run:
    return Run(config, NeverAsked(), transport=Choice.SSH, **options)


def command(pid: int) -> str:
    """The name of a process; empty when it has just gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def clients() -> list[int]:
    """The `ssh` programs that we have started."""
    return [pid for pid in descendants(os.getpid()) if command(pid) == "ssh"]


def test_a_session_says_the_same_as_by_paramiko(sshd: Sshd, tmp_path: Path) -> None:
    with by_ssh(client_config(tmp_path, sshd)) as run:
        run.heard.wait(HostState.UP)
        ready = run.heard.wait_message(Ready)
        run.heard.wait_message(Synced)
        assert ready.facts.ssh_connection[0] == "127.0.0.1"
        reply = run.session.request(lambda number: Lookup(number, "10.0.0.1")).result(10)
        assert isinstance(reply, LookupReply)
        assert reply.errno == 101
    until(lambda: not clients())
    until(lambda: not [pid for pid in sshd.children() if command(pid).startswith("python")])


def test_a_connection_that_breaks_is_made_again(sshd: Sshd, tmp_path: Path) -> None:
    with by_ssh(client_config(tmp_path, sshd)) as run:
        run.heard.wait(HostState.UP)
        for pid in clients():
            os.kill(pid, signal.SIGKILL)
        run.heard.wait(HostState.STALE)
        run.heard.wait(HostState.UP, 2)
    until(lambda: not clients())


def test_keys_that_are_not_known_are_refused_and_nobody_is_asked(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    (tmp_path / "known_hosts").write_text("")
    with by_ssh(config) as run:
        text, _ = run.heard.wait(HostState.KEY_UNKNOWN)
    assert "host key is not trusted" in text
    assert (tmp_path / "known_hosts").read_text() == ""


def test_new_keys_are_taken_where_that_was_said(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    (tmp_path / "known_hosts").write_text("")
    with by_ssh(config, accept_new=True) as run:
        run.heard.wait(HostState.UP)
    assert "ssh-ed25519" in (tmp_path / "known_hosts").read_text()


def test_a_changed_key_stops_the_host(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"127.0.0.1 {other}")
    with by_ssh(config, accept_new=True) as run:
        text, _ = run.heard.wait(HostState.KEY_CHANGED)
    assert "HOST KEY HAS CHANGED" in text


def test_a_login_that_is_refused_says_what_to_do(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    (sshd.folder / "authorized_keys").write_text("")
    with by_ssh(config) as run:
        text, _ = run.heard.wait(HostState.AUTH_FAILED)
    assert "Permission denied" in text
    assert "--transport paramiko" in text


def test_a_host_without_sshd(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    sshd.stop()
    with by_ssh(config) as run:
        run.heard.wait(HostState.REFUSED)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Sshd, Path]]:
    """An sshd whose key an authority has signed; known_hosts has the authority alone."""
    authority = make_key(tmp_path / "authority")
    folder = tmp_path / "vm1"
    server = Sshd(folder, extra=f"HostCertificate {folder}/host_key-cert.pub\n")
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "vm1", "-h", "-n", "127.0.0.1", f"{server.host_key}.pub"]
    subprocess.run(sign, check=True)
    config = client_config(tmp_path, server)
    (tmp_path / "known_hosts").write_text(f"@cert-authority 127.0.0.1 {Path(f'{authority}.pub').read_text()}")
    yield server.start(), config
    server.stop()


def test_a_host_certificate_chooses_ssh_by_itself(certified: tuple[Sshd, Path]) -> None:
    with Run(certified[1], NeverAsked()) as run:
        run.heard.wait(HostState.UP)
        assert len(clients()) == 1
    until(lambda: not clients())


def test_paramiko_never_asks_for_the_plain_key_of_a_certified_host(certified: tuple[Sshd, Path]) -> None:
    with Run(certified[1], NeverAsked(), transport=Choice.PARAMIKO) as run:
        text, _ = run.heard.wait(HostState.KEY_UNKNOWN)
    assert "trusted by certificate only" in text


def test_a_certificate_of_another_authority_is_refused(certified: tuple[Sshd, Path], tmp_path: Path) -> None:
    other = Path(f"{make_key(tmp_path / 'stranger')}.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"@cert-authority 127.0.0.1 {other}")
    with Run(certified[1], NeverAsked(), accept_new=True) as run:  # of plain keys, which this host must not have
        run.heard.wait(HostState.KEY_UNKNOWN)
