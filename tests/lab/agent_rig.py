"""Namespaces with an agent in them, and a small operator that keeps a `Snapshot` of what it hears."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from hostgw.fabric import NamespaceState, Snapshot
from hostgw.model.change import Change
from hostgw.model.guard import Guard
from hostgw.ssh import payload
from hostgw.ssh.frames import FrameReader
from hostgw.ssh.local import LocalProcess
from hostgw.wire import (
    Applied,
    Arm,
    Captured,
    Confirm,
    Delta,
    Guarded,
    Guards,
    Ready,
    Reply,
    Request,
    Start,
    Synced,
    encode,
)

PYTHON = "/usr/bin/python3"
PATIENCE_S = 20.0
LEAVING = {"watch_s": 0.0, "keep_s": 0.0}
"""A guard that is gone as soon as it has ended."""
_numbers = itertools.count(1)
T = TypeVar("T")


def run(*argv: str, check: bool = True, text: str | None = None) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or not check, (argv, done.stderr)
    return done.stdout


class Nets:
    """Named namespaces with a prefix of their own; `ip("h", "link ...")` runs ip(8) in one."""

    def __init__(self) -> None:
        self.prefix = f"ag{os.getpid()}x{next(_numbers)}"
        self._made: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._made):
            self.remove(name)

    def name(self, short: str) -> str:
        return f"{self.prefix}-{short}"

    def add(self, *shorts: str) -> None:
        for short in shorts:
            run("ip", "netns", "add", self.name(short))
            self._made.append(short)
            home(self.name(short)).mkdir(mode=0o700)
            self.sysctl(short, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            self.ip(short, "link set lo up")

    def remove(self, short: str) -> None:
        self._made.remove(short)
        run("ip", "netns", "del", self.name(short), check=False)
        home(self.name(short)).rmdir()

    def exec(self, short: str, *argv: str, text: str | None = None, check: bool = True) -> str:
        return run("ip", "netns", "exec", self.name(short), *argv, text=text, check=check)

    def ip(self, short: str, words: str) -> str:
        return run("ip", "-n", self.name(short), *words.split())

    def batch(self, short: str, lines: list[str]) -> None:
        run("ip", "-n", self.name(short), "-force", "-batch", "-", text="\n".join(lines) + "\n")

    def json(self, short: str, words: str) -> Any:
        return json.loads(run("ip", "-n", self.name(short), "-N", "-d", "-j", *words.split()) or "[]")

    def sysctl(self, short: str, *settings: str) -> None:
        self.exec(short, "sysctl", "-qw", *settings)

    def index(self, short: str, device: str) -> int:
        return int(self.json(short, f"link show dev {device}")[0]["ifindex"])

    def pair(self, short: str, device: str, other: str, peer: str) -> None:
        self.ip(short, f"link add {device} type veth peer name {peer} netns {self.name(other)}")
        self.ip(short, f"link set {device} up")
        self.ip(other, f"link set {peer} up")

    def host(self, containers: int = 2) -> None:
        """Make `h` with nic eth0 (10.9.0.1/24, other end in `lan`), bridge br0 and containers c1, c2, ..."""
        self.add("h", "lan")
        self.pair("h", "eth0", "lan", "far0")
        self.ip("lan", "addr add 10.9.0.2/24 dev far0")
        self.ip("lan", "route add 10.200.0.0/16 via 10.9.0.1")
        self.batch(
            "h",
            [
                "addr add 10.9.0.1/24 dev eth0",
                "link add br0 type bridge",
                "link set br0 up",
                "addr add 10.200.1.1/24 dev br0",
            ],
        )
        for number in range(1, containers + 1):
            self.container(number)

    def container(self, number: int) -> None:
        short = f"c{number}"
        self.add(short)
        self.pair("h", f"v{number}", short, "eth0")
        self.ip("h", f"link set v{number} master br0")
        self.batch(short, [f"addr add 10.200.1.{10 + number}/24 dev eth0", "route add default via 10.200.1.1"])


class Operator:
    """One agent, and everything that it said."""

    def __init__(self, process: subprocess.Popen[bytes], first: bytes) -> None:
        self.pid = process.pid
        self.popen = process
        self._process = LocalProcess(process)
        self._process.write(first)
        self._reader = FrameReader(self._process, "h", self._marker())
        self.snapshot: Snapshot | None = None
        self.messages: list[Reply | list[Captured]] = []
        self.deltas: list[Delta] = []

    def _marker(self) -> bytes:
        seen = b""
        while b"\nTOKEN go\n" not in seen:
            chunk = self._process.read(1 << 16, PATIENCE_S)
            assert chunk, self.stderr()
            seen += chunk
        return seen.partition(b"\nTOKEN go\n")[2]

    def pump(self, seconds: float = 0.05) -> bool:
        """Take one message if one comes; False at the end of the stream."""
        with contextlib.suppress(TimeoutError):
            message = self._reader.next(seconds)
            if message is None:
                return False
            self._take(message)
        return True

    def _take(self, message: Reply | list[Captured]) -> None:
        if isinstance(message, Ready):
            self.snapshot = Snapshot(message.facts)
        elif isinstance(message, Delta):
            assert self.snapshot is not None
            self.snapshot = self.snapshot.with_delta(message)
            self.deltas.append(message)
            return
        elif isinstance(message, Synced):
            assert self.snapshot is not None
            self.snapshot = self.snapshot.synced()
        self.messages.append(message)

    def until(self, fact: Callable[[], T], seconds: float = PATIENCE_S) -> T:
        """Take messages until a fact holds; fail after a generous time."""
        deadline = time.monotonic() + seconds
        while not (found := fact()):
            assert time.monotonic() < deadline, f"waited in vain; {self.stderr()!r} {self.messages[-5:]}"
            assert self.pump(), f"the agent ended: {self.stderr()!r}"
        return found

    def synced(self) -> Self:
        self.until(lambda: self.snapshot is not None and self.snapshot.complete)
        return self

    def end(self, seconds: float = PATIENCE_S) -> str:
        """Wait until the agent is gone; return its last words."""
        deadline = time.monotonic() + seconds
        while self.pump():
            assert time.monotonic() < deadline, "it lives on"
        self.popen.wait(seconds)
        return self.stderr()

    def stderr(self) -> str:
        return self._process.read_stderr().decode("utf-8", "replace")

    def send(self, request: Request) -> None:
        self._process.write(encode(request))

    def write(self, data: bytes) -> None:
        self._process.write(data)

    def ask(self, request: Any, kind: type[T]) -> T:
        """Send a request and return the reply with its id."""
        self.send(request)

        def answer() -> T | None:
            return next((m for m in self.messages if isinstance(m, kind) and getattr(m, "id", -1) == request.id), None)

        found = self.until(answer)
        assert found is not None
        return found

    def apply(self, *changes: Change) -> Applied:
        """Have changes made, and confirm them when they were."""
        applied, token = self.arm(*changes)
        if applied.outcome == "applied":
            assert self.ask(Confirm(next(_numbers), token), Guarded).done
        return applied

    def arm(self, *changes: Change, ttl_s: float = 30.0, **how: Any) -> tuple[Applied, str]:
        """Have changes made that wait to be confirmed; return how it began, and the secret."""
        token = secrets.token_hex(16)
        order = Arm(next(_numbers), token, changes, "a test", "tester", **{"ttl_s": ttl_s, **LEAVING, **how})
        return self.ask(order, Applied), token

    def guards(self) -> tuple[Guard, ...]:
        return self.ask(Guards(next(_numbers)), Guarded).guards

    def send_arm(self, *changes: Change, ttl_s: float) -> None:
        """Ask for changes without waiting for what becomes of them."""
        self.send(Arm(next(_numbers), secrets.token_hex(16), changes, **{"ttl_s": ttl_s, **LEAVING}))

    @property
    def root(self) -> NamespaceState:
        assert self.snapshot is not None
        return self.snapshot.root

    def container(self, name: str) -> NamespaceState:
        assert self.snapshot is not None
        return self.snapshot.state(self.handle(name))

    def handle(self, name: str) -> int:
        assert self.snapshot is not None
        return next((ns.id for ns in self.snapshot.containers if ns.name == name), -1)

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.messages if isinstance(message, kind)]

    def close(self) -> None:
        self._process.close()
        self.popen.wait(PATIENCE_S)


QUICK = Start(heartbeat_s=60.0, reconcile_s=3600.0, poll_s=0.2)
"""No reconcile: what a test sees, it sees because of an event or of the poll."""


def home(netns: str) -> Path:
    """Return what stands for /root on this host: a guard locks it, so each host has its own."""
    return Path("/run") / f"home-{netns}"


def launch(netns: str, *, prefix: tuple[str, ...] = (), python: tuple[str, ...] = (PYTHON, "-IBSu")) -> Any:
    at_home = ["sh", "-c", 'mount --bind "$0" /root && exec "$@"', str(home(netns))]
    argv = ["ip", "netns", "exec", netns, *at_home, *prefix, *python, "-c", payload.LOADER, "TOKEN", ""]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def with_buffer(size: int) -> dict[str, tuple[str, bool, str]]:
    """Return the agent's sources with event buffers of another size."""
    sources = payload.modules()
    origin, package, text = sources["hostgw.agent.netlink"]
    assert "BUFFER = 16 << 20" in text
    return {**sources, "hostgw.agent.netlink": (origin, package, text.replace("16 << 20", str(size)))}


