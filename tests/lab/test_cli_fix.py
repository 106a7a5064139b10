"""`fix` and `undo` as people and scripts run them: asked, refused, stale, undone, undone twice."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import FAULTS, Fault, Lab
from tests.lab.conftest import Run

pytestmark = [pytest.mark.lab, pytest.mark.cut]
RIGHT = "10.239.1.0/24 via 10.5.7.61 dev eth0"


@pytest.fixture
def broken(shared_lab: Lab) -> Iterator[Lab]:
    """The shared lab without vm1's route to vm2's subnet."""
    labs.break_(shared_lab.name, "R1")
    yield shared_lab
    labs.heal(shared_lab.name)


def has_route(lab: Lab, words: str = RIGHT) -> bool:
    return words in str(lab.exec("vm1", ["ip", "route"], capture_output=True, text=True, check=True).stdout)


def fix_json(hostgw: Run, lab: Lab, *words: str, code: int) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(hostgw("fix", "--lab", lab.name, "--json", *words, code=code).stdout)
    return report


def on_terminal(
    state: Path, words: list[str], answer: str, before: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Run with a terminal, answer the question when it comes; return the exit code and all that was shown."""
    control, terminal = os.openpty()
    argv = [sys.executable, "-m", "hostgw_tui", *words]
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    process = subprocess.Popen(argv, env=environment, preexec_fn=lambda: os.login_tty(terminal))
    os.close(terminal)
    shown, answered = "", False
    try:
        while select.select([control], [], [], 40)[0]:
            try:
                shown += os.read(control, 65536).decode()
            except OSError:
                break
            if not answered and "apply? [y/N]" in shown:
                answered = True
                before()
                os.write(control, answer.encode())
        return process.wait(20), shown
    finally:
        process.kill()
        process.wait()
        os.close(control)


def test_off_a_terminal_the_plan_is_shown_and_nothing_done(broken: Lab, hostgw: Run, state_home: Path) -> None:
    done = hostgw("fix", "--lab", broken.name, code=2)
    assert f"ip route add {RIGHT} proto static" in done.stdout
    assert "--yes" in done.stderr
    report = fix_json(hostgw, broken, code=2)
    assert (report["result"], len(report["steps"])) == ("planned", 1)
    dry = hostgw("fix", "--lab", broken.name, "--dry-run", code=0)
    assert dry.stdout == done.stdout
    assert fix_json(hostgw, broken, "--dry-run", code=0) == report
    assert fix_json(hostgw, broken, "--dry-run", "--read-only", code=0) == report
    assert not has_route(broken)
    assert not state_home.exists()


def test_code_and_host_choose(broken: Lab, hostgw: Run) -> None:
    assert fix_json(hostgw, broken, "--dry-run", "--host", "vm1", "--code", "route-missing", code=0)["steps"]
    for words in (["--host", "vm2"], ["--code", "bridge-down"]):
        assert fix_json(hostgw, broken, "--yes", *words, code=0)["steps"] == []
    for command in ("fix", "routes", "nat"):
        done = hostgw(command, "--lab", broken.name, "--host", "vm9", code=2)
        assert "There are: vm1, vm2, vm3" in done.stderr
        assert done.stdout == ""
    assert not has_route(broken)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("\x04", 2), ("\x03", 130)])
def test_on_a_terminal_it_asks(answer: str, code: int, broken: Lab, state_home: Path) -> None:
    found, shown = on_terminal(state_home, ["fix", "--lab", broken.name], answer)
    assert found == code, shown
    assert has_route(broken) == (code == 0)
    assert "Traceback" not in shown


def test_stale_preview_is_refused(broken: Lab, state_home: Path, hostgw: Run) -> None:
    other = "10.239.1.0/24 via 10.5.7.62 dev eth0"

    def move() -> None:
        broken.exec("vm1", ["ip", "route", "add", *other.split()], check=True)

    code, shown = on_terminal(state_home, ["fix", "--lab", broken.name], "y\n", move)
    assert code == 1, shown
    assert "stale: vm1: the host is no longer as the preview showed it" in shown
    assert has_route(broken, other)
    assert not has_route(broken)
    assert "nothing to undo" in hostgw("undo", "--lab", broken.name, "--yes", code=1).stdout


