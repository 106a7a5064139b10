"""An sshd of one's own in a network namespace of one's own, with a private /etc, for the tests of `hostgw.ssh`.

The test's main thread enters a fresh network namespace: threads and programs started from it are in there too, so that
loopback, port numbers and packet filters are the test's alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh import payload
from hostgw.wire import Captured, Reply

T = TypeVar("T")
M = TypeVar("M")

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNET = 0x40000000

FAKE_AGENT = """
import json, os, struct, time
def send(fd, message):
    body = json.dumps(message).encode()
    os.write(fd, struct.pack(">IB", len(body) + 1, 0) + body)
def read(fd, size):
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            raise SystemExit(0)
        data += more
    return data
def run(source, sink, connection):
    print("a stray print")
    facts = {"hostname": "h", "kernel": "k", "python": "3", "uid": os.getuid(), "agent_pid": os.getpid()}
    facts["ssh_connection"] = connection.split()
    send(sink, {"type": "ready", "facts": facts})
    send(sink, {"type": "synced"})
    while True:
        length, _ = struct.unpack(">IB", read(source, 5))
        message = json.loads(read(source, length - 1))
        if message["type"] == "ping":
            send(sink, {"type": "pong", "id": message["id"], "now_ns": time.time_ns()})
        if message["type"] == "lookup":
            send(sink, {"type": "lookup-reply", "id": message["id"], "errno": 101})
        if message["type"] == "arm":
            send(sink, {"type": "failure", "id": message["id"], "detail": "no \\x1b[2J"})
"""


def fake_stage(agent: str = FAKE_AGENT) -> bytes:
    """A stage whose agent is `agent` instead of the real one."""
    empty = {name: (f"{name}/__init__.py", True, "") for name in ("hostgw", "hostgw.agent")}
    return payload.stage({**empty, "hostgw.agent.main": ("hostgw/agent/main.py", False, agent)})


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Put the calling thread into a network namespace of its own, loopback up."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if _LIBC.unshare(_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        _LIBC.setns(before, _NEWNET)
        os.close(before)


def until(what: Callable[[], T], within: float = 15.0) -> T:
    """Wait for `what` to return something true."""
    end = time.monotonic() + within
    while not (value := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return value


def make_key(path: Path, passphrase: str = "") -> Path:
    """Make an ed25519 key pair."""
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


@dataclass
class Heard:
    """A sink that remembers; waits are for facts, with a bound."""

    states: list[tuple[HostState, str, HostError | None]] = field(default_factory=list)
    messages: list[Reply] = field(default_factory=list)
    captured: list[Captured] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def state(self, host: str, state: HostState, text: str, error: HostError | None) -> None:
        with self.changed:
            self.states.append((state, text, error))
            self.changed.notify_all()

    def message(self, host: str, message: Reply) -> None:
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def frames(self, host: str, frames: list[Captured]) -> None:
        with self.changed:
            self.captured += frames
            self.changed.notify_all()

    def wait(self, state: HostState, times: int = 1, within: float = 15.0) -> tuple[str, HostError | None]:
        """Wait until `state` was told so many times; return the last telling of it."""
        with self.changed:
            met = self.changed.wait_for(lambda: [each[0] for each in self.states].count(state) >= times, within)
            assert met, f"{state} did not come: {[each[:2] for each in self.states]}"
            return [each[1:] for each in self.states if each[0] is state][-1]

    def wait_message(self, kind: type[M], times: int = 1, within: float = 15.0) -> M:
        """Wait for a message of a kind."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self._of(kind)) >= times, within), f"no {kind.__name__}"
            return self._of(kind)[-1]

    def _of(self, kind: type[M]) -> list[M]:
        return [message for message in self.messages if isinstance(message, kind)]


class Sshd:
    """An sshd; `etc` is bound over /etc for it and what it starts."""

    def __init__(self, folder: Path, port: int = 22, extra: str = "", etc: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.etc = folder, port, etc
        self.host_key = make_key(folder / "host_key")
        self.user_key = make_key(folder / "user_key")
        shutil.copy(f"{self.user_key}.pub", folder / "authorized_keys")
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def known_line(self) -> str:
        """What known_hosts should say of it."""
        name = "127.0.0.1" if self.port == 22 else f"[127.0.0.1]:{self.port}"
        return f"{name} {Path(f'{self.host_key}.pub').read_text()}"

    def start(self) -> Sshd:
        """Start it and wait until it listens."""
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nPermitRootLogin yes\nMaxStartups 200\n"
            f"{self._extra}"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)]
        if self.etc:
            script = 'mount --bind "$1" /etc && shift && exec "$@"'
            argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(self.etc), *argv]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._listens)
        return self

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it and every session of it."""
        if self._process is None:
            return
        for pid in [*descendants(self._process.pid), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def children(self) -> list[int]:
        """Processes below it."""
        return descendants(self._process.pid) if self._process else []


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, deepest first."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [*descendants(int(child)), int(child)]
    return found


def client_config(folder: Path, *servers: Sshd, extra: str = "") -> Path:
    """An ssh configuration by which `vm1`, `vm2`, ... are the servers, whose keys are known."""
    known = folder / "known_hosts"
    known.write_text("".join(server.known_line for server in servers))
    stanzas = [
        f"Host vm{number}\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {server.user_key}\n"
        for number, server in enumerate(servers, 1)
    ]
    path = folder / "ssh_config"
    common = f"Host *\n  User root\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n"
    path.write_text(extra + "".join(stanzas) + common)
    return path
