"""Logging in as somebody else: passwords, sudo, jump hosts' limits, hosts without a Python."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw.model.host_state import HostState
from hostgw.ssh.options import Options
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import Refuse
from hostgw.ssh.session import Session
from hostgw.ssh.target import Target
from hostgw.wire import Ready

from .ssh_arena import Heard, Sshd, client_config, fake_stage, make_key, own_network, until

pytestmark = pytest.mark.lab

PASSWORD = "geheim 'x'"


@pytest.fixture(autouse=True, scope="module")
def _network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A private /etc with a user `op`."""
    copy = tmp_path / "etc"
    shutil.copytree("/etc", copy, symlinks=True, ignore_dangling_symlinks=True)
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with (copy / "passwd").open("a") as file:
        file.write(f"op:x:54321:54321::{home}:/bin/sh\n")
    with (copy / "group").open("a") as file:
        file.write("op:x:54321:\n")
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    )
    with (copy / "shadow").open("a") as file:
        file.write(f"op:{hashed.stdout.strip()}:19000:0:99999:7:::\n")
    (copy / "sudoers").write_text("root ALL=(ALL) ALL\n")
    return copy


class Answers(Refuse):
    """A prompter with answers, which counts the questions."""

    def __init__(self, password: str | None = None, sudo: str | None = None, passphrase: str | None = None) -> None:
        self.asked: list[str] = []
        self._password, self._sudo, self._passphrase = password, sudo, passphrase

    def password(self, host: str, prompt: str) -> str | None:
        self.asked.append(f"password {prompt}")
        return self._password

    def passphrase(self, host: str, keyfile: str) -> str | None:
        self.asked.append("passphrase")
        return self._passphrase

    def sudo_password(self, host: str) -> str | None:
        self.asked.append("sudo")
        return self._sudo


def session(
    config: Path, prompter: Refuse, user: str = "op", pool: Pool | None = None, **more: object
) -> tuple[Session, Heard]:
    heard = Heard()
    options = Options(ssh_config=config, stage=fake_stage(), ping_s=0.2, silence_s=5, backoff_s=(0.05, 0.2), **more)  # type: ignore[arg-type]
    made = Session(Target("vm1", user=user), options, heard, prompter, pool or Pool())
    made.start()
    return made, heard


@pytest.fixture
def server(tmp_path: Path, etc: Path) -> Iterator[Sshd]:
    (etc.parent).chmod(0o755)
    sshd = Sshd(
        tmp_path / "vm1", etc=etc, extra="PasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
    ).start()
    (sshd.folder / "authorized_keys").chmod(0o644)
    opened(tmp_path)
    yield sshd
    sshd.stop()


def opened(path: Path) -> None:
    """Let other users walk down to `path`: pytest's folders are root's alone."""
    for folder in (path, *path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):  # noqa: S108
            folder.chmod(folder.stat().st_mode | 0o055)


def test_password_login_and_reconnect_asks_once(server: Sshd, tmp_path: Path) -> None:
    (server.folder / "authorized_keys").write_text("")
    prompter = Answers(PASSWORD)
    made, heard = session(client_config(tmp_path, server), prompter)
    try:
        assert heard.wait_message(Ready).facts.uid == 54321
        server.stop()
        heard.wait(HostState.STALE)
        server.start()
        heard.wait(HostState.UP, 2)
        assert prompter.asked == ["password password of op:"]
    finally:
        made.close()


def test_wrong_password_fails(server: Sshd, tmp_path: Path) -> None:
    (server.folder / "authorized_keys").write_text("")
    prompter = Answers("falsch")
    made, heard = session(client_config(tmp_path, server), prompter)
    try:
        text, _ = heard.wait(HostState.AUTH_FAILED, within=30)
        assert "falsch" not in text
        assert 1 <= len(prompter.asked) <= 3
    finally:
        made.close()


def test_passphrase_is_asked_once_for_all_hosts(server: Sshd, tmp_path: Path) -> None:
    make_key(server.user_key, "satz")
    (server.folder / "authorized_keys").write_bytes(Path(f"{server.user_key}.pub").read_bytes())
    prompter, pool = Answers(passphrase="satz"), Pool()
    config = client_config(tmp_path, server)
    made = [session(config, prompter, pool=pool) for _ in range(5)]
    try:
        for _, heard in made:
            heard.wait(HostState.UP)
        assert prompter.asked == ["passphrase"]
    finally:
        for each, _ in made:
            each.close()


