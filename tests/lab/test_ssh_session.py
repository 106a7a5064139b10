"""Sessions over a real sshd."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw.errors import HostgwError, KeyUnknownError, RefusedError
from hostgw.model.host_state import HostState
from hostgw.ssh.beyond import Choice
from hostgw.ssh.frames import FrameReader
from hostgw.ssh.lifeline import Lifeline
from hostgw.ssh.options import Options
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import AcceptNew, Refuse
from hostgw.ssh.session import Session
from hostgw.ssh.target import Target
from hostgw.wire import Arm, Lookup, LookupReply, Ready, Start, Synced

from .ssh_arena import FAKE_AGENT, Heard, Sshd, client_config, descendants, fake_stage, make_key, own_network, until
from .tap_net import proc_text

pytestmark = pytest.mark.lab


BOTH = pytest.mark.parametrize("way", [Choice.PARAMIKO, Choice.SSH])
"""What is true whatever the transport."""


@pytest.fixture(autouse=True, scope="module")
def _network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "vm1").start()
    yield server
    server.stop()


class Run:
    """A session and what was heard of it."""

    def __init__(self, config: Path, prompter: object = None, target: Target | None = None, **options: object) -> None:
        self.heard = Heard()
        settings = {"stage": fake_stage(), "ping_s": 0.2, "silence_s": 1.5, "backoff_s": (0.05, 0.2), "connect_s": 3.0}
        merged = Options(ssh_config=config, **{**settings, **options})  # type: ignore[arg-type]
        self.session = Session(target or Target("vm1"), merged, self.heard, prompter or Refuse(), Pool())  # type: ignore[arg-type]

    def __enter__(self) -> Run:
        self.session.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.close()


@BOTH
def test_connects_and_delivers(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    began = time.monotonic()
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        ready = run.heard.wait_message(Ready)
        print(f"start to Ready: {(time.monotonic() - began) * 1000:.0f} ms")  # noqa: T201
        run.heard.wait_message(Synced)
        assert ready.facts.ssh_connection[2:] == ("127.0.0.1", "22")
        assert ready.facts.uid == 0
        assert run.heard.states[0][0] is HostState.CONNECTING
        sample = until(lambda: run.session.clock)
        assert abs(sample.offset_ns) < 50_000_000
        agent = ready.facts.agent_pid
        assert agent in sshd.children()
    until(lambda: not Path(f"/proc/{agent}").exists())
    until(lambda: not sshd.children())


@BOTH
def test_requests_find_their_replies(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        run.heard.wait(HostState.UP)
        replies = [run.session.request(lambda number: Lookup(number, "10.0.0.1")) for _ in range(20)]
        assert all(isinstance(reply.result(5), LookupReply) for reply in replies)
        failed = run.session.request(lambda number: Arm(number, "", ()))
        with pytest.raises(HostgwError, match=r"x1b"):
            failed.result(5)


@BOTH
def test_read_only_refuses_changes(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    with Run(client_config(tmp_path, sshd), read_only=True, transport=way) as run:
        run.heard.wait(HostState.UP)
        with pytest.raises(RefusedError):
            run.session.request(lambda number: Arm(number, "", ()))


def test_unknown_key_is_refused_and_accepted(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    known = tmp_path / "known_hosts"
    known.write_text("")
    with Run(config) as run:
        text, error = run.heard.wait(HostState.KEY_UNKNOWN)
        assert isinstance(error, KeyUnknownError)
        assert "vm1`, or start with --accept-new" in text
        assert "--accept-new" in text
        assert known.read_text() == ""
    with Run(config, AcceptNew(Refuse())) as run:
        run.heard.wait(HostState.UP)
    assert known.read_text().split()[:3] == sshd.known_line.split()[:3]


def test_changed_key_stops(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    other = make_key(tmp_path / "other")
    (tmp_path / "known_hosts").write_text("# one\n127.0.0.1 " + Path(f"{other}.pub").read_text())
    with Run(config, AcceptNew(Refuse())) as run:
        text, _ = run.heard.wait(HostState.KEY_CHANGED)
        assert "known_hosts:2" in text


def test_revoked_key_stops(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    with (tmp_path / "known_hosts").open("a") as file:
        file.write("@revoked * " + Path(f"{sshd.host_key}.pub").read_text())
    with Run(config, AcceptNew(Refuse())) as run:
        text, _ = run.heard.wait(HostState.KEY_CHANGED)
        assert "revoked" in text


def test_wrong_key_fails_and_is_not_tried_again(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd)
    (sshd.folder / "authorized_keys").write_text("")
    with Run(config) as run:
        text, _ = run.heard.wait(HostState.AUTH_FAILED)
        assert "user_key" in text
        attempts = (sshd.folder / "log").read_text().count("Connection closed by authenticating")
        assert attempts <= 1
        (sshd.folder / "authorized_keys").write_bytes(Path(f"{sshd.user_key}.pub").read_bytes())
        run.session.retry()
        run.heard.wait(HostState.UP)


@BOTH
def test_refused_then_up(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    sshd.stop()
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        run.heard.wait(HostState.REFUSED, 2)
        sshd.start()
        run.heard.wait(HostState.UP)


def test_silent_port_times_out(sshd: Sshd, tmp_path: Path) -> None:
    drop = ["iptables", "-w", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"]
    subprocess.run(drop, check=True)
    try:
        with Run(client_config(tmp_path, sshd), connect_s=0.3) as run:
            run.heard.wait(HostState.TIMEOUT)
    finally:
        subprocess.run(["iptables", "-w", "-D", *drop[3:]], check=True)


@BOTH
def test_half_open_connection_goes_stale_and_returns(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        run.heard.wait(HostState.UP)
        drop = ["iptables", "-w", "-A", "INPUT", "-p", "tcp", "-j", "DROP"]
        subprocess.run(drop, check=True)
        try:
            text, _ = run.heard.wait(HostState.STALE)
            assert "nothing heard" in text
        finally:
            subprocess.run(["iptables", "-w", "-D", *drop[3:]], check=True)
        run.heard.wait(HostState.UP, 2)


@BOTH
def test_stopped_agent_goes_stale(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        agent = run.heard.wait_message(Ready).facts.agent_pid
        os.kill(agent, signal.SIGSTOP)
        run.heard.wait(HostState.STALE)
        os.kill(agent, signal.SIGCONT)
        run.heard.wait(HostState.UP, 2)
        until(lambda: not Path(f"/proc/{agent}").exists())


@BOTH
def test_killed_server_and_killed_agent_come_back(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        run.heard.wait(HostState.UP)
        sshd.stop()
        run.heard.wait(HostState.STALE)
        sshd.start()
        run.heard.wait(HostState.UP, 2)
        os.kill(run.heard.wait_message(Ready, 2).facts.agent_pid, signal.SIGKILL)
        text, _ = run.heard.wait(HostState.STALE, 2)
        assert "137" in text
        run.heard.wait(HostState.UP, 3)


@BOTH
def test_agent_traceback_is_told(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    broken = fake_stage(FAKE_AGENT.replace('print("a stray print")', "raise ValueError('odd \\x1b[2J kernel')"))
    with Run(client_config(tmp_path, sshd), stage=broken, transport=way) as run:
        text, _ = run.heard.wait(HostState.STALE)
        assert "ValueError: odd \\x1b[2J kernel" in text


def test_proxy_command(sshd: Sshd, tmp_path: Path) -> None:
    script = tmp_path / "proxy.py"
    script.write_text(
        "import os, socket, sys, threading\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n while d := os.read(0, 65536): s.sendall(d)\n s.shutdown(1)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while d := s.recv(65536): os.write(1, d)\n"
    )
    config = client_config(tmp_path, sshd, extra=f"Host vm1\n  ProxyCommand python3 {script} %h %p\n")
    with Run(config) as run:
        run.heard.wait(HostState.UP)
        (proxy,) = _proxies()
        os.kill(proxy, signal.SIGKILL)
        run.heard.wait(HostState.STALE)
        run.heard.wait(HostState.UP, 2)
    assert not _proxies()


def _proxies() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if "proxy.py" in proc_text(Path(f"/proc/{pid}/cmdline"))]


def test_failing_proxy_command_is_told(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd, extra="Host vm1\n  ProxyCommand sh -c 'echo no way >&2; exit 3'\n")
    with Run(config) as run:
        text, _ = run.heard.wait(HostState.UNREACHABLE)
        assert "no way" in text


def test_jump_hosts_share_one_connection(sshd: Sshd, tmp_path: Path) -> None:
    inner = Sshd(tmp_path / "inner", 2222).start()
    try:
        config = client_config(tmp_path, sshd, inner, extra="Host vm2\n  ProxyJump vm1\n")
        pool = Pool()
        runs = [Run(config, target=Target(name)) for name in ("vm2",) * 3]
        for run in runs:
            run.session.reach._pool = pool
        for run in runs:
            run.session.start()
        for run in runs:
            run.heard.wait(HostState.UP)
        assert (sshd.folder / "log").read_text().count("Accepted publickey") == 1
        assert (inner.folder / "log").read_text().count("Accepted publickey") == 3
        for run in runs:
            run.session.close()
        until(lambda: not sshd.children())
    finally:
        inner.stop()


def test_jump_host_key_is_checked(sshd: Sshd, tmp_path: Path) -> None:
    inner = Sshd(tmp_path / "inner", 2222).start()
    try:
        config = client_config(tmp_path, sshd, inner, extra="Host vm2\n  ProxyJump vm1\n")
        (tmp_path / "known_hosts").write_text(inner.known_line)
        with Run(config, target=Target("vm2")) as run:
            text, _ = run.heard.wait(HostState.KEY_UNKNOWN)
            assert text.startswith("vm1")
    finally:
        inner.stop()


def test_jump_to_a_closed_port(sshd: Sshd, tmp_path: Path) -> None:
    config = client_config(tmp_path, sshd, extra="Host vm2\n  HostName 127.0.0.1\n  Port 2299\n  ProxyJump vm1\n")
    with Run(config, target=Target("vm2")) as run:
        text, _ = run.heard.wait(HostState.UNREACHABLE)
        assert "jump host vm1 cannot connect" in text


def test_close_while_connecting_is_prompt(sshd: Sshd, tmp_path: Path) -> None:
    os.kill(sshd._process.pid, signal.SIGSTOP)  # type: ignore[union-attr]
    try:
        with Run(client_config(tmp_path, sshd), connect_s=10.0) as run:
            run.heard.wait(HostState.CONNECTING)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert not run.session._thread.is_alive()
    finally:
        os.kill(sshd._process.pid, signal.SIGCONT)  # type: ignore[union-attr]


def test_key_agent_and_certificate(sshd: Sshd, tmp_path: Path) -> None:
    """The agent holds the key and no file does; then a certificate beside a key that the server does not list."""
    config = client_config(tmp_path, sshd)
    socket = tmp_path / "agent.sock"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent:
        until(socket.exists)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", sshd.user_key], env=environment, check=True)
        sshd.user_key.rename(tmp_path / "away")
        text = config.read_text().replace("IdentitiesOnly yes", f"IdentitiesOnly no\n  IdentityAgent {socket}")
        config.write_text(text)
        with Run(config) as run:
            run.heard.wait(HostState.UP)
        agent.terminate()
    authority = make_key(tmp_path / "authority")
    make_key(sshd.user_key)
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "op", "-n", "root", f"{sshd.user_key}.pub"]
    subprocess.run(sign, check=True, capture_output=True)
    (sshd.folder / "authorized_keys").write_text("cert-authority " + Path(f"{authority}.pub").read_text())
    with Run(config) as run:
        run.heard.wait(HostState.UP)


@BOTH
def test_a_second_connection_of_its_own(sshd: Sshd, tmp_path: Path, way: Choice) -> None:
    """What a confirm does: a new login beside the session's."""
    with Run(client_config(tmp_path, sshd), transport=way) as run:
        first = run.heard.wait_message(Ready).facts
        life = Lifeline()
        started = run.session.reach.agent(Start(), life)
        ready = FrameReader(started.process, "vm1", started.early).next(5)
        assert isinstance(ready, Ready)
        assert ready.facts.ssh_connection[1] != first.ssh_connection[1]
        life.cut()
        until(lambda: not Path(f"/proc/{ready.facts.agent_pid}").exists())


def test_local() -> None:
    with Run(Path("/nonexistent"), target=Target("local", local=True)) as run:
        facts = run.heard.wait_message(Ready).facts
        assert facts.ssh_connection == ()
        os.kill(facts.agent_pid, signal.SIGKILL)
        run.heard.wait(HostState.STALE)
        agent = run.heard.wait_message(Ready, 2).facts.agent_pid
    assert not Path(f"/proc/{agent}").exists()
