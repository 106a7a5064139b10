"""Predicted ways are what packets do: between all places of a healthy network, and where each fault loses them."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.lab import FAULTS, Fault, Lab
from tests.lab.conftest import Run
from tests.lab.wayfarer import wayfared

pytestmark = [pytest.mark.lab, pytest.mark.cut]
PLACES = ("vm1:c1", "vm1:c2", "vm2:c1", "vm3:c2", "vm1", "vm2", "vm3")
ELSEWHERE = ("192.0.2.9", "10.239.1.1", "10.5.7.1")
"""A machine outside, an address of another host's bridge, the router."""
PAIRS = ("vm1:c1>vm2:c1", "vm2:c1>vm1:c1", "vm2:c1>vm3:c1", "vm2:c1>192.0.2.9")
NOT_MODELLED = {
    "A7B": "a machine that is not listed answers ARP, too: who is first cannot be known",
    "C4": "of two equal default routes the kernel prefers the one whose gateway answers ARP",
    "F3": "the lower device of a macvlan sees what its upper one sends, too",
    "F18": "rules inside containers are not read",
    "U1": "what a switch drops is seen by taps only",
    "L8": "what filters ARP is not read, and our own question passes it",
    "R21": "the TTL with which an answer from outside comes in is not known",
    "R23": "there is no container to send from",
}
"""Faults whose packets are predicted otherwise than they go, at least in one of the pairs, and why."""


def groups() -> list[list[str]]:
    """All pairs, by source."""
    found = [f"{a}>{b}" for a, b in itertools.product(PLACES, (*PLACES, *ELSEWHERE)) if a != b]
    found.remove("vm2>10.239.1.1")  # itself: nothing passes a tap
    return [list(group) for _, group in itertools.groupby(found, key=lambda pair: pair.split(">")[0])]


@pytest.mark.parametrize("pairs", groups(), ids=[group[0].split(">")[0] for group in groups()])
def test_healthy_ways_are_as_predicted(shared_lab: Lab, pairs: list[str]) -> None:
    for row in wayfared(shared_lab, *pairs):
        assert (row["works"], row["verdict"], row["predicted"]) == (True, "answered", True), row["text"]


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.id not in NOT_MODELLED], ids=lambda fault: fault.id)
def test_a_fault_loses_packets_where_it_was_predicted(shared_lab: Lab, fault: Fault) -> None:
    try:
        labs.break_(shared_lab.name, fault.id)
        for row in wayfared(shared_lab, *PAIRS):
            assert row["predicted"], row["text"]
            if row["verdict"] != "answered":
                assert not row["works"], row["text"]
                assert row["why"], row["text"]
    finally:
        labs.heal(shared_lab.name)


def test_times_between_hosts_are_as_right_as_they_say(shared_lab: Lab) -> None:
    """All hosts of a lab share the kernel's clock, so that whatever tells them apart is wrong."""
    rows = wayfared(shared_lab, "vm1:c1>vm2:c1", "vm2:c1>vm3:c1")
    rows += wayfared(shared_lab, "vm3:c1>vm1:c1")
    for row in rows:
        assert row["verdict"] == "answered", row["text"]
        assert len(row["clocks"]) == 16
        assert all(abs(apart) <= error for apart, error, _ in row["clocks"]), row["clocks"]
        far = [(apart, error, by_ssh) for apart, error, by_ssh in row["clocks"] if by_ssh]
        assert len(far) == 8
        assert all(error < by_ssh for _, error, by_ssh in far), row["clocks"]
        assert "±" in row["text"]


def test_what_is_not_modelled_is_a_fault() -> None:
    assert set(NOT_MODELLED) <= {fault.id for fault in FAULTS}


