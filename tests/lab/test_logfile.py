"""The log of commands on real hosts: what was reached, what was run, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab

pytestmark = pytest.mark.lab


def test_a_fix_is_told_from_beginning_to_end(shared_lab: Lab, hostgw: Callable[..., object], tmp_path: Path) -> None:
    path = tmp_path / "log"
    labs.break_(shared_lab.name, "R1")
    try:
        hostgw("--lab", shared_lab.name, "--log", str(path), "fix", "--yes", code=0)
    finally:
        labs.heal(shared_lab.name)
    text = path.read_text()
    assert text.count("agent runs") == len(shared_lab.hosts)
    assert "ip route add 10.239.1.0/24" in text
    assert "verified" in text
    assert text.rstrip().endswith("ends")


def test_a_host_that_is_not_reached_is_told_with_its_cause(
    shared_lab: Lab, hostgw: Callable[..., object], tmp_path: Path
) -> None:
    path = tmp_path / "log"
    hostgw("--lab", shared_lab.name, "--hosts", "vm1,10.5.7.66", "--log", str(path), "check", code=4)
    warned = [line for line in path.read_text().splitlines() if " warning " in line]
    assert any("10.5.7.66: unreachable" in line for line in warned)


def test_a_log_that_cannot_be_written_is_said_before_anything_else(
    shared_lab: Lab, hostgw: Callable[..., object]
) -> None:
    done = hostgw("--lab", shared_lab.name, "--log", "/proc/no/log", "check", code=2)
    assert "the log /proc/no/log cannot be written" in done.stderr  # type: ignore[attr-defined]
