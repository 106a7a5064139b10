"""Every kind of line that a known_hosts file can hold."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from hostgw.errors import HostError, KeyUnknownError
from hostgw.model.host_state import HostState
from hostgw.ssh import host_key, known_hosts
from hostgw.ssh.known_hosts import Verdict
from hostgw.ssh.settings import Settings


def blob(kind: str, seed: int) -> bytes:
    return len(kind).to_bytes(4, "big") + kind.encode() + bytes([0, 0, 0, 32]) + bytes([seed]) * 32


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


OURS, OTHER, RSA = blob("ssh-ed25519", 1), blob("ssh-ed25519", 2), blob("ssh-rsa", 3)
A, B, R = f"ssh-ed25519 {text(OURS)}", f"ssh-ed25519 {text(OTHER)}", f"ssh-rsa {text(RSA)}"

CASES = [
    ("", "h", Verdict.UNKNOWN),
    (f"h {A}", "h", Verdict.KNOWN),
    (f"h {A} a comment here", "h", Verdict.KNOWN),
    (f"  h\t{A}\r", "h", Verdict.KNOWN),
    (f"# h {A}", "h", Verdict.UNKNOWN),
    (f"H.Ex {A}", "h.ex", Verdict.KNOWN),
    (f"x,h,10.0.0.1 {A}", "10.0.0.1", Verdict.KNOWN),
    (f"h {B}", "h", Verdict.CHANGED),
    (f"h {R}", "h", Verdict.CHANGED),
    (f"h {B}\nh {A}", "h", Verdict.KNOWN),
    (f"*.ex {A}", "a.ex", Verdict.KNOWN),
    (f"*.ex,!a.ex {A}", "a.ex", Verdict.UNKNOWN),
    (f"!a.ex,*.ex {A}", "a.ex", Verdict.UNKNOWN),
    (f"!a.ex {A}", "b.ex", Verdict.UNKNOWN),
    (f"h? {A}", "h1", Verdict.KNOWN),
    (f"[h]:2222 {A}", "[h]:2222", Verdict.KNOWN),
    (f"[h]:2222 {A}", "h", Verdict.UNKNOWN),
    (f"h {A}", "[h]:2222", Verdict.KNOWN),
    (f"h {B}", "[h]:2222", Verdict.UNKNOWN),
    (f"[h]:2222 {B}", "[h]:2222", Verdict.CHANGED),
    (f"[fd00::1]:2222 {A}", "[fd00::1]:2222", Verdict.KNOWN),
    (f"@revoked * {A}\nh {A}", "h", Verdict.REVOKED),
    (f"h {A}\n@revoked h {A}", "h", Verdict.REVOKED),
    (f"h {A}\n@revoked * {B}", "h", Verdict.KNOWN),
    (f"@cert-authority *.ex {B}", "a.ex", Verdict.AUTHORITY),
    (f"@cert-authority *.ex {A}", "a.ex", Verdict.AUTHORITY),
    (f"@cert-authority *.ex {B}\na.ex {A}", "a.ex", Verdict.KNOWN),
    (f"@nonsense h {A}", "h", Verdict.UNKNOWN),
    (f"h ssh-ed25519 ?????\nh {A}", "h", Verdict.KNOWN),
    (f"h ssh-ed25519\n|1|x\nh {A}", "h", Verdict.KNOWN),
    (f"h ssh-rsa {text(OURS)}", "h", Verdict.UNKNOWN),
    (f"|1|bad|bad {A}\n|1|!!|!! {A}\n|1| {A}", "h", Verdict.UNKNOWN),
    (f"\x00\xff\x1b[2J\nh {A}", "h", Verdict.KNOWN),
    (f"[h {A}\nh] {A}", "h", Verdict.UNKNOWN),
]


@pytest.mark.parametrize(("content", "host", "verdict"), CASES)
def test_verdicts(tmp_path: Path, content: str, host: str, verdict: Verdict) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(content)
    bare = host[1:].split("]")[0] if host.startswith("[") else ""
    assert known_hosts.check(known_hosts.read([path]), host, OURS, bare).verdict is verdict


def test_changed_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"# first\nx {A}\nh {R}\nh {B}\n")
    answer = known_hosts.check(known_hosts.read([path]), "h", OURS)
    assert answer.entry is not None
    assert answer.entry.where == f"{path}:4"


def test_ssh_keygen_finds_what_we_add(tmp_path: Path) -> None:
    path = tmp_path / "new" / "known_hosts"
    known_hosts.add(path, "[h]:2222", OURS, hashed=True)
    known_hosts.add(path, "plain", OTHER)
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(line.startswith("|1|") for line in path.read_text().splitlines())
    for host, key in (("[h]:2222", OURS), ("plain", OTHER)):
        found = subprocess.run(["ssh-keygen", "-F", host, "-f", path], capture_output=True, text=True, check=True)
        assert text(key) in found.stdout
        assert known_hosts.check(known_hosts.read([path]), host, key).verdict is Verdict.KNOWN


def test_adding_after_a_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"x {B}")
    known_hosts.add(path, "h", OURS)
    assert path.read_text() == f"x {B}\nh {A}\n"


def settings(path: Path, **more: object) -> Settings:
    return Settings("vm1", "h", user_known_hosts=(path,), **more)  # type: ignore[arg-type]


def test_unknown_asks_once_and_writes_only_on_yes(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    asked: list[tuple[str, str, str]] = []

    def answer(yes: bool) -> host_key.Confirm:
        def confirm(host: str, key: str, fingerprint: str) -> bool:
            asked.append((host, key, fingerprint))
            return yes

        return confirm

    with pytest.raises(KeyUnknownError) as caught:
        host_key.judge(settings(path), [], "ssh-ed25519", OURS, answer(False))
    assert caught.value.fingerprint == known_hosts.fingerprint(OURS)
    assert not path.exists()
    host_key.judge(settings(path), [], "ssh-ed25519", OURS, answer(True))
    assert path.read_text() == f"h {A}\n"
    assert asked == [("vm1", "ssh-ed25519", known_hosts.fingerprint(OURS))] * 2


@pytest.mark.parametrize(
    ("line", "state", "words"),
    [
        (f"h {B}", HostState.KEY_CHANGED, "CHANGED"),
        (f"@revoked * {A}", HostState.KEY_CHANGED, "revoked"),
        (f"@cert-authority * {B}", HostState.KEY_UNKNOWN, "by certificate only"),
    ],
)
def test_hard_stops_ask_nobody(tmp_path: Path, line: str, state: HostState, words: str) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(line)

    def never(*_: str) -> bool:
        raise AssertionError("asked")

    entries = host_key.entries_for(settings(path))
    with pytest.raises(HostError, match=words) as caught:
        host_key.judge(settings(path), entries, "ssh-ed25519", OURS, never)
    assert caught.value.state is state
    assert not isinstance(caught.value, KeyUnknownError)


def test_revoked_keys_file(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = Path(f"{key}.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"h {public[0]} {public[1]}")
    krl, other = tmp_path / "krl", tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", krl, f"{key}.pub"], check=True)
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", other], check=True)
    (tmp_path / "list").write_text(f"# old\n{Path(f'{key}.pub').read_text()}")
    (tmp_path / "empty").write_text("")
    for name, revoked in (("list", True), ("empty", False), ("krl", True), ("other", False), ("absent", True)):
        mine = settings(known, revoked_keys=str(tmp_path / name))
        judged = (mine, host_key.entries_for(mine), public[0], base64.b64decode(public[1]), lambda *_: False)
        if revoked:
            with pytest.raises(HostError, match="revoked"):
                host_key.judge(*judged)
        else:
            host_key.judge(*judged)


def test_known_types_are_asked_for_first(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"h {R}")
    offered = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
    chosen = host_key.preferred(known_hosts.read([path]), settings(path), offered)
    assert chosen == ("rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519")
