"""A minute of mixed traffic in a healthy network: nothing of it may be called lost."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.test_journeys import SERVER
from tests.lab.watcher import told, watched

pytestmark = pytest.mark.lab
SECONDS = int(os.environ.get("HOSTGW_HEALTHY_S", "60"))
PLACES = (("vm1", "c1"), ("vm1", "c2"), ("vm2", "c1"), ("vm3", "c2"), ("vm2", None))
TARGETS = ("10.239.0.2", "10.239.0.3", "10.239.1.2", "10.239.2.3", "10.5.7.60", "10.5.7.62", "192.0.2.9")
SERVING = (
    *((host, name) for host in ("vm1", "vm2", "vm3") for name in ("c1", "c2", None)),
    ("outside", None),
)
TALKER = """
import random, socket, subprocess, sys, time
seconds, targets = float(sys.argv[1]), sys.argv[2:]
pings = [subprocess.Popen(["ping", "-n", "-q", "-i", "0.5", "-w", str(int(seconds)), t], stdout=-3) for t in targets]
ends, asked = time.monotonic() + seconds, 0
while time.monotonic() < ends:
    target = random.choice(targets)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(5); u.connect((target, 5353)); u.send(b"q%d" % asked); u.recv(99); u.close()
    t = socket.create_connection((target, 5353), 5); t.recv(9); t.close()
    asked += 1
    time.sleep(0.2)
for ping in pings: ping.wait()
print(asked)
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = labs.up(f"h{os.getpid()}", hosts=3, containers=2)
    servers = []
    try:
        for place in SERVING:
            argv = [*made.entry(*place), "python3", "-c", SERVER]
            servers.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        assert {server.stdout.readline() for server in servers if server.stdout} == {"up\n"}
        yield made
    finally:
        for server in servers:
            server.kill()
            server.wait()
            if server.stdout:
                server.stdout.close()
        labs.down(made.name)


def test_nothing_of_a_healthy_minute_is_called_lost(lab: Lab) -> None:
    with watched(lab, "ip or arp") as watcher:
        talkers = []
        for host, container in PLACES:
            argv = [*lab.entry(host, container), "python3", "-c", TALKER, str(SECONDS), *TARGETS]
            talkers.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        asked = [int(talker.communicate(timeout=SECONDS + 60)[0]) for talker in talkers]
        report = told(watcher)
    verdicts = Counter(row["verdict"] for row in report["packets"])
    odd = [row for row in report["packets"] if row["verdict"] in ("lost", "unanswered", "gap")]
    assert sum(asked) > SECONDS
    assert len(report["packets"]) > 10 * SECONDS
    assert report["drops"] == 0
    assert odd == [], (verdicts, odd[:3])
    assert verdicts["answered"] > verdicts["unknown"]
