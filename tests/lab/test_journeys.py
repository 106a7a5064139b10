"""What every tap of every host sees of a packet, against the truth: MACs, addresses, TTL, direction, by the lab's plan.

The ways are those of a host-gw network: between containers, to and from the outside by SNAT, hairpins, the host itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.capture.frames import ARP, ICMP, ICMPV6, TCP, UDP
from hostgw.lab import Lab
from tests.lab.watcher import told, watched

pytestmark = pytest.mark.lab
C1, C2, REMOTE, OUTSIDE, EXTERNAL = "10.239.0.2", "10.239.0.3", "10.239.1.2", "192.0.2.9", "10.5.7.200"
VM1, VM2 = "10.5.7.60", "10.5.7.61"
PORT = 5353
SERVER = f"""
import select, socket
tcp, udp = socket.create_server(("", {PORT})), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", {PORT}))
udp.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: the answer comes from the address that was asked
print("up", flush=True)
while select.select([tcp, udp], [], [], 120)[0]:
    ready = select.select([tcp, udp], [], [], 0)[0]
    if tcp in ready:
        tcp.accept()[0].close()
    if udp in ready:
        _, (control,), _, sender = udp.recvmsg(99, 99)
        udp.sendmsg([b"here"], [(0, 8, bytes(4) + control[2][4:8] + bytes(4))], 0, sender)
"""
ASK = f"""
import socket, sys
kind, target = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((target, {PORT}))
if kind == "udp":
    s.send(b"who")
    s.recv(99)