STEPPED = """
import time as _time
_steady, _time_was = _time.clock_gettime(_time.CLOCK_BOOTTIME), _time.time
_time.time = lambda: _time_was() - (7200 if _time.clock_gettime(_time.CLOCK_BOOTTIME) > _steady + 0.3 else 0)
"""
"""Two hours back, a moment after the guard's module was loaded."""


def with_stepped_clock() -> dict[str, tuple[str, bool, str]]:
    """Return the agent's sources with a wall clock that is set back while it runs."""
    sources = payload.modules()
    origin, package, text = sources["hostgw.agent.guard"]
    head, future, rest = text.partition("from __future__ import annotations\n")
    assert future
    return {**sources, "hostgw.agent.guard": (origin, package, f"{head}{future}{STEPPED}{rest}")}


@contextlib.contextmanager
def operator(
    nets: Nets,
    short: str = "h",
    start: Start | None = QUICK,
    sources: dict[str, tuple[str, bool, str]] | None = None,
    **how: Any,
) -> Iterator[Operator]:
    stage = payload.stage(sources) if sources else payload.stage()
    found = Operator(launch(nets.name(short), **how), stage + (encode(start) if start else b""))
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGCONT)
        found.close()


def gone(pid: int) -> bool:
    """Tell whether a process ended (a zombie of ours counts)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(fact: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """Poll a fact of the machine itself."""
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int, field: str = "VmRSS") -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def replaced(change: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(change, **fields)
