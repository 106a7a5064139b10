"""Packets that are split on their way, in real namespaces: segments where a NIC takes no large frames, fragments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hostgw.capture.frames import TCP
from hostgw.capture.journeys import JourneyView
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from tests.lab.tap_net import Agents, TapNet, eight_taps

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

SIZE = 1_000_000
SIOCETHTOOL, SET_TSO, SET_GSO = 0x8946, 0x1F, 0x24
SERVER = """
import socket, sys
s = socket.create_server(("10.239.1.2", 7000)); print("ready", flush=True)
c, _ = s.accept()
while c.recv(1 << 20): pass
"""
CLIENT = f"""
import os, socket
c = socket.create_connection(("10.239.1.2", 7000), 10)
c.sendall(os.urandom({SIZE}))
"""
DATAGRAMS = """
import os, socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("", 5600))
for n in range(20): u.sendto(os.urandom(4000), ("10.239.1.2", 9))
"""


@pytest.fixture(scope="module")
def net() -> Iterator[TapNet]:
    with TapNet() as built:
        yield built


@pytest.fixture
def agents(net: TapNet) -> Iterator[Agents]:
    made = Agents(net)
    yield made
    made.close()


def capture(agents: Agents, expression: str) -> Capture:
    made = Capture(agents.send, {"vm1": (), "vm2": ()}, Settings(expression))
    agents.capture = made
    made.add(eight_taps(agents.net))
    return made


def no_large_frames(net: TapNet, host: str) -> None:
    """Turn segmentation offload off, as `ethtool -K eth0 tso off gso off` does."""
    program = (
        "import array,fcntl,socket,struct\n"
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
        f"for c in ({SET_TSO},{SET_GSO}):\n"
        " v=array.array('I',[c,0]); a,_=v.buffer_info()\n"
        f" fcntl.ioctl(s,{SIOCETHTOOL},struct.pack('16sQ16x',b'eth0',a))\n"
    )
    net.exec(host, sys.executable, "-c", program)


def owners(made: Capture, views: tuple[JourneyView, ...]) -> list[JourneyView]:
    """Return journeys whose sightings do not hold the same bytes from their first on."""
    wrong = []
    for view in views:
        texts = {made.raw(seen)[66:120] for seen in view.sightings if seen.frame.sequence == view.first.frame.sequence}
        wrong += [view] if len(texts) > 1 else []
    return wrong


def test_a_stream_that_is_segmented_at_the_wire_is_one_journey_per_packet(net: TapNet, agents: Agents) -> None:
    no_large_frames(net, "vm1")
    made = capture(agents, "tcp")
    server = subprocess.Popen(
        ["ip", "netns", "exec", net.ns("c2"), sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        net.exec("c1", sys.executable, "-c", CLIENT)
        server.wait(20)
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()

    def all_seen() -> bool:
        ends = [v for v in made.view(20_000).journeys if v.first.frame.payload > 0]
        return sum(v.first.frame.payload for v in ends if len(v.sightings) == 8) >= SIZE

    agents.poll_until(all_seen, 15)
    data = tuple(v for v in made.view(20_000).journeys if v.first.frame.payload > 0 and v.first.frame.protocol == TCP)
    assert owners(made, data) == []
    assert any(view.pieces[0] == 1 and view.pieces[3] > 1 for view in data)
    assert not [view for view in data if view.partial]


@pytest.mark.parametrize("bridged", [0, 1])
def test_fragments_of_a_datagram_are_one_journey(net: TapNet, agents: Agents, bridged: int) -> None:
    """With br_netfilter and conntrack the bridge shows the datagram whole; without, in fragments."""
    setting = "net.bridge.bridge-nf-call-iptables"
    for host in ("vm1", "vm2"):
        net.exec(host, "iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.1", "-j", "MASQUERADE")
        net.exec(host, "sysctl", "-qw", f"{setting}={bridged}")
    made = capture(agents, "udp")
    net.exec("c1", sys.executable, "-c", DATAGRAMS)

    def complete() -> list[JourneyView]:
        found = [v for v in made.view(1000).journeys if len(v.sightings) == 8 and min(v.pieces) >= 1]
        return found if len(found) == 20 and all(v.pieces[-1] == 3 and not v.partial for v in found) else []

    found = agents.poll_until(complete, 15)
    assert len({view.first.frame.ip_id for view in found}) == 20
    assert {view.pieces[2] for view in found} == {1 if bridged else 3}
    assert len(made.view(1000).journeys) == 20