"""
KINDS = {"icmp": ICMP, "udp": UDP, "tcp": TCP}

TO_REMOTE = f"""
vm1/c1/eth0 out vm1/c1/eth0 vm1/br0     {C1} {REMOTE} 64
vm1/veth-c1 in  vm1/c1/eth0 vm1/br0     {C1} {REMOTE} 64
vm1/br0     in  vm1/c1/eth0 vm1/br0     {C1} {REMOTE} 64
vm1/eth0    out vm1/eth0    vm2/eth0    {C1} {REMOTE} 63
vm2/eth0    in  vm1/eth0    vm2/eth0    {C1} {REMOTE} 63
vm2/br0     out vm2/br0     vm2/c1/eth0 {C1} {REMOTE} 62
vm2/veth-c1 out vm2/br0     vm2/c1/eth0 {C1} {REMOTE} 62
vm2/c1/eth0 in  vm2/br0     vm2/c1/eth0 {C1} {REMOTE} 62
"""
FROM_REMOTE = f"""
vm2/c1/eth0 out vm2/c1/eth0 vm2/br0     {REMOTE} {C1} 64
vm2/veth-c1 in  vm2/c1/eth0 vm2/br0     {REMOTE} {C1} 64
vm2/br0     in  vm2/c1/eth0 vm2/br0     {REMOTE} {C1} 64
vm2/eth0    out vm2/eth0    vm1/eth0    {REMOTE} {C1} 63
vm1/eth0    in  vm2/eth0    vm1/eth0    {REMOTE} {C1} 63
vm1/br0     out vm1/br0     vm1/c1/eth0 {REMOTE} {C1} 62
vm1/veth-c1 out vm1/br0     vm1/c1/eth0 {REMOTE} {C1} 62
vm1/c1/eth0 in  vm1/br0     vm1/c1/eth0 {REMOTE} {C1} 62
"""
TO_OUTSIDE = f"""
vm1/c1/eth0 out vm1/c1/eth0 vm1/br0      {C1}  {OUTSIDE} 64
vm1/veth-c1 in  vm1/c1/eth0 vm1/br0      {C1}  {OUTSIDE} 64
vm1/br0     in  vm1/c1/eth0 vm1/br0      {C1}  {OUTSIDE} 64
vm1/eth0    out vm1/eth0    gateway/eth0 {VM1} {OUTSIDE} 63
"""
FROM_OUTSIDE = f"""
vm1/eth0    in  gateway/eth0 vm1/eth0    {OUTSIDE} {VM1} 63
vm1/br0     out vm1/br0      vm1/c1/eth0 {OUTSIDE} {C1}  62
vm1/veth-c1 out vm1/br0      vm1/c1/eth0 {OUTSIDE} {C1}  62
vm1/c1/eth0 in  vm1/br0      vm1/c1/eth0 {OUTSIDE} {C1}  62
"""
TO_OTHER_HOST = f"""
vm1/c1/eth0 out vm1/c1/eth0 vm1/br0  {C1}  {VM2} 64
vm1/veth-c1 in  vm1/c1/eth0 vm1/br0  {C1}  {VM2} 64
vm1/br0     in  vm1/c1/eth0 vm1/br0  {C1}  {VM2} 64
vm1/eth0    out vm1/eth0    vm2/eth0 {VM1} {VM2} 63
vm2/eth0    in  vm1/eth0    vm2/eth0 {VM1} {VM2} 63
"""
TO_OWN_HOST = f"""
vm1/c1/eth0 out vm1/c1/eth0 vm1/br0 {C1} {VM1} 64
vm1/veth-c1 in  vm1/c1/eth0 vm1/br0 {C1} {VM1} 64
vm1/br0     in  vm1/c1/eth0 vm1/br0 {C1} {VM1} 64
"""
TO_NEIGHBOUR = f"""
vm1/c1/eth0 out vm1/c1/eth0 vm1/c2/eth0 {C1} {C2} 64
vm1/veth-c1 in  vm1/c1/eth0 vm1/c2/eth0 {C1} {C2} 64
vm1/veth-c2 out vm1/c1/eth0 vm1/c2/eth0 {C1} {C2} 64
vm1/c2/eth0 in  vm1/c1/eth0 vm1/c2/eth0 {C1} {C2} 64
"""
FROM_EXTERNAL = f"""
ext1/eth0   out ext1/eth0 vm1/eth0    {EXTERNAL} {C1} 64
vm1/eth0    in  ext1/eth0 vm1/eth0    {EXTERNAL} {C1} 64
vm1/br0     out vm1/br0   vm1/c1/eth0 {EXTERNAL} {C1} 63
vm1/veth-c1 out vm1/br0   vm1/c1/eth0 {EXTERNAL} {C1} 63
vm1/c1/eth0 in  vm1/br0   vm1/c1/eth0 {EXTERNAL} {C1} 63
"""
HAIRPIN = f"""
ext1/eth0   out ext1/eth0 vm1/eth0    {EXTERNAL} {REMOTE} 64
vm1/eth0    in  ext1/eth0 vm1/eth0    {EXTERNAL} {REMOTE} 64
vm1/eth0    out vm1/eth0  vm2/eth0    {VM1}      {REMOTE} 63
vm2/eth0    in  vm1/eth0  vm2/eth0    {VM1}      {REMOTE} 63
vm2/br0     out vm2/br0   vm2/c1/eth0 {VM1}      {REMOTE} 62
vm2/veth-c1 out vm2/br0   vm2/c1/eth0 {VM1}      {REMOTE} 62
vm2/c1/eth0 in  vm2/br0   vm2/c1/eth0 {VM1}      {REMOTE} 62
"""
FROM_HOST = f"""
vm1/eth0    out vm1/eth0 vm2/eth0    {VM1} {REMOTE} 64
vm2/eth0    in  vm1/eth0 vm2/eth0    {VM1} {REMOTE} 64
vm2/br0     out vm2/br0  vm2/c1/eth0 {VM1} {REMOTE} 63
vm2/veth-c1 out vm2/br0  vm2/c1/eth0 {VM1} {REMOTE} 63
vm2/c1/eth0 in  vm2/br0  vm2/c1/eth0 {VM1} {REMOTE} 63
"""
Case = tuple[str, str | None, str, str, str]
CASES: dict[str, Case] = {
    "remote container": ("vm1", "c1", REMOTE, TO_REMOTE, FROM_REMOTE),
    "outside, rule 2": ("vm1", "c1", OUTSIDE, TO_OUTSIDE, FROM_OUTSIDE),
    "another host's NIC": ("vm1", "c1", VM2, TO_OTHER_HOST, ""),
    "its own host's NIC": ("vm1", "c1", VM1, TO_OWN_HOST, ""),
    "same host": ("vm1", "c1", C2, TO_NEIGHBOUR, ""),
    "from external, rule 3": ("ext1", None, C1, FROM_EXTERNAL, ""),
    "through this host, rule 4": ("ext1", None, REMOTE, HAIRPIN, ""),
    "from the host itself": ("vm1", None, REMOTE, FROM_HOST, ""),
}
"""From where, to where, the way there; and back where it is told."""
SERVING = (("vm2", "c1"), ("vm1", "c1"), ("vm1", "c2"), ("vm1", None), ("vm2", None), ("outside", None))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = labs.up(f"j{os.getpid()}", hosts=2, containers=2, external=True)
    servers = []
    try:
        run(made, "ext1", "ip", "route", "replace", "10.239.1.0/24", "via", VM1)
        run(made, "vm1", "sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
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


def run(lab: Lab, host: str, *argv: str, container: str | None = None) -> str:
    return subprocess.run(
        [*lab.entry(host, container), *argv], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def macs(lab: Lab) -> dict[str, str]:
    """Return the MAC of every device by its name, ``vm1/c1/eth0``."""
    found = {}
    places = [
        ("vm1", None),
        ("vm1", "c1"),
        ("vm1", "c2"),
        ("vm2", None),
        ("vm2", "c1"),
        ("ext1", None),
        ("gateway", None),
    ]
    for host, container in places:
        for link in json.loads(run(lab, host, "ip", "-j", "link", container=container)):
            name = f"{host}/{container}/{link['ifname']}" if container else f"{host}/{link['ifname']}"
            found[name] = link.get("address", "")
    return found


def truth(way: str, known: dict[str, str]) -> list[list[Any]]:
    rows = (line.split() for line in way.strip().splitlines())
    return [[tap, to, known[a], known[b], source, target, int(ttl)] for tap, to, a, b, source, target, ttl in rows]


def way(packet: dict[str, Any]) -> list[list[Any]]:
    return [row[:7] for row in packet["sightings"]]


def ask(lab: Lab, host: str, container: str | None, kind: str, target: str) -> None:
    argv = ["ping", "-n", "-c", "1", "-W", "5", target] if kind == "icmp" else ["python3", "-c", ASK, kind, target]
    run(lab, host, *argv, container=container)


@pytest.mark.parametrize("kind", KINDS)
def test_every_tap_sees_what_is_true(lab: Lab, kind: str) -> None:
    known = macs(lab)
    with watched(lab, f"{kind} or icmp" if kind != "icmp" else "icmp") as watcher:
        for host, container, target, *_ in CASES.values():
            ask(lab, host, container, kind, target)
        report = told(watcher)
    assert report["drops"] == 0
    packets = {row["links"][0]: row for row in report["packets"]}
    for name, (_, _, _, there, back) in CASES.items():
        expected = truth(there, known)
        asked = [row for row in packets.values() if row["protocol"] == KINDS[kind] and way(row) == expected]
        assert asked, (name, expected, [way(row) for row in packets.values() if row["protocol"] == KINDS[kind]])
        assert asked[0]["verdict"] == "answered", name
        assert asked[0]["ambiguous"] == 0, name
        if back:
            assert way(packets[asked[0]["links"][2]]) == truth(back, known), name


def test_the_first_packet_of_a_way_waits_for_three_exchanges_of_arp(lab: Lab) -> None:
    for host, container in (("vm1", "c1"), ("vm1", None), ("vm2", None), ("vm2", "c1")):
        for name in ("eth0", *(("br0",) if container is None else ())):
            run(lab, host, "ip", "neigh", "flush", "dev", name, container=container)
    with watched(lab) as watcher:
        ask(lab, "vm1", "c1", "icmp", REMOTE)
        packets = told(watcher)["packets"]
    asked = [row for row in packets if row["ethertype"] == ARP and row["kind"] == 1 and row["verdict"] == "answered"]
    ends = {tuple(row["sightings"][0][4:6]) for row in asked}
    assert {(C1, "10.239.0.1"), (VM1, VM2), ("10.239.1.1", REMOTE)} <= ends
    assert not any({row[0].split("/")[0] for row in packet["sightings"]} == {"vm1", "vm2"} for packet in asked
                   if packet["sightings"][0][4] == C1), "ARP never crosses a router"  # fmt: skip


def test_ports_and_ids_that_nat_rewrites(lab: Lab) -> None:
    """Two containers of one host ask the outside from the same port: one of them gets another."""
    send = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5600)); s.settimeout(5); s.connect(("{OUTSIDE}", {PORT}))
for n in range(5): s.send(b"who"); s.recv(99)
"""
    with watched(lab, "udp") as watcher:
        both = [subprocess.Popen([*lab.entry("vm1", name), "python3", "-c", send]) for name in ("c1", "c2")]
        assert [process.wait(60) for process in both] == [0, 0]
        packets = told(watcher)["packets"]
    asked = [row for row in packets if row["sightings"][0][4] in (C1, C2) and row["sightings"][0][5] == OUTSIDE]
    assert len(asked) == 10
    assert {row["verdict"] for row in asked} == {"answered"}
    outer = {row["sightings"][0][4]: row["sightings"][3][7] for row in asked}
    assert len(set(outer.values())) == 2, outer
    for row in asked:
        first, last = row["sightings"][0], row["sightings"][3]
        assert (first[7], last[4], last[7]) == (5600, VM1, outer[first[4]])


