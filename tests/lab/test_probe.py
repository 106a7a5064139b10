"""Active checks between real hosts: who answers, how far it was, which source arrives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.cli_hosts import processes
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab
Report = dict[str, Any]


def probed(hostgw: Run, lab: Lab, *more: str, code: int = 0) -> Report:
    report: Report = json.loads(hostgw("--lab", lab.name, "check", "--probe", "--json", *more, code=code).stdout)
    return report


@contextmanager
def broken(lab: Lab, *faults: str) -> Iterator[None]:
    try:
        for fault in faults:
            labs.break_(lab.name, fault)
        yield
    finally:
        labs.heal(lab.name)


def run(lab: Lab, place: str, *argv: str) -> None:
    host, _, container = place.partition("/")
    lab.exec(host, argv, container or None, check=True, capture_output=True)


def between(report: Report, source: str, destination: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        p for p in report["probes"] if (p["source"], p["destination"]) == (source, destination)
    )
    return found


def test_a_healthy_lab_answers_every_probe(shared_lab: Lab, hostgw: Run) -> None:
    before = labs.state(shared_lab)
    report = probed(hostgw, shared_lab, "--read-only")
    assert (report["findings"], report["not_probed"], len(report["probes"])) == ([], [], 9)
    assert {p["verdict"] for p in report["probes"]} == {"answered"}
    there = [p for p in report["probes"] if p["source"].split()[-1] != p["destination"].split()[1]]
    for probe in [p for p in there if " itself" not in p["destination"]]:
        assert (probe["sent"], probe["received"], probe["ttl"], probe["observed_ttl"]) == (3, 3, 62, 62)
        assert probe["observed_source"] == probe["source_address"]
        assert (probe["size"], probe["largest"]) == (1500, 1500)
        source, destination = probe["source"].split()[-1], probe["destination"].split()[-1]
        assert probe["requested_at"] == [
            f"c1 on {source} eth0", f"{source} veth-c1", f"{source} br0", f"{source} eth0",
            f"{destination} eth0", f"{destination} br0", f"{destination} veth-c1", f"c1 on {destination} eth0",
        ]  # fmt: skip
    assert labs.differences(before, labs.state(shared_lab)) == []
    text = hostgw("--lab", shared_lab.name, "check", "--probe", "--probe-limit", "2", code=0).stdout
    assert "probes: 5 of 5 answered, sources and hops as expected, up to 1500 bytes" in text


def test_without_the_option_no_packet_is_sent(shared_lab: Lab, hostgw: Run) -> None:
    def echoes() -> str:
        text = shared_lab.exec(
            "vm2", ["cat", "/proc/net/snmp"], "c1", capture_output=True, text=True, check=True
        ).stdout
        names, values = [line.split() for line in text.splitlines() if line.startswith("Icmp:")]
        return dict(zip(names, values, strict=True))["InEchos"]

    before = echoes()
    with broken(shared_lab, "R4"):
        report = json.loads(hostgw("--lab", shared_lab.name, "check", "--json", code=1).stdout)
        assert report["probes"] == []
    assert echoes() == before


def test_a_detour_shows_in_the_ttl(shared_lab: Lab, hostgw: Run) -> None:
    with broken(shared_lab, "R4"):
        report = probed(hostgw, shared_lab, code=1)
    (found,) = report["findings"]
    assert "probe c1 on vm1 -> c1 on vm2: request TTL 61: one more hop than expected" in found["evidence"]
    assert "probe c1 on vm2 -> c1 on vm1: reply TTL 61: one more hop than expected" in found["evidence"]
    assert between(report, "c1 on vm1", "c1 on vm2")["verdict"] == "detour"
    assert between(report, "c1 on vm1", "c1 on vm3")["verdict"] == "answered"


def test_no_reply_joins_the_finding_that_explains_it(shared_lab: Lab, hostgw: Run) -> None:
    with broken(shared_lab, "F1"):
        report = probed(hostgw, shared_lab, code=1)
    (found,) = report["findings"]
    assert found["code"] == "forwarding-off"
    assert "probe c1 on vm1 -> c1 on vm2: no reply (3 sent)" in found["evidence"]
    assert any("dropping now: " in text and "(IpInAddrErrors)" in text for text in found["evidence"])
    assert between(report, "c1 on vm2", "vm2 itself")["verdict"] == "answered"


def test_a_rewritten_source_is_observed(shared_lab: Lab, hostgw: Run) -> None:
    with broken(shared_lab, "N3"):
        report = probed(hostgw, shared_lab, code=1)
    (found,) = report["findings"]
    probe = between(report, "c1 on vm1", "c1 on vm2")
    assert (probe["observed_source"], probe["verdict"]) == ("10.5.7.60", "source-rewritten")
    assert any("its source is 10.5.7.60 there" in text for text in found["evidence"])
    assert any("rewriting now: " in text for text in found["evidence"])


def test_a_counter_witnesses_without_probes(shared_lab: Lab, hostgw: Run) -> None:
    """Somebody's packets are dropped while the check runs."""
    address = str(shared_lab.host("vm3").container_address("c1"))
    argv = [*shared_lab.entry("vm1", "c1"), "ping", "-i", "0.1", "-W", "1", address]
    group = {"stdout": subprocess.DEVNULL, "start_new_session": True}
    with broken(shared_lab, "F5"), subprocess.Popen(argv, **group) as ping:  # type: ignore[call-overload]
        try:
            found = json.loads(hostgw("--lab", shared_lab.name, "check", "--json", code=1).stdout)["findings"]
        finally:
            os.killpg(ping.pid, signal.SIGKILL)  # nsenter, and what it started in the host's own processes
    evidence = [text for each in found if each["code"] == "forward-dropped" for text in each["evidence"]]
    assert any("dropping now: " in text and "-P FORWARD DROP" in text for text in evidence), found


