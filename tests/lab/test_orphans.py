"""Six captures under way, and their end comes hard: nothing of ours stays on any host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from hostgw.lab import Lab
from tests.lab.terminal import Terminal, running
from tests.lab.test_dashboard import wait_for_no_agents

pytestmark = pytest.mark.lab
DROP = ("INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP")
PROCESSES = """
import glob, sys
ALL = sys.argv[1:] == ["all"]
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        words = open(path, "rb").read().split(bytes(1))
    except OSError:
        continue
    if b"-IBSu" in words[:3] or words[0].endswith(b"tcpdump") or words[0] == b"hostgw-drops" and ALL:
        print(path.split("/")[2])
"""

STALE = """
import fcntl, os, subprocess
subprocess.run(["mount", "-t", "tracefs", "tracefs", "/mnt"], check=True)
for name in os.listdir("/mnt/instances"):
    if name.startswith("hostgw-"):
        try:
            held = os.open("/mnt/instances/" + name, os.O_RDONLY)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print(name)
        except OSError:
            continue
"""


def wait_for_no_stale_instance(seconds: float = 30) -> None:
    """Wait until every trace instance of ours has an owner that lives; those of other captures hold their lock."""
    end = time.monotonic() + seconds
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", STALE]
    while left := subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split():
        assert time.monotonic() < end, left
        time.sleep(0.5)


def ours(lab: Lab, *words: str) -> dict[str, set[int]]:
    """Return the pids of agents and their children, as each host counts them; with `all`, of their minders too."""
    found = {}
    for host in lab.hosts:
        done = lab.exec(
            host.name, ["/usr/bin/python3", "-c", PROCESSES, *words], capture_output=True, text=True, check=True
        )
        found[host.name] = {int(line) for line in done.stdout.split()}
    return found


def promiscuity(lab: Lab) -> dict[tuple[str, str], int]:
    """Return how often each device was asked for all frames; a bridge asks its ports once."""
    found = {}
    for host in lab.hosts:
        for container in (None, "c1"):
            argv = ["ip", "-d", "-j", "link", "show"]
            done = lab.exec(host.name, argv, container, capture_output=True, text=True, check=True)
            for link in json.loads(done.stdout):
                found[f"{host.name}/{container or ''}", link["ifname"]] = link["promiscuity"]
    return found


@pytest.fixture
def capturing(shared_lab: Lab) -> Iterator[Terminal]:
    """A dashboard with a live capture on bridge and NIC of three hosts."""
    with running("--lab", shared_lab.name) as terminal:
        assert terminal.read_until(b"10.239.2.0/24")
        os.write(terminal.fd, b"5")
        assert terminal.read_until(b"Nothing is being captured")
        os.write(terminal.fd, b"s")
        assert terminal.read_until(b"LIVE")
        shared_lab.exec("vm1", ["ping", "-c", "2", "-i", "0.2", "10.239.1.2"], "c1", capture_output=True, check=True)
        assert terminal.read_until(b"10.239.1.2")
        yield terminal


def killed_dashboard(lab: Lab, terminal: Terminal) -> None:
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.exit_code() == -signal.SIGKILL


def cut_lines(lab: Lab, terminal: Terminal) -> None:
    """No FIN and no reset reaches the hosts any more: only the silence tells the agents."""
    for host in lab.hosts:
        lab.exec(host.name, ["iptables", "-I", *DROP], check=True)
    killed_dashboard(lab, terminal)


@pytest.mark.parametrize("end", [killed_dashboard, cut_lines])
def test_the_operator_goes(shared_lab: Lab, capturing: Terminal, end: Callable[[Lab, Terminal], None]) -> None:
    before = promiscuity(shared_lab)
    assert all(ours(shared_lab).values())
    try:
        end(shared_lab, capturing)
        wait_for_no_agents(shared_lab)
        assert promiscuity(shared_lab) == before
        wait_for_no_stale_instance()
        assert not any(ours(shared_lab, "all").values())
    finally:
        for host in shared_lab.hosts:
            shared_lab.exec(host.name, ["iptables", "-D", *DROP], capture_output=True, check=False)


def test_the_agents_go(shared_lab: Lab, capturing: Terminal) -> None:
    before, first = promiscuity(shared_lab), ours(shared_lab)
    for host, pids in first.items():
        shared_lab.exec(host, ["kill", "-KILL", *map(str, pids)], check=True)
    wait_for_others(shared_lab, first)
    wait_for_no_stale_instance()
    assert promiscuity(shared_lab) == before
    os.kill(capturing.pid, signal.SIGKILL)
    wait_for_no_agents(shared_lab)
    assert not any(ours(shared_lab).values())


def wait_for_others(lab: Lab, first: dict[str, set[int]], seconds: float = 30) -> None:
    """Wait until the sessions have started one new agent on each host, and nothing of the old ones is left."""
    end = time.monotonic() + seconds
    while not all(len(now) == 1 and not now & first[host] for host, now in ours(lab).items()):
        assert time.monotonic() < end, (first, ours(lab))
        time.sleep(0.2)