def test_multicast_stays_on_its_bridge(lab: Lab) -> None:
    send = 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"all", ("239.1.2.3", 99))'
    with watched(lab, "udp") as watcher:
        run(lab, "vm1", "python3", "-c", send, container="c1")
        packets = [row for row in told(watcher)["packets"] if row["sightings"][0][5] == "239.1.2.3"]
    (packet,) = packets
    seen = {row[0] for row in packet["sightings"]}
    assert {"vm1/c1/eth0", "vm1/veth-c1", "vm1/veth-c2", "vm1/c2/eth0"} <= seen
    assert not any(name.startswith(("vm2", "ext1")) or name == "vm1/eth0" for name in seen)
    assert packet["verdict"] != "lost"


def test_packets_of_ipv6_are_followed_and_judged(lab: Lab) -> None:
    made = labs.up(f"k{os.getpid()}", hosts=2, containers=1, variant="dual-stack")
    try:
        with watched(made, "ip6") as watcher:
            run(made, "vm1", "ping", "-6", "-c", "3", "-i", "0.2", "fd00:239:0:2::2", container="c1")
            packets = told(watcher)["packets"]
    finally:
        labs.down(made.name)
    pings = [row for row in packets if row["protocol"] == ICMPV6 and row["kind"] == 128]
    assert [row["verdict"] for row in pings] == ["answered"] * 3
    assert [[seen[6] for seen in row["sightings"]] for row in pings] == [[64, 64, 64, 63, 63, 62, 62, 62]] * 3
    replies = [row for row in packets if row["protocol"] == ICMPV6 and row["kind"] == 129]
    assert [row["verdict"] for row in replies] == ["delivered"] * 3
    solicited = [row for row in packets if row["kind"] == 135 and row["sightings"][0][4].startswith("fd00")]
    assert solicited
    assert {row["verdict"] for row in solicited} == {"answered"}
