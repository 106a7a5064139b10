"""The dashboard on real hosts: the whole story by key, and how it leaves the terminal and the hosts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.terminal import running

pytestmark = pytest.mark.lab
ALTERNATE_OFF = b"\x1b[?1049l"
MOUSE_OFF = b"\x1b[?1000l"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_story_from_the_keyboard(shared_lab: Lab, width: int, height: int) -> None:
    labs.break_(shared_lab.name, "R1")
    try:
        argv = [sys.executable, "-m", "tests.lab.story", shared_lab.name, str(width), str(height)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=200, check=False)
        assert done.stdout.strip().endswith("told"), done.stdout + done.stderr[-4000:]
    finally:
        labs.heal(shared_lab.name)


LIST_AGENTS = """
import glob
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        words = open(path, "rb").read().split(bytes(1))
    except OSError:
        continue
    if b"-IBSu" in words[:3]:
        print(path)
"""


def agents(lab: Lab) -> list[str]:
    """Return the agents that run on the hosts of a lab."""
    found = []
    for host in lab.hosts:
        argv = ["/usr/bin/python3", "-c", LIST_AGENTS]
        done = lab.exec(host.name, argv, capture_output=True, text=True, check=True)
        found += [f"{host.name}:{line}" for line in done.stdout.split()]
    return found


def wait_for_no_agents(lab: Lab, seconds: float = 45) -> None:
    end = time.monotonic() + seconds
    while (left := agents(lab)) and time.monotonic() < end:
        time.sleep(0.2)
    assert left == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_signal_restores_the_terminal_and_ends_the_agents(shared_lab: Lab, number: signal.Signals, code: int) -> None:
    with running("--lab", shared_lab.name) as terminal:
        assert terminal.read_until(b"10.239.2.0/24")
        assert agents(shared_lab)
        os.kill(terminal.pid, number)
        assert terminal.exit_code() == code
    assert ALTERNATE_OFF in terminal.output
    assert MOUSE_OFF in terminal.output
    assert b"Traceback" not in terminal.output
    wait_for_no_agents(shared_lab)


def test_sigkill_leaves_nothing_on_the_hosts(shared_lab: Lab) -> None:
    with running("--lab", shared_lab.name) as terminal:
        assert terminal.read_until(b"10.239.2.0/24")
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.exit_code() == -signal.SIGKILL
    wait_for_no_agents(shared_lab)


def test_q_leaves_with_zero(shared_lab: Lab) -> None:
    with running("--lab", shared_lab.name) as terminal:
        assert terminal.read_until(b"10.239.2.0/24")
        os.write(terminal.fd, b"q")
        assert terminal.exit_code() == 0
    assert ALTERNATE_OFF in terminal.output
    wait_for_no_agents(shared_lab)


def test_killed_sshd_and_agent_come_back(shared_lab: Lab) -> None:
    """The host goes stale, the others stay; it returns by itself."""
    with running("--lab", shared_lab.name) as terminal:
        assert terminal.read_until(b"10.239.2.0/24")
        first = agents(shared_lab)
        victim = next(name for name in first if name.startswith("vm2:")).split("/")[2]
        shared_lab.exec("vm2", ["kill", "-9", victim], check=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            now = [name for name in agents(shared_lab) if name.startswith("vm2:")]
            if now and victim not in now[0].split("/"):
                break
            terminal.read_until(b"\0never\0", 0.2)
        else:
            pytest.fail("the agent of vm2 did not come back")
        os.write(terminal.fd, b"q")
        assert terminal.exit_code() == 0
    wait_for_no_agents(shared_lab)
