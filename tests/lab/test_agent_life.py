"""The agent ends with its operator, survives odd requests, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hostgw.ssh import payload
from hostgw.wire import (
    Arm,
    Failure,
    Look,
    Ping,
    Pong,
    Probe,
    Refresh,
    Start,
    Tap,
    TapClosed,
    TapReady,
    encode,
)
from tests.lab.agent_rig import PYTHON, QUICK, Nets, Operator, cpu_seconds, gone, operator, rss_mb, wait_for
from tests.lab.tap_net import children, descendants

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
ALL = ((6, 0, 0, 65535),)


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=3)
        yield made


def tap(nets: Nets) -> Tap:
    return Tap(7, 0, nets.index("h", "eth0"), ALL)


def test_it_ends_with_its_input_and_takes_captures_along(nets: Nets) -> None:
    with operator(nets) as told:
        told.synced()
        told.send(tap(nets))
        told.until(lambda: told.of(TapReady))
        told.send(Probe(1, 0, "10.9.0.99", count=50, interval_ms=1000))
        below = descendants(told.pid)  # who reads the kernel's reasons, where that can be had, and its minder; no more
        told.close()
        assert gone(told.pid)
        assert told.popen.returncode == 0
        assert len(below) <= 2
        wait_for(lambda: all(map(gone, below)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_ends_at_a_signal(nets: Nets, number: signal.Signals) -> None:
    with operator(nets) as told:
        told.synced()
        told.send(tap(nets))
        told.until(lambda: told.of(TapReady))
        os.kill(told.pid, number)
        assert f"agent ends: signal {number.value}" in told.end()
        assert told.of(TapClosed)
        assert told.popen.returncode == 0


def test_it_ends_when_nothing_is_heard(nets: Nets) -> None:
    with operator(nets, start=Start(heartbeat_s=0.5, reconcile_s=60, poll_s=60)) as told:
        told.synced()
        for number in range(1, 8):  # beats keep it alive for longer than the limit
            deadline = time.monotonic() + 0.15
            while time.monotonic() < deadline:
                told.pump(0.02)
            told.ask(Ping(number), Pong)
        assert "nothing heard from the operator" in told.end()


def test_it_ends_when_its_parent_is_killed(nets: Nets) -> None:
    """The parent holds the pipe; nobody tells the agent anything."""
    program = (
        "import subprocess, sys, time\n"
        "from hostgw.ssh import payload\n"
        "from hostgw.wire import Start, encode\n"
        "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "p.stdin.write(payload.stage() + encode(Start())); p.stdin.flush()\n"
        "print(p.pid, flush=True); time.sleep(600)\n"
    )
    argv = ["ip", "netns", "exec", nets.name("h"), PYTHON, "-IBSu", "-c", payload.LOADER, "TOKEN", ""]
    with subprocess.Popen([sys.executable, "-c", program, *argv], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    wait_for(lambda: gone(pid))


MALFORMED = {
    "length 0": struct.pack(">IB", 0, 0),
    "length 2^31": struct.pack(">IB", 1 << 31, 0),
    "kind 7": struct.pack(">IB", 3, 7) + b"{}",
    "no JSON": struct.pack(">IB", 4, 0) + b"{x}",
    "a list": struct.pack(">IB", 3, 0) + b"[]",
    "no type": struct.pack(">IB", 3, 0) + b"{}",
    "deep": struct.pack(">IB", 100_001, 0) + b"[" * 100_000,
    "no UTF-8": struct.pack(">IB", 5, 0) + b'"\xff\xfe"',
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_ends_it_with_a_message(nets: Nets, data: bytes) -> None:
    with operator(nets) as told:
        told.write(data)
        assert "agent ends: no request" in told.end()
        assert told.popen.returncode == 0


ODD = [
    {"type": "nonsense", "id": 11},
    {"type": "conntrack", "id": 12},
    {"type": "conntrack", "id": "13", "address": 5, "limit": []},
    {"type": "lookup", "id": 14, "dst": "10.0.0.1", "source": "", "iif": -1, "ns": 0},
    {"type": "lookup", "id": 15, "dst": "::1", "source": "", "iif": 0, "ns": 0},
    {"type": "lookup", "id": 16, "dst": "10.0.0.1", "source": "", "iif": 0, "ns": 99},
    {"type": "probe", "id": 17, "ns": 99, "destination": "10.0.0.1"},
    {"type": "apply", "id": 18, "changes": [{"kind": "nonsense", "ns": 0}]},
    {"type": "apply", "id": 19, "changes": [{"kind": "route", "ns": 0, "table": 254}]},
    {"type": "apply", "id": 20, "changes": 7},
    {"type": "tap", "tap": None, "ns": 0},
    {"type": "untap"},
    {"type": "look"},
    {"type": "start", "heartbeat_s": "x"},
    {"type": "ping"},
    {"type": "ping", "id": {"a": [1]}},
    {"type": "x" * 100_000, "id": [1]},
]


def test_odd_requests_are_answered_with_a_failure_and_it_lives_on(nets: Nets) -> None:
    with operator(nets) as told:
        told.synced()
        for request in ODD[:-2]:
            body = json.dumps(request).encode()
            told.write(struct.pack(">IB", len(body) + 1, 0) + body)
        told.ask(Ping(1), Pong)
        failed = [message.id for message in told.of(Failure)]
        assert {11, 12, 14, 15, 16, 17, 18} <= set(failed)
        assert len(failed) >= len(ODD) - 4
        body = json.dumps(ODD[-1]).encode()
        told.write(struct.pack(">IB", len(body) + 1, 0) + body)
        told.ask(Ping(2), Pong)


def test_requests_before_the_start_fail(nets: Nets) -> None:
    with operator(nets, start=None) as told:
        told.send(Refresh())
        told.until(lambda: "not started" in str(told.of(Failure)))
        told.send(Look(True))
        told.until(lambda: len(told.of(Failure)) == 2)
        told.send(QUICK)
        told.synced()
        told.send(QUICK)
        told.until(lambda: "already started" in str(told.of(Failure)))


def test_read_only_changes_nothing(nets: Nets) -> None:
    with operator(nets, start=Start(read_only=True)) as told:
        told.synced()
        assert "read-only" in told.ask(Arm(5, "", ()), Failure).detail


def test_an_operator_that_does_not_read_costs_little_memory(nets: Nets) -> None:
    lines = [f"route add 10.{100 + n // 250}.{n % 250}.0/24 via 10.9.0.2" for n in range(4000)]
    with operator(nets) as told:
        told.synced()
        before = rss_mb(told.pid)
        for _ in range(5):  # nobody reads what it says meanwhile
            nets.batch("h", lines)
            nets.batch("h", [line.replace("add", "del") for line in lines])
        nets.batch("h", lines[:10])
        used = rss_mb(told.pid) - before
        told.until(lambda: sum(r.dst.startswith("10.1") for r in told.root.routes) == 10)
        nets.batch("h", [line.replace("add", "del") for line in lines[:10]])
        assert used < 40, used


def test_many_pings_to_an_agent_that_is_not_read(nets: Nets) -> None:
    """It ends rather than fill the host's memory: 64 MiB is its limit."""
    with operator(nets) as told:
        told.synced()
        beat = encode(Look(True)) + encode(Ping(1))
        for _ in range(2000):
            told.write(beat)
        told.ask(Ping(77), Pong)
        assert rss_mb(told.pid) < 100


