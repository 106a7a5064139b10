"""What `ssh -G` says, and what we make of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hostgw.errors import UsageError
from hostgw.ssh.settings import parse, resolve, resolve_hop
from hostgw.ssh.target import Target


def config(folder: Path, text: str) -> Path:
    path = folder / "config"
    path.write_text(text)
    return path


def test_everything_comes_from_ssh(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    (tmp_path / "more").write_text("Host vm?\n  User admin\n")
    path = config(
        tmp_path,
        f"Include {tmp_path}/more\nHost vm1\n  HostName 10.0.0.5\n  Port 2222\n  IdentityFile {key}\n"
        f"  IdentityFile {tmp_path}/absent\n  IdentitiesOnly yes\n  UserKnownHostsFile {tmp_path}/k1 {tmp_path}/k2\n"
        "  ConnectTimeout 7\n  ProxyJump one,two@b:23\n  HashKnownHosts yes\n  RevokedHostKeys /r\n",
    )
    found = resolve(Target("vm1"), path)
    assert (found.hostname, found.port, found.user) == ("10.0.0.5", 2222, "admin")
    assert found.identities == (key,)
    assert found.missing == (tmp_path / "absent",)
    assert found.command == f"ssh -F {path} vm1"
    assert found.identities_only
    assert found.user_known_hosts == (tmp_path / "k1", tmp_path / "k2")
    assert found.proxy_jump == ("one", "two@b:23")
    assert found.connect_timeout == 7
    assert found.hash_known_hosts
    assert found.revoked_keys == "/r"
    assert found.known_name == "[10.0.0.5]:2222"


def test_target_overrides(tmp_path: Path) -> None:
    path = config(tmp_path, "Host vm1\n  User a\n  Port 1\n  HostName x\n  HostKeyAlias Alias\n")
    found = resolve(Target("vm1", user="b", host="10.0.0.9", port=2), path)
    assert found.missing == ()
    assert (found.hostname, found.port, found.user, found.known_name) == ("10.0.0.9", 2, "b", "alias")


def test_proxy_command_is_expanded(tmp_path: Path) -> None:
    path = config(tmp_path, "Host vm1\n  HostName 10.0.0.5\n  User u\n  ProxyCommand nc %h %p %r %n 100%% %z\n")
    assert resolve(Target("vm1"), path).proxy_command == "nc 10.0.0.5 22 u vm1 100% %z"


def test_values_with_shell_characters_are_quoted() -> None:
    found = parse(Target("vm1"), "hostname a;b\nuser x\nport 22\nproxycommand nc %h\n")
    assert found.proxy_command == "nc 'a;b'"


def test_defaults_without_openssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = resolve(Target("vm1", user="u", port=2222))
    assert (found.hostname, found.port, found.user) == ("vm1", 2222, "u")
    assert found.user_known_hosts


def test_bad_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"vm1: ssh refuses its settings: .*config") as caught:
        resolve(Target("vm1"), config(tmp_path, "Nonsense yes\n"))
    assert "line 1" in str(caught.value)
    with pytest.raises(UsageError):
        resolve(Target("vm1"), tmp_path / "absent")


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "", "a b", "a;b", "$(id)", "a/b", "é", "..", "a\n"])
def test_names_that_never_reach_ssh(name: str) -> None:
    with pytest.raises(UsageError):
        resolve(Target(name))
    with pytest.raises(UsageError):
        resolve(Target("vm1", user=name or "-x"))


def test_hops(tmp_path: Path) -> None:
    path = config(tmp_path, "Host b\n  HostName 10.0.0.7\n  ProxyJump own\n")
    hop = resolve_hop("u@b:23", ["a"], path)
    assert (hop.hostname, hop.port, hop.user, hop.proxy_jump) == ("10.0.0.7", 23, "u", ("a",))
    assert resolve_hop("b", [], path).proxy_jump == ("own",)
    assert resolve_hop("[fd00::1]:23", [], path).hostname == "fd00::1"
    with pytest.raises(UsageError):
        resolve_hop("a:b:c", [], path)
