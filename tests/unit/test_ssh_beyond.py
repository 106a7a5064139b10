"""Which hosts are reached by the `ssh` program, and what its words mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostgw.model.host_state import HostState
from hostgw.ssh import beyond, openssh
from hostgw.ssh.beyond import Choice, by_openssh
from hostgw.ssh.known_hosts import Entry, read
from hostgw.ssh.settings import Settings, parse
from hostgw.ssh.target import Target
from tests.unit.test_ssh_known_hosts import A, B

VM1 = Target("vm1")


@pytest.fixture(autouse=True)
def _no_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KRB5CCNAME", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(beyond, "_has_ticket", lambda: False)


def entries(tmp_path: Path, content: str) -> list[Entry]:
    path = tmp_path / "known_hosts"
    path.write_text(content)
    return read([path])


def settings(text: str = "") -> Settings:
    return parse(VM1, f"hostname vm1\nuser root\nidentityagent none\n{text}")


def key(tmp_path: Path, name: str, public: str) -> str:
    (tmp_path / name).write_text("private")
    (tmp_path / f"{name}.pub").write_text(public)
    return f"identityfile {tmp_path / name}\n"


def test_plain_settings_go_by_paramiko(tmp_path: Path) -> None:
    told = settings(key(tmp_path, "id_ed25519", "ssh-ed25519 AAAA") + "pkcs11provider none\ngssapiauthentication yes\n")
    assert beyond.reason(told, entries(tmp_path, f"vm1 {A}")) == ""
    assert not by_openssh(told, Choice.AUTO, [])
    assert by_openssh(told, Choice.SSH, [])


def test_what_paramiko_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = key(tmp_path, "hardware", "sk-ssh-ed25519@openssh.com AAAA")
    assert beyond.reason(settings(hardware), []) == "a key on a security key"
    assert beyond.reason(settings("pkcs11provider /usr/lib/p11.so\n"), []) == "a key on a PKCS#11 token"
    assert not by_openssh(settings(hardware), Choice.PARAMIKO, [])
    monkeypatch.setattr(beyond, "_has_ticket", lambda: True)
    assert beyond.reason(settings("gssapiauthentication yes\n"), []) == "a login by GSSAPI"
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    assert beyond.reason(parse(VM1, "hostname vm1\nuser root\ngssapiauthentication yes\n"), []) == ""


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (f"@cert-authority * {A}", "a host certificate"),
        (f"@cert-authority * {A}\nvm1 {B}", ""),
        (f"@cert-authority other {A}", ""),
        (f"@revoked * {B}\n@cert-authority vm1 {A}", "a host certificate"),
        ("", ""),
    ],
)
def test_host_certificates(tmp_path: Path, content: str, wanted: str) -> None:
    assert beyond.reason(settings(), entries(tmp_path, content)) == wanted


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", HostState.KEY_CHANGED),
        ("No ED25519 host key is known for vm1 and you have requested strict checking.", HostState.KEY_UNKNOWN),
        ("Certificate invalid: expired\nHost key verification failed.", HostState.KEY_UNKNOWN),
        ("root@vm1: Permission denied (publickey).", HostState.AUTH_FAILED),
        ("ssh: connect to host vm1 port 22: Connection refused", HostState.REFUSED),
        ("ssh: connect to host vm1 port 22: Connection timed out", HostState.TIMEOUT),
        ("ssh: Could not resolve hostname vm1: Name or service not known", HostState.UNREACHABLE),
        ("ssh: connect to host vm1 port 22: No route to host", HostState.UNREACHABLE),
        ("kex_exchange_identification: banner line \x1b[2J", HostState.UNREACHABLE),
        ("", HostState.UNREACHABLE),
    ],
)
def test_words_of_ssh(said: str, state: HostState) -> None:
    error = openssh.reason(said.splitlines(), "vm1")
    assert error.state is state
    assert error.host == "vm1"
    assert error.remedy
    assert ".." not in str(error)
    assert "\x1b" not in str(error)