def test_where_nothing_explains_it_the_probe_is_the_finding(shared_lab: Lab, hostgw: Run) -> None:
    with broken(shared_lab, "F18"):
        (found,) = probed(hostgw, shared_lab, code=1)["findings"]
        assert found["id"] == "probe-unanswered/vm2/10.239.1.2"
        assert any("last seen at c1 on vm2 eth0, no reply was seen" in text for text in found["evidence"])
        assert json.loads(hostgw("--lab", shared_lab.name, "check", "--json", code=0).stdout)["findings"] == []


def test_hosts_without_containers_probe_from_their_bridge(hostgw: Run) -> None:
    lab = labs.up("probebare", hosts=2, containers=0)
    try:
        report = probed(hostgw, lab)
        assert {(p["source"], p["verdict"], p["ttl"]) for p in report["probes"]} == {
            ("vm1 itself", "answered", 64), ("vm2 itself", "answered", 64),
        }  # fmt: skip
        run(lab, "vm2", "ip", "address", "flush", "dev", "br0")
        report = probed(hostgw, lab, code=1)
        assert report["not_probed"] == ["vm2 was not probed: it has no container, and no bridge with an address"]
    finally:
        labs.down(lab.name)


def test_a_host_that_goes_meanwhile(shared_lab: Lab, hostgw: Run) -> None:
    """Its sshd is killed while it listens: nothing is said of its probes, and all else is told."""
    gone = threading.Event()

    def kill() -> None:
        until = time.monotonic() + 20
        while not gone.is_set() and time.monotonic() < until:
            sockets = shared_lab.exec("vm2", ["cat", "/proc/net/packet"], capture_output=True, text=True).stdout
            if len(sockets.splitlines()) > 1:
                pids = [line.split()[0] for line in processes(shared_lab, "vm2", "sshd")]
                shared_lab.exec("vm2", ["kill", "-9", *pids], check=False, capture_output=True)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        done = hostgw("--lab", shared_lab.name, "check", "--probe", "--json")
    finally:
        gone.set()
        killer.join()
        labs.heal(shared_lab.name)
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"]) == (4, [])
    assert between(report, "c1 on vm1", "c1 on vm3")["verdict"] == "answered"
    told = {p["verdict"] for p in report["probes"] if "vm2" in p["source"]}
    assert told <= {"answered", "not-sent", "partly-answered"}
