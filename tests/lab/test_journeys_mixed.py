"""More than 20,000 real packets that look alike, and not one joined with another.

Each carries a mark behind the bytes that the correlator looks at, which the test reads from the captured bytes.
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from hostgw.capture.frames import ICMP, UDP
from hostgw.capture.journeys import JourneyView
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from tests.lab.tap_net import Agents, TapNet, eight_taps

pytestmark = pytest.mark.lab

ROUNDS, PORTION = 2000, 100
"""A portion is sent when the one before is decoded: on a slow machine, too, no tap shall lose anything."""
MARK = 14 + 20 + 8 + 32
SENDER = f"""
import socket, struct, time
def made(kind, proto, source, target):
    s = socket.socket(socket.AF_INET, kind, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, 5600 if proto == 17 else 0))
    s.connect((target, 9))
    return s
ways = [(a, b) for a in ("10.239.0.2", "10.239.0.3") for b in ("10.239.1.2", "10.5.7.1")]
udp = [made(socket.SOCK_DGRAM, 17, *way) for way in ways]
icmp = [made(socket.SOCK_RAW, 1, *way) for way in ways]
def total(data):
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    n = (n >> 16) + (n & 0xFFFF)
    return ~(n + (n >> 16)) & 0xFFFF
mark = 0
for n in range({ROUNDS}):
    for s in (*udp, *icmp):
        mark += 1
        body = b"x" * 32 + struct.pack(">Q", mark) + b"y" * 16
        if s in icmp:
            head = struct.pack(">BBHHH", 8, 0, 0, 77, n)
            body = struct.pack(">BBHHH", 8, 0, total(head + body), 77, n) + body
        try:
            s.send(body)
        except OSError:  # what an ICMP error said of the last one
            s.send(body)
    if not n % 3:
        time.sleep(0.01)
    if not n % {PORTION}:
        print(n, flush=True)
        input()
"""


@pytest.fixture(scope="module")
def net() -> Iterator[TapNet]:
    with TapNet() as built:
        built.exec("sw", "ip", "addr", "add", "10.5.7.1/24", "dev", "lan")
        built.exec("c1", "ip", "addr", "add", "10.239.0.3/24", "dev", "eth0")
        rule = "-t nat -A POSTROUTING -s 10.239.0.0/16 ! -d 10.239.0.0/16 -j MASQUERADE"
        built.exec("vm1", "iptables", *rule.split())
        for place in ("sw", "c2"):
            built.exec(place, "iptables", "-A", "INPUT", "-p", "udp", "-j", "DROP")
        yield built


@pytest.fixture
def agents(net: TapNet) -> Iterator[Agents]:
    made = Agents(net)
    yield made
    made.close()


def marks(capture: Capture, view: JourneyView) -> set[bytes]:
    return {capture.raw(seen)[MARK : MARK + 8] for seen in view.sightings}


def drive(sender: subprocess.Popen[str], agents: Agents, capture: Capture) -> None:
    """Let the sender send portion after portion, each when all of the last was told."""
    assert sender.stdin
    assert sender.stdout
    told = sender.stdout
    for _ in range(ROUNDS // PORTION):
        agents.poll_until(lambda: bool(select.select([told], [], [], 0)[0]), 45)
        assert told.readline()
        settle(agents, capture)
        sender.stdin.write("\n")
    agents.poll_until(lambda: sender.poll() is not None, 45)
    settle(agents, capture)


def settle(agents: Agents, capture: Capture) -> None:
    """Wait until the taps tell nothing more; rings close their blocks after 20 ms."""
    seen = -1
    while seen != (seen := capture.view(1).frames):
        for _ in range(3):
            agents.poll(0.05)


def test_no_wrong_join_among_packets_that_look_alike(net: TapNet, agents: Agents) -> None:
    settings = Settings("icmp or udp", journeys=40_000, keep_bytes=1 << 28)
    capture = Capture(agents.send, {"vm1": (), "vm2": ()}, settings)
    agents.capture = capture
    capture.add(eight_taps(net))
    agents.poll_until(lambda: all(status.state.value == "open" for status in capture.view(1).taps))
    argv = ["ip", "netns", "exec", net.ns("c1"), sys.executable, "-c", SENDER]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as sender:
        try:
            drive(sender, agents, capture)
        finally:
            sender.kill()
    assert sender.returncode == 0
    views = [v for v in capture.view(40_000).journeys if v.first.frame.protocol in (ICMP, UDP)]
    drops = sum(status.drops + status.overflow for status in capture.view(1).taps)
    wrong = [view for view in views if len(marks(capture, view)) != 1]
    owners = Counter((min(marks(capture, view)), view.first.frame.kind) for view in views)
    taps = Counter(len(view.sightings) for view in views)
    assert drops == 0
    assert wrong == []
    assert len(views) >= 20_000
    assert set(owners.values()) == {1}, "a packet is torn in two"
    assert set(taps) == {4, 8}, "four to the host outside, eight to the other container, and all of them complete"
    rewritten = {view.last.frame.source_port for view in views if view.last.frame.source_port != 5600}
    assert rewritten - {-1}, "two containers with one source port: NAT gives one of them another"
