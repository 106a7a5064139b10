"""Packets between two ports of one bridge: the evaluator agrees with br_netfilter."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from hostgw.agent import filters
from hostgw.fabric import NamespaceState
from hostgw.model.ip import address_number
from hostgw.model.kernel import Filter, Link, Sysctl
from hostgw.paths.netfilter import Flow, Verdict, bridged
from hostgw.wire import Section
from tests.lab.agent_rig import Nets, run
from tests.lab.netfilter_rig import ARP, CLIENT_MAC, IP, SECONDS, SERVER_MAC, datagram, ethernet, inside, restore

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

CALLS = "net/bridge/bridge-nf-call-iptables"
FLOW = Flow(address_number("10.1.0.2"), address_number("10.1.0.3"), "b0", "b0", "udp", 1234, 80)
LINKS = (Link(1, "lo", "loopback"), Link(2, "b0", "bridge"), Link(3, "p0", "veth"), Link(4, "p1", "veth"))
IPTABLES = (
    "-A FORWARD -j DROP",
    "-A FORWARD -i b0 -o b0 -j DROP",
    "-A FORWARD -i p0 -j DROP",
    "-A FORWARD -m physdev --physdev-in p0 -j DROP",
    "-A FORWARD -m physdev ! --physdev-in p0 -j DROP",
    "-A FORWARD -m physdev --physdev-out p1 --physdev-is-bridged -j DROP",
    "-A FORWARD -m physdev --physdev-out p0 -j DROP",
    "-A FORWARD -m physdev ! --physdev-is-bridged -j DROP",
    "-A FORWARD -m physdev --physdev-is-in --physdev-is-out -j DROP",
)
NATIVE = (
    "table inet t { chain c { type filter hook forward priority 0; iifname b0 drop; }; }",
    "table ip t { chain c { type filter hook prerouting priority 0; iifname p0 drop; }; }",
    "table ip t { chain c { type filter hook postrouting priority 0; oifname b0 ip daddr 10.1.0.3 drop; }; }",
    "table bridge t { chain c { type filter hook forward priority 0; iifname p0 oifname p1 ip protocol udp drop; }; }",
    "table bridge t { chain c { type filter hook prerouting priority 0; iifname b0 drop; }; }",
    "table bridge t { chain c { type filter hook input priority 0; drop; }; }",
)


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.add("left", "host", "right")
        made.ip("host", "link add b0 up type bridge")
        for short, port, mac in (("left", "p0", CLIENT_MAC), ("right", "p1", SERVER_MAC)):
            run("ip", "link", "add", "e0", "address", mac, "netns", made.name(short), "type", "veth", "peer", port,
                "netns", made.name("host"))  # fmt: skip
            made.ip(short, "link set e0 up arp off")
            made.ip("host", f"link set {port} master b0 up")
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)})  # so that frames are handled in the order sent
        yield made
        os.sched_setaffinity(0, cpus)


def opened(nets: Nets, short: str) -> socket.socket:
    with inside(nets.name(short)):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    made.bind(("e0", 3))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@qq", SECONDS, 0))
    return made


def arrives(nets: Nets) -> bool:
    """Send the packet, then an ARP frame that no rule looks at; tell whether the packet came before it."""
    with opened(nets, "left") as left, opened(nets, "right") as right:
        left.send(ethernet(SERVER_MAC, IP) + datagram(FLOW, 7))
        left.send(ethernet(SERVER_MAC, ARP) + bytes(28))
        kinds = []
        while ARP not in kinds:
            kinds.append(right.recvfrom(2048)[1][1])
        return IP in kinds


def state(nets: Nets) -> NamespaceState:
    with inside(nets.name("host")):
        rows = [Filter(**row) for row in filters.read()]
        calls = Path(f"/proc/sys/{CALLS}").read_text().strip()
    tables = {
        Section.FILTERS: MappingProxyType({row.backend: row for row in rows}),
        Section.LINKS: MappingProxyType({link.index: link for link in LINKS}),
        Section.SYSCTLS: MappingProxyType({CALLS: Sysctl(CALLS, calls)}),
    }
    return NamespaceState(MappingProxyType(tables))


@pytest.mark.parametrize("called", ["1", "0"])
@pytest.mark.parametrize("rules", [*IPTABLES, *NATIVE])
def test_bridged_packets(nets: Nets, rules: str, called: str) -> None:
    iptables = f"*filter\n:FORWARD ACCEPT [0:0]\n{rules}\nCOMMIT\n" if rules in IPTABLES else ""
    with inside(nets.name("host")):
        path = Path(f"/proc/sys/{CALLS}")
        if not path.exists():
            pytest.skip("no br_netfilter")
        path.write_text(called)
        restore(
            ["nft", "-f", "-"],
            "flush ruleset\n" + ("" if iptables else rules.replace("; ", ";\n").replace("{ ", "{\n")),
        )
        if iptables:
            restore(["iptables-nft-restore"], iptables)
    expected = bridged(state(nets), replace(FLOW, physin="p0", physout="p1"))
    assert expected.verdict in (Verdict.ACCEPT, Verdict.DROP)
    assert arrives(nets) is (expected.verdict is Verdict.ACCEPT), expected
