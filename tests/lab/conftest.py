"""Labs shared by the lab tests, and the program as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab import results

Run = Callable[..., subprocess.CompletedProcess[str]]
SECONDS = 60


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """Three hosts with two containers each; whoever breaks it heals it."""
    name = f"s{os.getpid()}"
    yield labs.up(name, hosts=3, containers=2)
    labs.down(name)


@pytest.fixture
def state_home(tmp_path: Path) -> Path:
    """Where the program keeps its journal in this test."""
    return tmp_path / "state"


@pytest.fixture
def hostgw(state_home: Path) -> Run:
    """Run `hostgw-tui` with these arguments; a test that expects an error asks for its exit code."""

    def run(*arguments: str, code: int | None = None, timeout: float = SECONDS) -> subprocess.CompletedProcess[str]:
        if "fix" in arguments and "--watch" not in arguments:
            arguments += ("--watch", "0")  # whether somebody undoes it is looked at where a test is about that
        done = subprocess.run(
            [sys.executable, "-m", "hostgw_tui", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "XDG_STATE_HOME": str(state_home)},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if code is not None:
            assert done.returncode == code, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done

    return run


CHUNK = 8
"""So many tests of a long file go to one worker in a row."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests, which share a lab, in one worker; a file that needs the shared lab alone can be cut."""
    counts: dict[str, int] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") or not item.get_closest_marker("lab"):
            continue
        group = item.path.stem
        if item.get_closest_marker("cut"):
            counts[group] = counts.get(group, -1) + 1
            group += str(counts[group] // CHUNK)
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was kept to the process that prints it, when this is a worker."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["results"] = results.packed()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker has kept; one that crashed has nothing to give."""
    results.add(getattr(node, "workeroutput", {}).get("results", {"rows": [], "healthy": []}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of every fault."""
    if results.ROWS:
        terminalreporter.section("faults")
        for line in results.table():
            terminalreporter.write_line(line)
    if results.HEALTHY:
        terminalreporter.section("healthy variants")
        for line in results.healthy_table():
            terminalreporter.write_line(line)