def test_unwritable_journal_changes_nothing(broken: Lab, hostgw: Run, state_home: Path) -> None:
    state_home.write_text("a file where a directory should be")
    done = hostgw("fix", "--lab", broken.name, "--yes", code=2)
    assert done.stderr.count("error:") == 1
    assert "Nothing was changed" in done.stderr
    assert not has_route(broken)
    assert "cannot be read" in hostgw("undo", "--list", code=2).stderr


def test_undo(broken: Lab, hostgw: Run) -> None:
    lab = ("--lab", broken.name)
    assert hostgw("undo", "--list", code=0).stdout == "the journal is empty\n"
    assert "no entry nonsense" in hostgw("undo", *lab, "nonsense", code=2).stderr
    assert hostgw("undo", *lab, "--all", "--yes", code=0).stderr == "nothing to undo\n"
    made = fix_json(hostgw, broken, "--yes", code=0)
    number = made["journal_id"]
    (entry,) = json.loads(hostgw("undo", "--list", "--json", code=0).stdout)["entries"]
    assert (entry["id"], entry["result"], entry["undoable"]) == (number, "verified", True)
    assert (entry["hosts"], entry["state"]) == (["vm1"], "not undone")
    assert number in hostgw("undo", "--list", code=0).stdout
    assert "--yes" in hostgw("undo", *lab, code=2).stderr
    hostgw("undo", *lab, "--dry-run", code=0)
    assert has_route(broken)
    assert "nothing to undo" in hostgw("undo", *lab, "--hosts", "vm2", "--yes", code=1).stdout
    assert "vm1 is not among the hosts" in hostgw("undo", *lab, "--hosts", "vm2", number, "--yes", code=1).stdout
    hostgw("undo", *lab, number, "--yes", code=0)
    assert not has_route(broken)
    assert "already undone" in hostgw("undo", *lab, number, "--yes", code=1).stdout
    assert "nothing to undo" in hostgw("undo", *lab, "--yes", code=1).stdout
    fix_json(hostgw, broken, "--yes", code=0)
    hostgw("undo", *lab, "--all", "--yes", code=0)
    assert not has_route(broken)


def test_undo_when_the_world_moved_on(broken: Lab, hostgw: Run) -> None:
    fix_json(hostgw, broken, "--yes", code=0)
    broken.exec("vm1", ["ip", "route", "del", *RIGHT.split()], check=True)
    broken.exec("vm1", ["ip", "route", "add", *RIGHT.replace(".61", ".62").split()], check=True)
    done = hostgw("undo", "--lab", broken.name, "--yes", code=1)
    assert "the route to 10.239.1.0/24 on vm1 was changed since: it is now 10.239.1.0/24 via 10.5.7.62" in done.stdout
    assert has_route(broken, RIGHT.replace(".61", ".62"))


def fixable() -> list[Fault]:
    return [fault for fault in FAULTS if fault.fixable and not fault.notice]


@pytest.mark.parametrize("fault", fixable(), ids=[fault.id for fault in fixable()])
def test_the_printed_commands_do_the_same_by_hand(fault: Fault, shared_lab: Lab, hostgw: Run) -> None:
    try:
        labs.break_(shared_lab.name, fault.id)
        report = fix_json(hostgw, shared_lab, "--dry-run", code=0)
        commands = [command for step in report["steps"] for command in step["commands"]]
        assert commands
        for command in commands:
            path = command["namespace"]
            inside = ["nsenter", f"--net={path}"] if path else []
            done = shared_lab.exec(command["host"], [*inside, *command["argv"]], capture_output=True, text=True)
            nothing_tracked = "0 flow entries" in done.stderr  # conntrack ends with 1 then
            assert done.returncode == 0 or nothing_tracked, (command, done.stderr)
        assert json.loads(hostgw("check", "--lab", shared_lab.name, "--json", code=0).stdout)["findings"] == []
    finally:
        labs.heal(shared_lab.name)
