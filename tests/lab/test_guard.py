"""Guards: what is not confirmed is taken back, whoever dies; what is confirmed stays."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hostgw.model.change import Change, ConntrackChange, RouteChange
from hostgw.model.guard import Guard, GuardState
from hostgw.model.kernel import Route
from hostgw.wire import Arm, Confirm, Extend, Failure, Guarded, RollBack, Start
from tests.lab.agent_rig import LEAVING, PYTHON, Nets, Operator, gone, operator, replaced, wait_for, with_stepped_clock
from tests.lab.test_changer_kinds import chain_change, link_change, picture

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
numbers = itertools.count(1_000_000)
SHORT_S = 1.5
KEPT = {"keep_s": 60.0}


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=1)
        made.exec("h", "iptables-nft", "-N", "HOSTGW")
        for words in ("-s 10.1.0.0/16 -j ACCEPT", "", "-m comment --comment quoted", "-s 10.2.0.0/16 -j DROP"):
            made.exec("h", "iptables-nft", "-A", "HOSTGW", *words.split())
        yield made
        for pid in guards_of(made):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def guards_of(nets: Nets) -> list[int]:
    """The guard and its shadow, in this order."""
    inode = Path(f"/run/netns/{nets.name('h')}").stat().st_ino
    named = [(_guard_name(path, inode), int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for name, pid in sorted(named) if name]


def _guard_name(path: Path, inode: int) -> str:
    """What a process of this namespace calls itself, if it is a guard or a shadow; it may end while one looks."""
    try:
        here, name = (path / "ns/net").stat().st_ino == inode, (path / "comm").read_text().strip()
    except OSError:
        return ""
    return name if here and name in ("hostgw-guard", "hostgw-shadow") else ""


def lock_out(nets: Nets, told: Operator) -> tuple[Change, ...]:
    """Several kinds of change, the device that all traffic uses among them."""
    route = RouteChange(254, "10.99.0.0/16", (), (Route("10.99.0.0/16", gateway="10.9.0.2", oif=_nic(told)),))
    return chain_change(nets), replaced(route), link_change(told, "eth0", up=False)


def _nic(told: Operator) -> int:
    return told.root.links_by_name["eth0"].index


def ended(told: Operator, state: GuardState) -> Guard:
    """Wait until the newest guard says so."""

    def found() -> Guard | None:
        return next((guard for guard in told.guards()[:1] if guard.state is state), None)

    guard = wait_for(found)
    assert guard is not None
    return guard


def roll_back(told: Operator, guard: str) -> Guarded:
    return told.ask(RollBack(next(numbers), guard, "me"), Guarded)


def test_unconfirmed_is_taken_back(nets: Nets, told: Operator) -> None:
    before = picture(nets)
    applied, _ = told.arm(*lock_out(nets, told), ttl_s=SHORT_S, **KEPT)
    assert applied.outcome == "applied"
    assert picture(nets) != before
    (pending,) = told.guards()
    assert pending.state is GuardState.APPLIED
    assert (pending.id, pending.title, pending.operator) == (applied.guard, "a test", "tester")
    assert 0 < pending.left_s <= SHORT_S
    guard = ended(told, GuardState.ROLLED_BACK)
    assert "nobody confirmed" in guard.detail
    assert picture(nets) == before


def test_a_wall_clock_that_is_set_back_changes_nothing(nets: Nets) -> None:
    with operator(nets, sources=with_stepped_clock()) as told:
        told.synced()
        before = picture(nets)
        began = time.monotonic()
        applied, _ = told.arm(*lock_out(nets, told), ttl_s=SHORT_S, **KEPT)
        assert applied.outcome == "applied"
        ended(told, GuardState.ROLLED_BACK)
        assert time.monotonic() - began >= SHORT_S
        assert picture(nets) == before


def test_confirmed_stays(nets: Nets, told: Operator) -> None:
    before = picture(nets)
    changes = lock_out(nets, told)
    _, token = told.arm(*changes, ttl_s=SHORT_S)
    made = picture(nets)
    assert made != before
    wrong = told.ask(Confirm(next(numbers), secrets.token_hex(16)), Guarded)
    assert not wrong.done
    assert told.ask(Confirm(next(numbers), token), Guarded).done
    wait_for(lambda: not guards_of(nets))
    assert picture(nets) == made
    back = [replaced(change, before=change.after, after=change.before) for change in reversed(changes)]  # type: ignore[union-attr]
    assert told.apply(*back).outcome == "applied"
    assert picture(nets) == before


def test_more_time_and_back_now(nets: Nets, told: Operator) -> None:
    before = picture(nets)
    applied, token = told.arm(*lock_out(nets, told), ttl_s=5.0, **KEPT)
    more = told.ask(Extend(next(numbers), token, 60.0), Guarded)
    assert more.done
    assert 60 < more.guards[0].left_s <= 65
    assert not told.ask(Extend(next(numbers), "0" * 32, 60.0), Guarded).done
    assert not roll_back(told, "another").done
    assert picture(nets) != before
    assert roll_back(told, applied.guard).done
    assert picture(nets) == before
    assert ended(told, GuardState.ROLLED_BACK).detail == "asked for by me"
    assert not told.ask(Confirm(next(numbers), token), Guarded).done


def test_one_pending_change_per_host(nets: Nets, told: Operator) -> None:
    first, token = told.arm(chain_change(nets))
    with operator(nets) as other:
        other.synced()
        changes = (link_change(other, "eth0", up=False),)
        busy, _ = other.arm(*changes)
        assert busy.outcome == "busy"
        assert re.fullmatch(r"tester is changing it \(a test\); \d+ s are left", busy.detail)
        assert told.ask(Confirm(next(numbers), token), Guarded).done
        wait_for(lambda: not guards_of(nets))
        assert other.apply(*changes).outcome == "applied"
    assert first.outcome == "applied"


def test_stale_and_failing_changes_leave_nothing(nets: Nets, told: Operator) -> None:
    before = picture(nets)
    stale = replaced(chain_change(nets), before=("-A HOSTGW -j ACCEPT",), after=())
    applied, _ = told.arm(stale, link_change(told, "eth0", up=False))
    assert (applied.outcome, applied.at) == ("stale", 0)
    bad = Route("10.99.0.0/16", gateway="10.77.0.1", oif=_nic(told))
    applied, _ = told.arm(chain_change(nets), RouteChange(254, "10.99.0.0/16", (), (bad,)), **KEPT)
    assert (applied.outcome, applied.at, applied.undone) == ("failed", 1, True)
    assert ended(told, GuardState.FAILED).detail
    assert picture(nets) == before
    assert told.arm(chain_change(nets))[0].outcome == "applied"  # nothing is locked any more


@pytest.mark.parametrize("victims", [(0,), (1,), (0, 2), (0, 1)], ids=["guard", "shadow", "guard-agent", "both"])
def test_whoever_is_killed(victims: tuple[int, ...], nets: Nets, told: Operator) -> None:
    """Shadow for guard, guard for shadow; when both go at once nobody is left (but a timer of systemd)."""
    before = picture(nets)
    told.arm(*lock_out(nets, told), ttl_s=SHORT_S, **KEPT)
    made = picture(nets)
    pids = [*guards_of(nets), told.pid]
    assert len(pids) == 3
    if victims == (0, 1):
        os.kill(pids[1], signal.SIGSTOP)
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    if victims == (0, 1):
        wait_for(lambda: all(gone(pid) for pid in pids[:2]))
        assert picture(nets) == made
        return
    if victims == (1,):  # the next one does its work, too
        wait_for(lambda: {*guards_of(nets)} - {*pids} and not gone(next(iter({*guards_of(nets)} - {*pids}))))
        os.kill(pids[0], signal.SIGKILL)
    wait_for(lambda: picture(nets) == before)
    with operator(nets) as other:
        guard = ended(other.synced(), GuardState.ROLLED_BACK)
    assert "its shadow" in guard.detail


@pytest.mark.parametrize("frozen", [0, 1, 2], ids=["guard", "shadow", "agent"])
def test_whoever_is_frozen(frozen: int, nets: Nets, told: Operator) -> None:
    before = picture(nets)
    told.arm(*lock_out(nets, told), ttl_s=SHORT_S)
    pid = [*guards_of(nets), told.pid][frozen]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: picture(nets) == before)
        wait_for(lambda: not guards_of(nets))  # nobody waits for ever for who is frozen
    finally:
        if not gone(pid):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_signals_do_not_reach_it(number: signal.Signals, nets: Nets, told: Operator) -> None:
    before = picture(nets)
    told.arm(*lock_out(nets, told), ttl_s=SHORT_S)
    guard, shadow = guards_of(nets)
    for pid in (guard, shadow, told.pid):
        os.kill(pid, number)
    told.end()
    assert not gone(guard)
    assert os.getpgid(guard) not in (os.getpgid(0), told.pid)
    wait_for(lambda: picture(nets) == before)


def test_end_is_told_for_a_while_and_newer_guards_keep_it(nets: Nets, told: Operator) -> None:
    first, token = told.arm(chain_change(nets), **KEPT)
    told.ask(Confirm(next(numbers), token), Guarded)
    second, _ = told.arm(link_change(told, "eth0", up=False), **KEPT)
    states = wait_for(lambda: [g for g in told.guards() if len(told.guards()) == 2])
    assert [(g.id, g.state) for g in states] == [
        (second.guard, GuardState.APPLIED),
        (first.guard, GuardState.CONFIRMED),
    ]
    roll_back(told, second.guard)
    assert len(guards_of(nets)) == 1


def test_somebody_else_puts_it_back(nets: Nets, told: Operator) -> None:
    route = Route("10.99.0.0/16", gateway="10.9.0.2", oif=_nic(told), protocol="static")
    _, token = told.arm(RouteChange(254, "10.99.0.0/16", (), (route,)), watch_s=60.0, keep_s=60.0)
    told.ask(Confirm(next(numbers), token), Guarded)
    assert ended(told, GuardState.CONFIRMED).put_back == ""
    nets.ip("h", "route del 10.99.0.0/16")
    guard = wait_for(lambda: [g for g in told.guards() if g.put_back])[0]
    assert guard.put_back == "route is now gone"


def test_undo_that_fails_is_said(nets: Nets, told: Operator) -> None:
    """The device vanishes while the change waits."""
    nets.ip("h", "link add dying type bridge")
    told.until(lambda: "dying" in told.root.links_by_name)
    applied, _ = told.arm(link_change(told, "dying", up=True), chain_change(nets), **KEPT)
    before = picture(nets)["filters"]
    nets.ip("h", "link del dying")
    assert not roll_back(told, applied.guard).done
    guard = ended(told, GuardState.UNDO_FAILED)
    assert "no device dying" in guard.detail
    assert picture(nets)["filters"] != before  # the others are put back all the same


def test_requests_that_no_guard_could_carry_out(nets: Nets, told: Operator) -> None:
    change = chain_change(nets)
    for token, seconds in (("short", 30.0), ("0" * 32, 0.0), ("0" * 32, 1e9)):
        order = Arm(next(numbers), token, (change,), ttl_s=seconds, **LEAVING)
        assert "no time to wait" in told.ask(order, Failure).detail
    with operator(nets, start=Start(read_only=True)) as other:
        other.synced()
        for request in (Confirm(next(numbers), "0" * 32), RollBack(next(numbers), "x")):
            assert "read-only" in other.ask(request, Failure).detail
        assert other.guards() == ()


def test_flows_only(nets: Nets, told: Operator) -> None:
    """What has no state to put back is still made under guard."""
    assert told.apply(ConntrackChange("10.200.1.0/24", "10.9.0.0/24")).outcome == "applied"


SQUATTER = """
import socket, sys, time
names = [open("/proc/self/net/unix").read()]
s = socket.socket(socket.AF_UNIX); s.bind("\\0hostgw-guard-0123456789abcdef"); s.listen(1)
print("ready", flush=True)
client, _ = s.accept()
client.settimeout(5)
try: print("heard", client.recv(100), flush=True)
except OSError as error: print(error, flush=True)
"""


def test_other_users_can_neither_lock_nor_listen_nor_ask(nets: Nets, told: Operator) -> None:
    """A user squats a name like a guard's: nothing is said to it, and changes go on."""
    argv = ["ip", "netns", "exec", nets.name("h"), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with subprocess.Popen([*argv, PYTHON, "-c", SQUATTER], stdout=subprocess.PIPE, text=True) as squatter:
        try:
            assert squatter.stdout is not None
            assert squatter.stdout.readline() == "ready\n"
            _, token = told.arm(chain_change(nets))
            assert told.ask(Confirm(next(numbers), token), Guarded).done
            assert squatter.stdout.readline() == "heard b''\n"
        finally:
            squatter.kill()
    lock = subprocess.run(
        [*argv, "flock", "-n", str(Path("~root").expanduser()), "true"], capture_output=True, check=False
    )
    assert lock.returncode != 0


def test_one_line_in_the_log(nets: Nets, told: Operator, tmp_path: Path) -> None:
    applied, _ = told.arm(chain_change(nets), **KEPT)
    if Path("/dev/log").exists():
        pytest.fail("this machine has a log of its own: the line cannot be seen apart")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("/dev/log")
        try:
            log.settimeout(20)
            roll_back(told, applied.guard)
            line = log.recv(2000).decode()
        finally:
            Path("/dev/log").unlink()
    assert "tester: a test: rolled-back (asked for by me)" in line
