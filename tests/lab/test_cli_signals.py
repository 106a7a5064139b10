"""Being ended in every way: the exit code is the signal's, and no agent stays on a host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostgw.lab import Lab
from tests.lab.cli_hosts import agents
from tests.lab.ssh_arena import until

pytestmark = pytest.mark.lab
ORPHAN_S = 35.0


@contextmanager
def capturing(lab: Lab, tmp_path: Path, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A capture that runs until it is ended; its taps are open, its agents are there."""
    said = tmp_path / "said"
    argv = [sys.executable, "-m", "hostgw_tui", "capture", "--lab", lab.name]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    with said.open("w") as errors:
        process = subprocess.Popen(argv, stderr=errors, text=True, env=environment, **options)  # type: ignore[call-overload]
    try:
        until(lambda: "taps are open" in said.read_text() or process.poll() is not None, 30)
        assert len(agents(lab)) >= len(lab.hosts)
        yield process
        assert "Traceback" not in said.read_text()
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def assert_no_agent(lab: Lab, within: float = 15.0) -> None:
    until(lambda: not agents(lab), within)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_no_agent_stays(number: signal.Signals, code: int, shared_lab: Lab, tmp_path: Path) -> None:
    with capturing(shared_lab, tmp_path, stdout=subprocess.DEVNULL) as process:
        process.send_signal(number)
        assert process.wait(20) == code
        assert_no_agent(shared_lab, ORPHAN_S)


def test_what_nohup_ignores_stays_ignored(shared_lab: Lab, tmp_path: Path) -> None:
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with capturing(shared_lab, tmp_path, stdout=subprocess.DEVNULL, preexec_fn=ignore) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert_no_agent(shared_lab)


def test_capture_ends_when_nobody_reads(shared_lab: Lab, tmp_path: Path) -> None:
    with capturing(shared_lab, tmp_path, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        peer = str(shared_lab.host("vm2").container_address("c1"))
        ping = shared_lab.exec("vm1", ["ping", "-c2", "-i0.2", peer], "c1", capture_output=True, check=True)
        assert ping.returncode == 0
        assert process.wait(20) == 141
        assert_no_agent(shared_lab)


def test_interrupt_while_hosts_are_awaited(shared_lab: Lab, tmp_path: Path) -> None:
    """SIGINT in the middle of connecting: 130 and silence, not a traceback."""
    config = tmp_path / "config"
    marker = tmp_path / "asked"
    config.write_text(f"Host *\n  ProxyCommand sh -c 'touch {marker}; exec sleep 60'\n")
    argv = [sys.executable, "-m", "hostgw_tui", "check", "--hosts", "vm1,vm2", "--ssh-config", str(config)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(marker.exists, 30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, "", "")