def test_it_ends_when_the_operator_sends_but_does_not_read(nets: Nets) -> None:
    with operator(nets, start=Start(heartbeat_s=1.0, reconcile_s=60, poll_s=60)) as told:
        told.synced()
        beat = encode(Ping(1)) * 100
        deadline = time.monotonic() + 20
        with contextlib.suppress(OSError):  # it ends, and the pipe with it
            while time.monotonic() < deadline and told.popen.poll() is None:
                told.write(beat)
                time.sleep(0.01)
        assert "the operator does not read" in told.end()


def test_what_it_costs(nets: Nets) -> None:
    """Prints start time, memory and idle CPU with three containers; no verdict."""
    begin = time.monotonic()
    with operator(nets, start=Start()) as told:
        told.synced()
        started = time.monotonic() - begin
        begin, used = time.monotonic(), cpu_seconds(told.pid)
        seconds = float(os.environ.get("HOSTGW_IDLE_S", "3"))
        while time.monotonic() < begin + seconds:
            told.pump(0.2)
        share = (cpu_seconds(told.pid) - used) / (time.monotonic() - begin)
        print(f"\nstart {started * 1000:.0f} ms, RSS {rss_mb(told.pid):.1f} MB, idle {share:.2%} of a core")  # noqa: T201


def test_as_an_ordinary_user_it_reads_what_it_may_and_says_what_is_missing(nets: Nets) -> None:
    user = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with operator(nets, prefix=user) as told:
        told.synced()
        assert told.snapshot is not None
        assert told.snapshot.facts.uid == 65534
        assert any("not root" in line for line in told.snapshot.facts.missing)
        assert {"eth0", "br0", "lo"} <= set(told.root.links_by_name)
        assert told.root.routes
        assert told.root.rules
        assert told.root.addresses
        assert told.root.sysctls
        assert told.root.filters["nft"].error
        nets.ip("h", "route add 10.77.0.0/16 via 10.9.0.2")
        told.until(lambda: any(route.dst == "10.77.0.0/16" for route in told.root.routes))
        nets.ip("h", "route del 10.77.0.0/16")
        told.until(lambda: all(route.dst != "10.77.0.0/16" for route in told.root.routes))
        told.ask(Probe(5, 0, "10.9.0.2"), Failure)
        told.send(tap(nets))
        told.until(lambda: told.of(TapClosed))


def test_children_of_readings_do_not_outlive_it(nets: Nets) -> None:
    told: Operator
    with operator(nets) as told:
        told.synced()
        told.send(Look(True))
        told.until(lambda: told.root.counters)
    assert gone(told.pid)
    assert children(os.getpid()) == [] or all("iptables" not in line for line in children(os.getpid()))