@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
@pytest.mark.parametrize(
    "rule", ["op ALL=(ALL) ALL", "op ALL=(ALL) NOPASSWD: ALL", "Defaults requiretty\nop ALL=(ALL) ALL", ""]
)
def test_sudo(server: Sshd, etc: Path, tmp_path: Path, rule: str) -> None:
    with (etc / "sudoers").open("a") as file:
        file.write(rule + "\n")
    prompter = Answers(sudo=PASSWORD)
    made, heard = session(client_config(tmp_path, server), prompter, sudo=True)
    try:
        if rule.startswith("op"):
            facts = heard.wait_message(Ready).facts
            assert facts.uid == 0
            assert facts.ssh_connection[3] == "22"
            assert prompter.asked == ([] if "NOPASSWD" in rule else ["sudo"])
            agent = facts.agent_pid
        else:
            text, _ = heard.wait(HostState.NO_ROOT)
            assert ("terminal" if rule else "may not use sudo") in text
            agent = 0
    finally:
        made.close()
    until(lambda: not agent or not Path(f"/proc/{agent}").exists())


@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
def test_sudo_with_a_wrong_password_is_told_it_once(server: Sshd, etc: Path, tmp_path: Path) -> None:
    with (etc / "sudoers").open("a") as file:
        file.write("op ALL=(ALL) ALL\n")
    prompter = Answers(sudo="falsch")
    made, heard = session(client_config(tmp_path, server), prompter, sudo=True)
    try:
        text, _ = heard.wait(HostState.AUTH_FAILED)
        assert "sudo refused the password" in text
        assert "falsch" not in text
        assert prompter.asked == ["sudo"]
    finally:
        made.close()


def test_not_root_and_no_sudo_delivers_facts(server: Sshd, tmp_path: Path) -> None:
    made, heard = session(client_config(tmp_path, server), Refuse())
    try:
        assert heard.wait_message(Ready).facts.uid == 54321
    finally:
        made.close()


def test_no_python_and_an_old_one(etc: Path, tmp_path: Path) -> None:
    opened(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "tail", "id"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    sshd = Sshd(tmp_path / "vm1", extra=f"SetEnv PATH={programs}\n", etc=etc).start()
    try:
        made, heard = session(client_config(tmp_path, sshd), Refuse())
        text, _ = heard.wait(HostState.NO_PYTHON)
        assert "neither python3" in text
        old = programs / "python3"
        old.write_text('#!/bin/sh\ncase "$*" in *print*) echo 3.6.8;; *) exit 97;; esac\n')
        old.chmod(0o755)
        made.retry()
        text, _ = heard.wait(HostState.NO_PYTHON, 2)
        assert f"python3 is 3.6.8 at {old}" in text
        (programs / "python3.12").symlink_to("/usr/bin/python3")
        made.retry()
        heard.wait(HostState.UP)
        made.close()
    finally:
        sshd.stop()


def test_noisy_login_shell(server: Sshd, etc: Path, tmp_path: Path) -> None:
    shell = tmp_path / "noisy"
    shell.write_text(
        '#!/bin/sh\ni=0; while [ $i -lt 2000 ]; do echo "Welcome to the machine"; i=$((i+1)); done\nexec sh "$@"\n'
    )
    shell.chmod(0o755)
    passwd = etc / "passwd"
    passwd.write_text(passwd.read_text().replace(f"{tmp_path}/home:/bin/sh", f"{tmp_path}/home:{shell}"))
    made, heard = session(client_config(tmp_path, server), Refuse())
    try:
        heard.wait(HostState.UP)
    finally:
        made.close()


def test_many_hosts_at_once(tmp_path: Path, etc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened(tmp_path)
    sshds = [Sshd(tmp_path / f"vm{number}", 2200 + number, etc=etc).start() for number in range(1, 65)]
    options = Options(ssh_config=client_config(tmp_path, *sshds), stage=fake_stage())
    heard, pool = Heard(), Pool()
    sessions = [Session(Target(f"vm{number}", user="op"), options, heard, Refuse(), pool) for number in range(1, 65)]
    began, cpu = time.monotonic(), time.process_time()
    try:
        for each in sessions:
            each.start()
        heard.wait_message(Ready, 64, within=60)
        spent = (time.monotonic() - began, time.process_time() - cpu)
        with capsys.disabled():
            print(f"\n64 hosts to Ready: {spent[0]:.2f} s, {spent[1]:.2f} s of CPU here")  # noqa: T201
    finally:
        for each in sessions:
            each.close()
        for sshd in sshds:
            sshd.stop()
