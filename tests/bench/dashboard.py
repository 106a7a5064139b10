"""The dashboard as a person meets it, in a terminal: from a key to the picture that answers it, first frame, memory.

It shows a recording of a great fabric in which a thousand things change a second, and paints all the while. A key
counts as answered when the terminal has got the text that only this key can bring.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import resource
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from compileall import compile_dir
from contextlib import contextmanager
from pathlib import Path
from random import Random

import hostgw
import hostgw_tui
from tests.bench import great
from tests.bench.common import percentile, report, rss_mb, timed

SECONDS = 75
"""Of the recording; it must not end before the last key."""
ROUNDS, HURRIED = 16, 8
PATIENCE_S = 60.0
LOOK_S, PAUSE_S = 5.0, (0.1, 0.3)
"""A person looks at what has opened, and takes a fifth of a second for each key."""
WIDTH, HEIGHT = 120, 40
_STYLES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Seat:
    """A person at a terminal: sees what is painted, presses keys."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._seen = b""

    def wait(self, text: bytes, since: float) -> float:
        """Return after how many seconds a text is there; styles within it do not count.

        Raises:
            SystemExit: it never comes.
        """
        while text not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0, since + PATIENCE_S - timed()))
            if not ready:
                raise SystemExit(f"{text!r} was not painted within {PATIENCE_S:.0f} s")
            self._seen = _STYLES.sub(b"", self._seen[-4096:] + os.read(self._terminal, 1 << 20))
        return timed() - since

    def drain(self) -> None:
        """Take in what was painted so far, and forget it."""
        while select.select([self._terminal], [], [], 0)[0]:
            os.read(self._terminal, 1 << 20)
        self._seen = b""

    def press(self, key: bytes, answer: bytes) -> float:
        """Press a key; return after how many milliseconds its answer is painted."""
        self.drain()
        started = timed()
        os.write(self._terminal, key)
        return 1000 * self.wait(answer, started)


@contextmanager
def seated(*argv: str) -> Iterator[tuple[Seat, int, float]]:
    """Start the dashboard in a terminal; yield the seat, the process and when it was started."""
    terminal, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    started = timed()
    command = [sys.executable, "-m", "hostgw_tui", *argv]
    process = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, env=environment, start_new_session=True)
    os.close(far)
    try:
        yield Seat(terminal), process.pid, started
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def keys(hosts: int, turns: range) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield what is done, the key, and what only this key paints."""
    for turn in turns:
        for screen, key, answer in (("Routes", b"3", b"routes of vm"), ("Overview", b"1", b"mesh"),
                                    ("NAT", b"4", b"NAT of vm"), ("Host", b"2", b"kernel settings")):  # fmt: skip
            yield f"show {screen}", key, answer
        for step in range(1, 6):
            number = (turn * 5 + step) % hosts + 1
            yield "next host", b"]", f"vm{number} ({number}/{hosts})".encode()
        yield "help", b"?", b"On Host"
        yield "back", b"q", b"port, forwarding"
        yield "Overview", b"1", b"mesh"


def main() -> None:
    first_frame()
    version()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "great.jsonl"
        great.write(path, SECONDS)
        under_load(path)


def under_load(path: Path) -> None:
    """Press keys while a thousand things change a second."""
    with seated("--replay", str(path)) as (seat, pid, started):
        report("to the picture of a recording, 255 hosts", seat.wait(b"255/255 up", started), "s")
        time.sleep(LOOK_S)
        times: dict[str, list[float]] = {}
        pause = Random(1)
        for what, key, answer in keys(great.HOSTS, range(ROUNDS)):
            time.sleep(pause.uniform(*PAUSE_S))
            times.setdefault(what, []).append(seat.press(key, answer))
        hurried = [seat.press(key, answer) for _, key, answer in keys(great.HOSTS, range(ROUNDS, ROUNDS + HURRIED))]
        memory = rss_mb(pid)
    load = f"{great.HOSTS} hosts, {great.EVENTS_A_SECOND:,} events/s"
    for what, found in times.items():
        report(f"key to paint, {what}, worst, {load}", max(found), "ms")
    every = [value for found in times.values() for value in found]
    report(f"key to paint, p50, {load}", percentile(every, 0.5), "ms")
    report(f"key to paint, p95, {load}", percentile(every, 0.95), "ms", "<= 50")
    report(f"the same, each key as soon as the last is answered, p95, {load}", percentile(hurried, 0.95), "ms")
    report(f"memory of the dashboard, {load}", memory, "MB", "<= 600")


def first_frame() -> None:
    """Measure from the start to the first thing shown, and to the dashboard itself; compiled, as pip installs it."""
    for package in (hostgw, hostgw_tui):
        compile_dir(str(Path(package.__file__).parent), quiet=1)
    echoes, frames = [], []
    for _ in range(5):
        with seated("--demo") as (seat, _pid, started):
            echoes.append(seat.wait(b"hostgw-tui", started))
            frames.append(seat.wait(b"1 Overview", started))
    report("to the first thing on the screen, p50", percentile(echoes, 0.5), "s")
    report("first frame of the dashboard, p50", percentile(frames, 0.5), "s", "<= 0.5")


def version() -> None:
    """Measure what `--version` costs."""
    found = []
    for _ in range(5):
        before = _children_cpu()
        subprocess.run([sys.executable, "-m", "hostgw_tui", "--version"], check=True, stdout=subprocess.DEVNULL)
        found.append((_children_cpu() - before) * 1000)
    report("CPU of --version, p50", percentile(found, 0.5), "ms", "<= 150")


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
