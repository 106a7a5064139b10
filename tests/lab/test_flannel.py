"""Beside flannel: it heals what is missing by itself, never what is wrong; our fixes and its loop leave each other be.

`flanneld` is imitated: its process by name, its loops for routes (flannel, pkg/backend/route_network.go: a route that
is listed is left, any other of the prefix makes the add fail with EEXIST) and for rules (pkg/trafficmngr/iptables:
what is missing is appended), in a tenth of flannel's own 10 s and 5 s.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab

pytestmark = pytest.mark.lab
Run = Callable[..., subprocess.CompletedProcess[str]]

LOOP = """
echo $$ > /run/flanneld.pid
while sleep 1; do
    for peer in %(peers)s; do
        ip route add ${peer%%=*} via ${peer#*=} dev eth0 2>> /run/flanneld.log
    done
    iptables -w -t nat -C FLANNEL-POSTRTG %(rule)s || iptables -w -t nat -A FLANNEL-POSTRTG %(rule)s
done
"""
RULE = "-s {subnet} -d 10.239.0.0/16 -m comment --comment 'flanneld masq' -j RETURN"
REMOTE, OWNER, OTHER = "10.239.1.0/24", "10.5.7.61", "10.5.7.62"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts as flannel leaves them, with flannel running on each."""
    name = f"f{os.getpid()}"
    made = labs.up(name, hosts=3, containers=1, variant="flannel")
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.extend(start(made, host.name) for host in made.hosts)
        yield made
    finally:
        for host in made.hosts:
            made.exec(host.name, ["sh", "-c", "kill $(cat /run/flanneld.pid)"], capture_output=True)
        labs.down(name)
        for process in running:
            process.wait(10)


def start(lab: Lab, host: str) -> subprocess.Popen[bytes]:
    peers = " ".join(f"{each.subnet}={each.address}" for each in lab.hosts if each.name != host)
    rule = RULE.format(subnet=lab.host(host).subnet)
    lab.exec(host, ["ln", "-sf", "/bin/sh", "/run/flanneld"], check=True)
    argv = [*lab.entry(host), "/run/flanneld", "-c", LOOP % {"peers": peers, "rule": rule}]
    none = subprocess.DEVNULL
    process = subprocess.Popen(argv, stdin=none, stdout=none, stderr=none, start_new_session=True)
    until(lambda: bool(told(lab, host, "cat", "/run/flanneld.pid").strip()))
    return process


def told(lab: Lab, host: str, *argv: str) -> str:
    return str(lab.exec(host, argv, capture_output=True, text=True).stdout)


def until(fact: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def turns(lab: Lab, host: str) -> int:
    """How often flannel has been refused a route: once a turn for a prefix that has another."""
    return told(lab, host, "cat", "/run/flanneld.log").count("File exists")


def found(hostgw: Run, lab: Lab) -> list[dict[str, Any]]:
    report = json.loads(hostgw("--lab", lab.name, "check", "--json").stdout)
    return [each for each in report["findings"] if each["severity"] != "notice"]


def test_a_network_of_flannel_is_healthy(lab: Lab, hostgw: Run) -> None:
    assert found(hostgw, lab) == []


def test_a_missing_route_comes_back_by_itself(lab: Lab, hostgw: Run) -> None:
    lab.exec("vm1", ["ip", "route", "del", REMOTE], check=True)
    until(lambda: OWNER in told(lab, "vm1", "ip", "route", "show", REMOTE))
    assert found(hostgw, lab) == []


def test_a_wrong_route_stays_until_it_is_fixed_and_the_plan_says_whose_it_is(lab: Lab, hostgw: Run) -> None:
    lab.exec("vm1", ["ip", "route", "replace", REMOTE, "via", OTHER], check=True)
    seen = turns(lab, "vm1")
    until(lambda: turns(lab, "vm1") > seen + 3)
    (finding,) = found(hostgw, lab)
    assert finding["code"] == "route-wrong-next-hop"
    assert finding["fix"]["class"] == 2
    shown = hostgw("--lab", lab.name, "fix", "--dry-run", code=0).stdout
    assert "flannel (adds a missing route within 10 s, but leaves a wrong one of the same prefix as it is)" in shown
    hostgw("--lab", lab.name, "fix", "--yes", "--watch", "4", code=0)
    assert OWNER in told(lab, "vm1", "ip", "route", "show", REMOTE)
    assert found(hostgw, lab) == []


def test_a_part_that_shadows_is_nothing_to_flannel(lab: Lab, hostgw: Run) -> None:
    lab.exec("vm1", ["ip", "route", "add", "10.239.1.128/25", "via", OTHER], check=True)
    (finding,) = found(hostgw, lab)
    assert finding["code"] == "route-shadowed"
    hostgw("--lab", lab.name, "fix", "--yes", "--watch", "4", code=0)
    assert found(hostgw, lab) == []


def test_rules_are_neither_lost_nor_doubled(lab: Lab, hostgw: Run) -> None:
    """The rule that exempts traffic between containers goes; flannel appends it behind MASQUERADE: too late."""
    rule = shlex.split(RULE.format(subnet="10.239.0.0/24"))
    lab.exec("vm1", ["iptables", "-w", "-t", "nat", "-D", "FLANNEL-POSTRTG", *rule], check=True)
    until(lambda: "-s 10.239.0.0/24 -d 10.239.0.0/16" in told(lab, "vm1", "iptables", "-t", "nat", "-S"))
    assert [each["code"] for each in found(hostgw, lab)] == ["masquerade-between-containers"]
    hostgw("--lab", lab.name, "fix", "--yes", "--watch", "4", code=0)
    assert found(hostgw, lab) == []
    rules = told(lab, "vm1", "iptables", "-t", "nat", "-S", "FLANNEL-POSTRTG")
    assert rules.count("-s 10.239.0.0/24 -d 10.239.0.0/16") == 1


def test_the_imitation_is_known_as_flannel(lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    hostgw("--lab", lab.name, "snapshot", "-o", str(path), code=0)
    assert '"flanneld"' in path.read_text()
