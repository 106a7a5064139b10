"""Where packets are lost and why: faults of which the truth is known, with exact counts.

The kernel's tracepoint is the machine's: what labs beside this one drop is seen here, too. So a test asks for the
right reason at the right place, not that nobody else drops anything.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.capture.frames import ICMP
from hostgw.lab import Lab
from tests.lab.watcher import told, watched

pytestmark = pytest.mark.lab
ROUTE = ("10.239.1.0/24", "via", "10.5.7.61", "dev", "eth0")


def echoes(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return all echoes so far; `request` tells requests from replies."""
    report = told(process)
    assert set(report["blind"].values()) == {""}, "a kernel does not tell of drops"
    found = [row for row in report["packets"] if row["protocol"] == ICMP and row["kind"] in (0, 8)]
    return [{**row, "request": row["kind"] == 8} for row in found]


def explained(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return all echoes when the kernel has said why each lost one was dropped; it says so a little later."""
    for _ in range(40):
        rows = echoes(process)
        if all(row["reason"] for row in rows if row["verdict"] == "lost"):
            break
        time.sleep(0.25)
    return rows


def ping(lab: Lab, *words: str, count: int = 20, to: str = "10.239.1.2") -> None:
    argv = ["ping", "-n", "-c", str(count), "-i", "0.05", "-W", "1", *words, to]
    lab.exec("vm1", argv, "c1", capture_output=True, check=False)


def run(lab: Lab, host: str, *argv: str, container: str | None = None) -> None:
    lab.exec(host, list(argv), container, capture_output=True, check=True)


def observed(lab: Lab, *words: str, count: int = 20, to: str = "10.239.1.2") -> tuple[Counter[Any], Counter[Any]]:
    """Ping, and return how many requests and replies became what, where they were lost, and why."""
    with watched(lab) as process:
        ping(lab, *words, count=count, to=to)
        rows = explained(process)
    found: tuple[Counter[Any], Counter[Any]] = Counter(), Counter()
    for row in rows:
        place = row["last"] if row["verdict"] in ("lost", "unanswered") else ""
        found[not row["request"]][row["verdict"], place] += 1
        assert row["verdict"] != "lost" or row["reason"], row
    for counter in found:
        counter.reasons = sorted({row["reason"] for row in rows if row["reason"]})  # type: ignore[attr-defined]
    return found


def reasons(counter: Counter[Any]) -> str:
    return " / ".join(counter.reasons)  # type: ignore[attr-defined]


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    yield shared_lab
    labs.heal(shared_lab.name)


def nth(every: int) -> tuple[str, ...]:
    return ("-p", "icmp", "-m", "statistic", "--mode", "nth", "--every", str(every), "--packet", "0", "-j", "DROP")


def test_nothing_is_lost_in_a_healthy_network(lab: Lab) -> None:
    requests, replies = observed(lab, count=100)
    assert requests == {("answered", ""): 100}
    assert replies == {("delivered", ""): 100}


def test_a_rule_of_forward_for_every_fourth(lab: Lab) -> None:
    """Both directions pass the rule: request and reply in turn, so the fourth is always a reply."""
    run(lab, "vm1", "iptables", "-I", "FORWARD", "-s", "10.239.0.2", *nth(4))
    requests, _ = observed(lab, count=20)
    assert requests == {("answered", ""): 15, ("lost", "vm1/br0"): 5}
    assert "NETFILTER_DROP" in reasons(requests)


def test_replies_that_a_rule_drops_on_their_way_back(lab: Lab) -> None:
    run(lab, "vm1", "iptables", "-I", "FORWARD", "-d", "10.239.0.2", *nth(4))
    _, replies = observed(lab, count=20)
    assert replies == {("delivered", ""): 15, ("lost", "vm1/eth0"): 5}
    assert "a filter rule drops it (NETFILTER_DROP" in reasons(replies)


def test_a_rule_in_the_raw_table_of_the_other_host_for_every_fifth(lab: Lab) -> None:
    run(lab, "vm2", "iptables", "-t", "raw", "-I", "PREROUTING", "-s", "10.239.0.2", *nth(5))
    requests, _ = observed(lab, count=20)
    assert requests == {("answered", ""): 16, ("lost", "vm2/eth0"): 4}
    assert "NETFILTER_DROP" in reasons(requests)


def test_a_rule_inside_the_target_leaves_it_delivered_and_unanswered(lab: Lab) -> None:
    run(lab, "vm2", "iptables", "-I", "INPUT", *nth(3), container="c1")
    requests, replies = observed(lab, count=21)
    assert requests == {("answered", ""): 14, ("unanswered", "vm2/c1/eth0"): 7}
    assert replies == {("delivered", ""): 14}


def test_a_blackhole_route_is_named_by_the_route_table(lab: Lab) -> None:
    run(lab, "vm1", "ip", "route", "del", *ROUTE)
    run(lab, "vm1", "ip", "route", "add", "blackhole", "10.239.1.0/24")
    requests, _ = observed(lab)
    assert requests == {("lost", "vm1/br0"): 20}
    assert "a blackhole route swallows it" in reasons(requests)


def test_a_port_of_the_switch_that_is_detached() -> None:
    """It goes dead between the hosts: nobody there can say why, only that it left and did not come.

    With a third host the switch would flood it there, for it knows the MAC no more.
    """
    lab = labs.up(f"d{os.getpid()}", hosts=2, containers=1)
    try:
        rows = _detached(lab)
    finally:
        labs.down(lab.name)
    lost = [row for row in rows if row["request"] and row["verdict"] == "lost"]
    assert {row["last"] for row in lost} == {"vm1/eth0"}
    assert len(lost) == 20


def _detached(lab: Lab) -> list[dict[str, Any]]:
    with watched(lab) as process:
        run(lab, "vm1", "ping", "-c", "1", "10.239.1.2", container="c1")
        switch = lab.entry("switch")
        port = subprocess.run(
            [*switch, "ip", "-o", "link", "show", "type", "veth"], capture_output=True, text=True, check=True
        ).stdout
        name = next(line.split()[1].split("@")[0] for line in port.splitlines() if "vm2" in line)
        subprocess.run([*switch, "ip", "link", "set", name, "nomaster"], check=True)
        ping(lab)
        return echoes(process)


def test_a_ttl_of_two_comes_back_as_an_error_of_the_second_host(lab: Lab) -> None:
    requests, _ = observed(lab, "-t", "2", count=10)
    assert requests == {("lost", "vm2/eth0"): 10}
    assert "10.5.7.61 says time exceeded" in reasons(requests)


def test_forwarding_that_is_off(lab: Lab) -> None:
    run(lab, "vm1", "sysctl", "-qw", "net.ipv4.ip_forward=0")
    requests, _ = observed(lab)
    assert requests == {("lost", "vm1/br0"): 20}
    assert "forwarding is off on vm1" in reasons(requests)
    assert "IP_INADDRERRORS" in reasons(requests)


def test_a_strict_reverse_path_filter_with_a_wrong_route_back(lab: Lab) -> None:
    run(lab, "vm2", "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
    run(lab, "vm2", "ip", "route", "replace", "10.239.0.0/24", "dev", "br0")
    requests, _ = observed(lab)
    assert requests == {("lost", "vm2/eth0"): 20}
    assert "rp_filter=1 on vm2" in reasons(requests)
    assert "IP_RPFILTER" in reasons(requests)


def test_a_container_that_is_not_there(lab: Lab) -> None:
    requests, _ = observed(lab, "-W", "4", count=3, to="10.239.1.77")  # ARP gives up after three seconds
    assert requests == {("lost", "vm2/eth0"): 3}
    assert "says host unreachable" in reasons(requests)
    assert "NEIGH_FAILED" in reasons(requests)
