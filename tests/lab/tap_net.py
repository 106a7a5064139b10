"""Two hosts with a bridge and a container each, joined by a switch, in namespaces; agents' taps driven in-process."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec

from hostgw.agent.taps import Taps
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.wire import JSON, Tap, Untap, decode

HOSTS = ("vm1", "vm2")
DEPTHS = {"veth1": PORT, "br0": BRIDGE, "eth0": NIC}


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout


class TapNet:
    """Namespaces `<prefix>-sw`, `-vm1`, `-vm2`, `-c1`, `-c2`."""

    def __init__(self) -> None:
        self.prefix = f"tap{os.getpid()}"
        self._fds: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds.values():
            os.close(fd)
        for name in ("sw", *HOSTS, "c1", "c2"):
            subprocess.run(["ip", "netns", "del", self.ns(name)], capture_output=True, check=False)

    def ns(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def exec(self, name: str, *argv: str) -> str:
        return run("ip", "netns", "exec", self.ns(name), *argv)

    def fd(self, name: str) -> int:
        if name not in self._fds:
            self._fds[name] = os.open(f"/run/netns/{self.ns(name)}", os.O_RDONLY | os.O_CLOEXEC)
        return self._fds[name]

    def links(self, name: str) -> dict[str, dict[str, Any]]:
        found = json.loads(run("ip", "-n", self.ns(name), "-d", "-j", "link"))
        return {link["ifname"]: link for link in found}

    def _ip(self, name: str, *argv: str) -> None:
        run("ip", "-n", self.ns(name), *argv)

    def _build(self) -> None:
        for name in ("sw", *HOSTS, "c1", "c2"):
            run("ip", "netns", "add", self.ns(name))
            self.exec(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            self._ip(name, "link", "set", "lo", "up")
        self._ip("sw", "link", "add", "lan", "up", "type", "bridge")
        for number, host in enumerate(HOSTS, 1):
            self._host(number, host)

    def _host(self, number: int, host: str) -> None:
        other, container = 3 - number, f"c{number}"
        subnet, far = f"10.239.{number - 1}", f"10.239.{other - 1}"
        for line in (
            f"link add eth0 type veth peer name p{number} netns {self.ns('sw')}",
            "link add br0 type bridge",
            f"link add veth1 type veth peer name eth0 netns {self.ns(container)}",
            "link set veth1 master br0",
            "link set veth1 up",
            "link set br0 up",
            "link set eth0 up",
            f"addr add 10.5.7.{59 + number}/24 dev eth0",
            f"addr add {subnet}.1/24 dev br0",
            f"route add {far}.0/24 via 10.5.7.{59 + other} dev eth0",
        ):
            self._ip(host, *line.split())
        self._ip("sw", "link", "set", f"p{number}", "master", "lan", "up")
        self._ip(container, "link", "set", "eth0", "up")
        self._ip(container, "addr", "add", f"{subnet}.2/24", "dev", "eth0")
        self._ip(container, "route", "add", "default", "via", f"{subnet}.1")
        self.exec(host, "sysctl", "-qw", "net.ipv4.ip_forward=1")


class Agents:
    """The host sides of a capture, one `Taps` per host, polled here instead of in an agent."""

    def __init__(self, net: TapNet) -> None:
        self.net = net
        self.capture: Capture | None = None
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.taps = {host: Taps(self._frame(host), self._message(host)) for host in HOSTS}

    def send(self, host: str, request: Tap | Untap) -> None:
        if isinstance(request, Untap):
            self.taps[host].close(request.tap)
            return
        place = host if request.ns == 0 else f"c{request.ns}"
        self.taps[host].open(json.loads(msgspec.json.encode(request)), self.net.fd(place))

    def _frame(self, host: str) -> Callable[[int, bytes], None]:
        def emit(kind: int, body: bytes) -> None:
            if self.capture is not None:
                self.capture.feed(host, decode(kind, body))  # type: ignore[arg-type]

        return emit

    def _message(self, host: str) -> Callable[[dict[str, Any]], None]:
        def emit(message: dict[str, Any]) -> None:
            self.messages.append((host, message))
            if self.capture is not None:
                self.capture.feed(host, decode(JSON, json.dumps(message).encode()))  # type: ignore[arg-type]

        return emit

    def poll_until(self, fact: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Read taps until a fact holds; fail after a generous time."""
        deadline = time.monotonic() + seconds
        while not (found := fact()):
            assert time.monotonic() < deadline, "waited in vain"
            self.poll()
        return found

    def poll(self, timeout: float = 0.05) -> None:
        by_fd = {fd: taps for taps in self.taps.values() for fd in taps.fds()}
        poller = select.poll()
        for fd in by_fd:
            poller.register(fd, select.POLLIN)
        for fd, _ in poller.poll(timeout * 1000):
            by_fd[fd].on_readable(fd)
        for taps in self.taps.values():
            taps.tick(time.monotonic())
        if self.capture is not None:
            self.capture.pump()

    def close(self) -> None:
        for taps in self.taps.values():
            taps.close_all()


def eight_taps(net: TapNet) -> list[TapPoint]:
    """Return the taps of facts 6.1, in the order of the way from c1 to c2."""
    places = [
        ("vm1", "c1", 1, "eth0", 0x0AEF0002),
        ("vm1", None, 0, "veth1", 0),
        ("vm1", None, 0, "br0", 0x0AEF0001),
        ("vm1", None, 0, "eth0", 0x0A05073C),
        ("vm2", None, 0, "eth0", 0x0A05073D),
        ("vm2", None, 0, "br0", 0x0AEF0101),
        ("vm2", None, 0, "veth1", 0),
        ("vm2", "c2", 2, "eth0", 0x0AEF0102),
    ]
    return [
        TapPoint(
            host=host,
            ns=ns,
            index=net.links(container or host)[interface]["ifindex"],
            interface=interface,
            container=container,
            order=DEPTHS[interface] if container is None else CONTAINER,
            bridge=interface == "br0",
            underlay=interface == "eth0" and container is None,
            addresses=frozenset({address} if address else ()),
        )
        for host, container, ns, interface, address in places
    ]


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of all descendants of a process, by pid."""
    found, todo = {}, [pid]
    while todo:
        parent = todo.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            for child in map(int, proc_text(task).split()):
                todo.append(child)
                found[child] = proc_text(Path(f"/proc/{child}/cmdline")).replace("\0", " ")
    return found


def children(pid: int) -> list[str]:
    """Return the command lines of all descendants of a process."""
    return list(descendants(pid).values())


def proc_text(path: Path) -> str:
    """Return what a file of a process says; nothing when the process ended since it was listed."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
