"""No change locks anybody out: after every mishap the host is as it was before, and a new SSH connection works."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from hostgw.model.host_state import HostState
from hostgw.plans.journal import Journal
from hostgw.plans.model import Result
from tests.lab.agent_rig import wait_for
from tests.lab.conftest import Run
from tests.lab.sabotage import LOCK_OUTS, SHORT, carry_out, drop_ssh, harmless, operating

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
SOAK = bool(os.environ.get("HOSTGW_SOAK"))
ROUNDS = 200 if SOAK else 20
GUARDS = ("hostgw-guard", "hostgw-shadow")


@pytest.fixture
def healed(shared_lab: Lab) -> Iterator[Lab]:
    yield shared_lab
    labs.heal(shared_lab.name)
    kill(shared_lab, "KILL", *pids(shared_lab, *GUARDS))  # those that only wait to be asked


def on_vm1(lab: Lab, *argv: str) -> str:
    return str(lab.exec("vm1", argv, capture_output=True, text=True, check=False).stdout)


def pids(lab: Lab, *names: str) -> list[int]:
    """Processes of vm1 by what they call themselves, in vm1's own numbers."""
    shown = on_vm1(lab, "sh", "-c", 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(cat $p/comm)"; done 2>/dev/null')
    return [int(line.split()[0]) for line in shown.splitlines() if line.partition(" ")[2] in names]


def sessions(lab: Lab) -> list[int]:
    listener = int(on_vm1(lab, "cat", "/run/sshd.pid"))
    return [pid for pid in pids(lab, "sshd", "sshd-session") if pid != listener]


def kill(lab: Lab, signal: str, *numbers: int) -> None:
    on_vm1(lab, "kill", f"-{signal}", *map(str, numbers))


def ssh_works(lab: Lab) -> bool:
    argv = ["ssh", "-F", str(lab.directory / "inside_ssh_config"), "-o", "ConnectTimeout=1", "vm1", "true"]
    return bool(lab.exec("operator", argv, capture_output=True, check=False).returncode == 0)


def agent(lab: Lab, live: Any) -> int:
    return int(live.view().fabric.hosts["vm1"].snapshot.facts.agent_pid)


def nothing(lab: Lab, live: Any) -> None:
    """The operator is simply locked out."""


def kill_agent(lab: Lab, live: Any) -> None:
    kill(lab, "KILL", agent(lab, live))


def kill_session(lab: Lab, live: Any) -> None:
    kill(lab, "KILL", *sessions(lab))


def freeze_agent(lab: Lab, live: Any) -> None:
    kill(lab, "STOP", agent(lab, live))


def cut_line(lab: Lab, live: Any) -> None:
    lab.exec("switch", ["ip", "link", "set", "p-vm1", "down"], check=True)


def kill_guard(lab: Lab, live: Any) -> None:
    kill(lab, "KILL", *pids(lab, "hostgw-guard"))


def kill_shadow(lab: Lab, live: Any) -> None:
    kill(lab, "KILL", *pids(lab, "hostgw-shadow"))


def freeze_guard(lab: Lab, live: Any) -> None:
    kill(lab, "STOP", *pids(lab, "hostgw-guard"))


def kill_three(lab: Lab, live: Any) -> None:
    kill(lab, "KILL", *pids(lab, "hostgw-guard"), agent(lab, live), *sessions(lab))


MISHAPS: dict[str, Callable[[Lab, Any], None]] = {
    "none": nothing,
    "agent killed": kill_agent,
    "session killed": kill_session,
    "agent frozen": freeze_agent,
    "line cut": cut_line,
    "guard killed": kill_guard,
    "guard frozen": freeze_guard,
    "shadow killed": kill_shadow,
    "guard, agent and session killed": kill_three,
}
CASES = [(change, "none") for change in LOCK_OUTS] + [
    (list(LOCK_OUTS)[number % len(LOCK_OUTS)], mishap) for number, mishap in enumerate(MISHAPS) if mishap != "none"
]


def restored(lab: Lab, before: dict[str, Any], told: str = "") -> None:
    """Wait until the host is as before, reachable, and nothing of ours runs there."""
    lab.exec("switch", ["ip", "link", "set", "p-vm1", "up"], check=True)
    wait_for(lambda: ssh_works(lab))
    wait_for(lambda: labs.differences(before, labs.state(lab)) == [])
    for pid in pids(lab, "python3", *GUARDS):  # who was frozen when all was over already, must be able to go
        kill(lab, "CONT", pid)
    left = lambda: on_vm1(lab, "ps", "-eo", "pid,ppid,stat,etime,comm,wchan")  # noqa: E731
    try:
        wait_for(lambda: not pids(lab, *GUARDS))
    except AssertionError:
        raise AssertionError(f"guards stay: {told}\n{left()}") from None


def in_the_middle(lab: Lab, act: Callable[[], None]) -> threading.Thread:
    """Do something as soon as a guard is at work on vm1: whoever is locked out may not hear of that."""

    def wait_and_act() -> None:
        wait_for(lambda: len(pids(lab, *GUARDS)) == 2)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


@pytest.mark.parametrize(("change", "mishap"), CASES, ids=[f"{c}, {m}" for c, m in CASES])
def test_lock_out(change: str, mishap: str, healed: Lab, tmp_path: Path) -> None:
    before = labs.state(healed)
    with operating(healed) as live:
        changes = LOCK_OUTS[change](live.view().fabric.hosts["vm1"])
        happening = in_the_middle(healed, lambda: MISHAPS[mishap](healed, live))
        outcome = carry_out(live, changes, Journal(tmp_path))
        happening.join()
        assert outcome.result in (Result.ROLLED_BACK, Result.FAILED), outcome
        restored(healed, before)
        live.wait(lambda view: view.fabric.hosts["vm1"].state is HostState.UP, 20)
    wait_for(lambda: not sessions(healed))


def test_disk_full_and_read_only(healed: Lab, tmp_path: Path) -> None:
    """Nothing is written on the host, neither to change it nor to take it back."""
    before = labs.state(healed)
    places = ("/", "/etc", "/run", "/root", "/tmp", "/var/lib", "/var/log", "/dev", "/var/tmp")  # noqa: S108
    mounted = [place for place in places if on_vm1(healed, "mountpoint", "-q", place) == ""]
    with operating(healed) as live:
        try:
            for place in mounted:
                on_vm1(healed, "mount", "-o", "remount,bind,ro", place)
            assert on_vm1(healed, "sh", "-c", "touch /tmp/x /root/x /etc/x 2>&1").count("Read-only") == 3
            changes = drop_ssh(live.view().fabric.hosts["vm1"])
            outcome = carry_out(live, changes, Journal(tmp_path), lambda: None)
            assert outcome.result is Result.ROLLED_BACK
            restored(healed, before)
        finally:
            for place in mounted:
                on_vm1(healed, "mount", "-o", "remount,bind,rw", place)


def test_operator_killed_with_a_pending_change(healed: Lab, hostgw: Run, state_home: Path) -> None:
    before = labs.state(healed)
    argv = [sys.executable, "-m", "tests.lab.sabotage", healed.name, str(state_home / "hostgw-tui")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as operator:
        assert operator.stdout is not None
        assert operator.stdout.readline() == "armed\n"
        assert labs.differences(before, labs.state(healed)) != []
        operator.kill()
    restored(healed, before)
    wait_for(lambda: not sessions(healed))
    (entry,) = json.loads(hostgw("undo", "--list", "--json", code=0).stdout)["entries"]
    assert entry["result"] == "unknown"


def test_next_run_learns_how_it_ended(healed: Lab, hostgw: Run, state_home: Path, tmp_path: Path) -> None:
    labs.break_(healed.name, "R1")
    hostgw("fix", "--lab", healed.name, "--yes", "--watch", "0", code=0)
    journal = state_home / "hostgw-tui" / "journal.jsonl"
    first = journal.read_text().splitlines()[0]  # as if we had died before the outcome was written
    journal.write_text(first + "\n")
    done = hostgw("undo", "--lab", healed.name, "--yes", code=0)
    assert "a change of a former run ended as verified" in done.stderr
    entries = json.loads(hostgw("undo", "--list", "--json", code=0).stdout)["entries"]
    assert [entry["result"] for entry in entries] == ["verified", "verified"]


def test_second_operator_is_told_who_is_at_work(healed: Lab, hostgw: Run, tmp_path: Path) -> None:
    labs.break_(healed.name, "R1")
    said: list[str] = []
    with operating(healed) as live:

        def happen() -> None:
            said.append(hostgw("fix", "--lab", healed.name, "--hosts", "vm1,vm2", "--yes", code=1).stdout)
            said.append(hostgw("undo", "--lab", healed.name, "--hosts", "vm1", "--pending", code=0).stdout)
            found = hostgw("undo", "--lab", healed.name, "--hosts", "vm1", "--pending", "--json", code=0).stdout
            (pending,) = [row["id"] for row in json.loads(found)["guards"] if row["state"] == "applied"]
            said.append(hostgw("undo", "--lab", healed.name, "--hosts", "vm1", pending, code=0).stderr)

        changes = harmless(live.view().fabric.hosts["vm1"])
        patient = replace(SHORT, ttl_s=60.0, management_ttl_s=60.0)
        outcome = carry_out(live, changes, Journal(tmp_path), happen, patient)
    assert "busy: vm1: " in said[0]
    assert "is changing it (a lock-out)" in said[0]
    assert "a lock-out" in said[1]
    assert "taken back in" in said[1]
    assert "vm1: taken back" in said[2]
    assert outcome.result is Result.ROLLED_BACK


STOP = "/run/stop"
WRONG = "ip route replace 10.239.1.0/24 via 10.5.7.1 dev eth0"
LOOP = f"for i in $(seq 600); do [ -e {STOP} ] && exit; {WRONG} 2>/dev/null; sleep 0.05; done"


def test_another_program_puts_the_fault_back(healed: Lab, hostgw: Run) -> None:
    """What does not verify is taken back, and the reason is said."""
    labs.break_(healed.name, "R3")
    daemon = subprocess.Popen([*healed.entry("vm1"), "sh", "-c", LOOP])
    try:
        done = hostgw("fix", "--lab", healed.name, "--yes", "--watch", "0", code=1)
    finally:
        on_vm1(healed, "touch", STOP)
        daemon.wait(30)
        on_vm1(healed, "rm", STOP)
    result = re.search(r"^(rolled-back|failed|stale): (.*)", done.stdout, re.MULTILINE)
    assert result, done.stdout
    if result[1] == "rolled-back":  # else it was quicker than we
        assert "there again a moment later" in result[2] or "still there" in result[2]
    assert on_vm1(healed, "ip", "route", "show", "10.239.1.0/24") == "10.239.1.0/24 via 10.5.7.1 dev eth0 \n"


def test_somebody_undoes_what_was_confirmed(healed: Lab, hostgw: Run) -> None:
    labs.break_(healed.name, "R1")

    def undo_it() -> None:
        wait_for(lambda: "10.239.1.0/24" in on_vm1(healed, "ip", "route"))
        wait_for(lambda: '"confirmed"' in hostgw("undo", "--lab", healed.name, "--pending", "--json").stdout)
        on_vm1(healed, "ip", "route", "del", "10.239.1.0/24")

    other = threading.Thread(target=undo_it)
    other.start()
    try:
        done = hostgw("fix", "--lab", healed.name, "--yes", "--watch", "30", code=1)
    finally:
        other.join()
    assert "somebody changed it again on vm1 (route is now gone)" in done.stderr


def test_random_mishaps(healed: Lab, tmp_path: Path) -> None:
    """Whatever dies whenever: the host is as before or, when it was confirmed, as wanted; never in between."""
    rng = random.Random(4)
    before = labs.state(healed)
    for number in range(ROUNDS):
        kind = rng.choice([*LOCK_OUTS, "harmless"])
        mishap = rng.choice(list(MISHAPS))
        delay = rng.choice([None, rng.uniform(0.0, 0.5)])
        with operating(healed) as live:
            host = live.view().fabric.hosts["vm1"]
            changes = harmless(host) if kind == "harmless" else LOCK_OUTS[kind](host)
            act = partial(MISHAPS[mishap], healed, live)
            happening = in_the_middle(healed, act) if delay is None else threading.Timer(delay, act)
            if isinstance(happening, threading.Timer):  # while the changes are being made, or before, or never
                happening.start()
            outcome = carry_out(live, changes, Journal(tmp_path))
            happening.join()
        told = f"round {number}: {kind}, {mishap}, after {delay} s: {outcome}"
        if outcome.result is Result.VERIFIED:
            assert kind == "harmless", told
            wait_for(lambda: not pids(healed, *GUARDS))
            now = labs.differences(before, labs.state(healed))
            assert set(now) == {"vm1 routes", "vm1 nft", "vm1 iptables", "vm1 sysctls"}, (told, now)
            labs.heal(healed.name)
        else:
            restored(healed, before, told)
        wait_for(lambda: not sessions(healed))


FAKE_RUN = """#!/bin/sh
for word; do
	case "$word" in
	--unit=*) unit=${word#*=} ;;
	--on-active=*) seconds=${word#*=} ;;
	esac
	script=$word
done
setsid sh -c 'sleep "$1"; sh -c "$2"' sh "$seconds" "$script" </dev/null >/dev/null 2>&1 &
echo $! >"/run/timers/$unit.timer"
"""
FAKE_CTL = """#!/bin/sh
kill "$(cat "/run/timers/$2")" && rm "/run/timers/$2"
"""


@pytest.fixture
def timers(healed: Lab) -> Iterator[Lab]:
    """On vm1, stand-ins for the two programs by which PID 1 is asked for timers: there is no systemd in a namespace."""
    shell = (
        f"mkdir -p /run/systemd/system /run/timers; cat >/run/systemd-run <<'E'\n{FAKE_RUN}E\n"
        f"cat >/run/systemctl <<'E'\n{FAKE_CTL}E\n"
        "chmod +x /run/systemd-run /run/systemctl\n"
        "mount -t tmpfs fakes /usr/local/sbin; cp /run/systemd-run /run/systemctl /usr/local/sbin\n"
        "for n in systemd-run systemctl; do [ ! -e /usr/bin/$n ] || mount --bind /run/$n /usr/bin/$n; done\n"
    )
    healed.exec("vm1", ["sh", "-ec", shell], check=True)
    yield healed
    over = "for at in /usr/bin/systemd-run /usr/bin/systemctl /usr/local/sbin; do mountpoint -q $at && umount $at; done"
    healed.exec("vm1", ["sh", "-c", f"{over}; rm -rf /run/systemd /run/timers /run/systemd-run /run/systemctl"])


def timers_of(lab: Lab) -> str:
    return on_vm1(lab, "ls", "/run/timers")


def test_a_timer_of_systemd_undoes_when_nobody_else_is_left(timers: Lab, tmp_path: Path) -> None:
    before = labs.state(timers)

    def kill_both() -> None:
        assert "hostgw-undo-" in timers_of(timers)
        kill(timers, "STOP", *pids(timers, "hostgw-shadow"))
        kill(timers, "KILL", *pids(timers, *GUARDS))

    with operating(timers) as live:
        happening = in_the_middle(timers, kill_both)
        carry_out(live, LOCK_OUTS["route"](live.view().fabric.hosts["vm1"]), Journal(tmp_path))
        happening.join()
        restored(timers, before)


def test_what_is_confirmed_is_not_undone_by_the_timer(timers: Lab, tmp_path: Path) -> None:
    seen: list[str] = []
    with operating(timers) as live:
        changes = harmless(live.view().fabric.hosts["vm1"])
        outcome = carry_out(live, changes, Journal(tmp_path), lambda: seen.append(timers_of(timers)))
    assert outcome.result is Result.VERIFIED
    assert "hostgw-undo-" in seen[0]
    assert timers_of(timers) == ""
