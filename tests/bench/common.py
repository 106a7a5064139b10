"""What the benchmarks share."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def report(what: str, value: float, unit: str, goal: str = "") -> None:
    """Print one figure as a JSON line."""
    row: dict[str, str | float] = {"what": what, "value": round(value, 4), "unit": unit}
    sys.stdout.write(json.dumps(row | ({"goal": goal} if goal else {})) + "\n")
    sys.stdout.flush()


@contextmanager
def operator(name: str) -> Iterator[tuple[Lab, Live]]:
    """Stand in the lab's operator namespace, with an engine for all its hosts that is not started."""
    lab = enter_operator(name)
    targets = parse_hosts(",".join(host.name for host in lab.hosts))
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    with tempfile.TemporaryDirectory() as state:
        live = Live(targets, Refuse(), options, journal=Journal(Path(state)))
        try:
            yield lab, live
        finally:
            live.stop()


def cpu_s(pid: int | str = "self") -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int | str = "self") -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def agents() -> list[int]:
    """Return the pids of the agents on this machine's lab hosts."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-IBSu" in words[:3]:
            found.append(int(path.parent.name))
    return found


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed() -> float:
    """Return now, for differences."""
    return time.perf_counter()