def test_path_and_trace_as_commands(shared_lab: Lab, hostgw: Run) -> None:
    where = ("--lab", shared_lab.name)
    text = hostgw(*where, "path", "vm1:c1", "vm2:c1", code=0).stdout
    assert "predicted: answered" in text
    assert "vm1/eth0 > vm2/eth0" in text
    report = json.loads(hostgw(*where, "trace", "vm1:c1", "vm2:c1", "--count", "2", "--json", code=0).stdout)
    assert [j["verdict"] for j in report["journeys"]] == ["answered"] * 2
    assert all(j["predicted"] for j in report["journeys"])
    first = report["journeys"][0]
    assert [s["ttl"] for s in first["request"]["sightings"]] == [64, 64, 64, 63, 63, 62, 62, 62]
    assert first["request"]["sightings"][3]["changed"] == ["mac", "ttl"]
    assert len(first["reply"]["sightings"]) == 8


def test_path_and_trace_of_what_is_lost(shared_lab: Lab, hostgw: Run) -> None:
    where = ("--lab", shared_lab.name)
    try:
        labs.break_(shared_lab.name, "F5")
        reason = "-P FORWARD DROP in filter FORWARD (nft) drops it on vm1"
        assert f"predicted: no answer: {reason}" in hostgw(*where, "path", "vm1:c1", "vm2:c1", code=1).stdout
        report = json.loads(hostgw(*where, "trace", "vm1:c1", "vm2:c1", "--json", code=1).stdout)
        (journey,) = report["journeys"]
        told = journey["reason"].removesuffix(" (kernel: NETFILTER_DROP)")  # only where its tracepoint can be read
        assert (journey["verdict"], told, journey["predicted"]) == ("lost", reason, True)
        assert journey["lost_after"] == {"host": "vm1", "interface": "br0"}
        assert journey["reply"]["sightings"] == []
    finally:
        labs.heal(shared_lab.name)


@pytest.mark.parametrize(
    ("target", "said"),
    [("198.51.100.9", "10.5.7.1 answers: network unreachable"), ("192.0.2.77", "no answer comes back")],
)
def test_what_comes_of_the_outside_instead_of_an_answer(shared_lab: Lab, hostgw: Run, target: str, said: str) -> None:
    text = hostgw("--lab", shared_lab.name, "trace", "vm1", target, code=1).stdout
    assert f"10.5.7.1 takes it, which is no listed host; {said}" in text


SERVER = """
import select, socket
tcp, udp = socket.create_server(("", 8080)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 5353))
print("up", flush=True)
while True:
    ready, _, _ = select.select([tcp, udp], [], [], 60)
    if tcp in ready:
        tcp.accept()[0].close()
    if udp in ready:
        udp.sendto(b"here", udp.recvfrom(99)[1])
    if not ready:
        break
"""


@pytest.fixture
def served(shared_lab: Lab) -> Iterator[Lab]:
    """c1 on vm2 answers TCP on port 8080 and UDP on port 5353."""
    argv = [*shared_lab.entry("vm2", "c1"), "python3", "-c", SERVER]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"up\n"
            yield shared_lab
        finally:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("protocol", "port", "verdict", "refused"),
    [("tcp", 8080, "answered", False), ("tcp", 81, "answered", True), ("udp", 5353, "answered", False),
     ("udp", 99, "delivered", True)],
)  # fmt: skip
def test_connections_and_datagrams(
    served: Lab, hostgw: Run, protocol: str, port: int, verdict: str, refused: bool
) -> None:
    words = ("trace", "vm1:c1", "vm2:c1", "--protocol", protocol, "--port", str(port))
    text = hostgw("--lab", served.name, *words, code=0).stdout
    assert f"{verdict}, as predicted" in text
    assert ("the port refuses" in text) is refused


def test_a_port_is_needed(shared_lab: Lab, hostgw: Run) -> None:
    done = hostgw("--lab", shared_lab.name, "path", "vm1:c1", "vm2:c1", "--protocol", "udp", code=2)
    assert "--protocol udp: it needs a port" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vm1:c9", "vm2"), "there is no container c9"),
        (("vm9", "vm2"), "there is no host vm9"),
        (("192.0.2.1", "vm2"), "A path begins at a listed host or container"),
        (("vm1", "vm1"), "Nothing would pass a tap"),
    ],
)
def test_ends_that_are_none_are_told(shared_lab: Lab, hostgw: Run, words: tuple[str, str], said: str) -> None:
    done = hostgw("--lab", shared_lab.name, "trace", *words, code=2)
    assert said in done.stderr
