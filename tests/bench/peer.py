"""The peer of a live capture: `tcpdump -U` over ssh into tshark, one pair for each tap."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hostgw.lab import Lab
from tests.bench.common import cpu_s, report

FIELDS = ("frame.time_epoch", "eth.src", "eth.dst", "ip.src", "ip.dst", "ip.ttl", "ip.id")
FILTER = "udp port 5353"
READY_S, QUIET_S, MOST_S = 30.0, 2.0, 60.0


def peer(lab: Lab, devices: Sequence[str], send: Callable[[], int]) -> None:
    """Report what it keeps of the same load, and what it costs on both sides."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pairs = [start(lab, host, device) for host in ("vm1", "vm2") for device in devices]
    try:
        await_armed(pairs)
        began = time.perf_counter()
        sent = send()
        took = time.perf_counter() - began
        await_quiet(pairs)
        hosts = sum(cpu_s(pid) for host in ("vm1", "vm2") for pid in captors(lab, host))
    finally:
        for pair in pairs:
            pair.end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    kept = sum(pair.lines() for pair in pairs)
    report("peer, tcpdump -U over ssh into tshark: frames kept", kept / took, "/s")
    report("peer: frames kept of those offered", kept / (sent * len(pairs)) * 100, "%")
    report("peer: CPU on our side (with the sender's)", spent / took * 100, "% of a core")
    report("peer: CPU of tcpdump and sshd on the hosts", hosts / took * 100, "% of a core")


class Pair:
    """One tap."""

    def __init__(self, ssh: list[str]) -> None:
        self._errors, self._out = tempfile.NamedTemporaryFile(), tempfile.NamedTemporaryFile()  # noqa: SIM115
        shark = ["tshark", "-l", "-n", "-r", "-", "-T", "fields", *(word for f in FIELDS for word in ("-e", f))]
        self._ssh = subprocess.Popen(ssh, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        self._shark = subprocess.Popen(shark, stdin=self._ssh.stdout, stdout=self._out, stderr=subprocess.DEVNULL)

    def armed(self) -> bool:
        """tcpdump has said that it listens."""
        return b"listening on" in Path(self._errors.name).read_bytes()

    def size(self) -> int:
        """Bytes that tshark has printed."""
        return Path(self._out.name).stat().st_size

    def lines(self) -> int:
        """Frames that tshark has printed."""
        return Path(self._out.name).read_bytes().count(b"\n")

    def end(self) -> None:
        """End both."""
        for process in (self._ssh, self._shark):
            process.terminate()
            process.wait(10)


def start(lab: Lab, host: str, device: str) -> Pair:
    # the shell outlives no connection: tcpdump alone would (its next write is what ends it)
    argv = f"tcpdump -U -p -s 256 -i {device} -w - {FILTER} & p=$!; cat >/dev/null; kill $p"
    return Pair(["ssh", "-F", str(lab.directory / "inside_ssh_config"), host, argv])


def await_armed(pairs: Sequence[Pair]) -> None:
    ends = time.monotonic() + READY_S
    while not all(pair.armed() for pair in pairs):
        if time.monotonic() > ends:
            raise TimeoutError("tcpdump does not listen")
        time.sleep(0.02)


def await_quiet(pairs: Sequence[Pair]) -> None:
    """Wait until nothing more is printed for a while."""
    ends, quiet, size = time.monotonic() + MOST_S, time.monotonic(), -1
    while time.monotonic() - quiet < QUIET_S and time.monotonic() < ends:
        if (now := sum(pair.size() for pair in pairs)) != size:
            quiet, size = time.monotonic(), now
        time.sleep(0.1)


def captors(lab: Lab, host: str) -> Iterator[int]:
    """Yield the pids of tcpdump and sshd in a host's network namespace."""
    wanted = Path(lab.netns(host)).stat().st_ino
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "ns/net").stat().st_ino == wanted and (path / "comm").read_text().strip() in (
                "tcpdump",
                "sshd",
            ):
                yield int(path.name)
        except OSError:
            continue


if __name__ == "__main__":
    raise SystemExit("run tests.bench")
