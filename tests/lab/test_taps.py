"""The host side of a capture against real namespaces: what each tap sees, limits, fallback, nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostgw.agent import taps as agent_taps
from hostgw.agent.taps import Taps
from hostgw.capture import bpf
from hostgw.capture.bpf import FourTuple
from hostgw.capture.describe import mac
from hostgw.capture.dissect import Dissector
from hostgw.capture.frames import decode
from hostgw.capture.journey_rows import hop_rows, list_row, mac_owners
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.tap_points import TapState
from hostgw.capture.taps import Capture
from hostgw.capture.trace import Trace, traced
from hostgw.capture.view import Settings
from hostgw.model.kernel import Link
from hostgw.wire import CAPTURE, captured
from tests.lab.tap_net import HOSTS, Agents, TapNet, children, eight_taps, proc_text

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

SESSIONS: dict[str, Any] = {"vm1": (), "vm2": ()}


@pytest.fixture(scope="module")
def net() -> Iterator[TapNet]:
    with TapNet() as built:
        yield built


@pytest.fixture
def agents(net: TapNet) -> Iterator[Agents]:
    made = Agents(net)
    yield made
    made.close()


def capture_all(agents: Agents, **settings: Any) -> Capture:
    capture = Capture(agents.send, SESSIONS, Settings(**{"expression": "icmp", **settings}))
    agents.capture = capture
    capture.add(eight_taps(agents.net))
    return capture


def ping(net: TapNet, *options: str) -> None:
    net.exec("c1", "ping", "-c", "1", "-W", "5", *options, "10.239.1.2")


def answered(agents: Agents, capture: Capture) -> tuple[JourneyView, JourneyView]:
    """Wait until one echo and its reply were seen at all eight taps."""

    def both() -> tuple[JourneyView, JourneyView] | None:
        for view in capture.view().journeys:
            reply = capture.journey(view.reply) if view.reply else None
            if reply and len(view.sightings) == len(reply.sightings) == 8:
                return view, reply
        return None

    found: tuple[JourneyView, JourneyView] = agents.poll_until(both)
    return found


def test_ping_between_containers_is_seen_at_every_tap_as_the_theory_says(net: TapNet, agents: Agents) -> None:
    capture = capture_all(agents)
    ping(net)
    request, reply = answered(agents, capture)
    macs = {name: {n: link["address"] for n, link in net.links(name).items()} for name in ("vm1", "vm2", "c1", "c2")}
    c1, vm1, vm2, c2 = macs["c1"]["eth0"], macs["vm1"], macs["vm2"], macs["c2"]["eth0"]
    expected = [
        ("vm1/c1/eth0", "out", c1, vm1["br0"], 64),
        ("vm1/veth1", "in", c1, vm1["br0"], 64),
        ("vm1/br0", "in", c1, vm1["br0"], 64),
        ("vm1/eth0", "out", vm1["eth0"], vm2["eth0"], 63),
        ("vm2/eth0", "in", vm1["eth0"], vm2["eth0"], 63),
        ("vm2/br0", "out", vm2["br0"], c2, 62),
        ("vm2/veth1", "out", vm2["br0"], c2, 62),
        ("vm2/c2/eth0", "in", vm2["br0"], c2, 62),
    ]
    points = dict(enumerate(eight_taps(net)))
    rows = hop_rows(request, points)
    assert [(r.name, r.direction, r.source_mac, r.destination_mac, r.ttl) for r in rows] == expected
    assert {(r.source, r.destination) for r in rows} == {("10.239.0.2", "10.239.1.2")}
    assert [r.changed for r in rows] == [(), (), (), ("mac", "ttl"), (), ("mac", "ttl"), (), ()]
    back = hop_rows(reply, points)
    assert [(r.name, r.ttl) for r in back] == list(
        zip([r.name for r in reversed(rows)], [64, 64, 64, 63, 63, 62, 62, 62], strict=True)
    )
    assert capture.verdict(request) is Verdict.ANSWERED
    assert capture.verdict(reply) is Verdict.DELIVERED


def test_rows_name_the_owners_of_macs_and_trace_tells_the_same(net: TapNet, agents: Agents) -> None:
    capture = capture_all(agents)
    ping(net)
    request, reply = answered(agents, capture)
    places = {"vm1": "vm1", "vm2": "vm2", "vm1/c1": "c1", "vm2/c2": "c2"}
    owner = mac_owners({place: [_link(raw) for raw in net.links(name).values()] for place, name in places.items()})
    points = dict(enumerate(eight_taps(net)))
    rows = hop_rows(request, points, owner)
    assert [(r.source_owner, r.destination_owner) for r in rows[2:5]] == [
        ("vm1/c1/eth0", "vm1/br0"),
        ("vm1/eth0", "vm2/eth0"),
        ("vm1/eth0", "vm2/eth0"),
    ]
    row = list_row(request, range(8), capture.info(request), capture.verdict(request))
    assert row.ttls == "64 64 64 63 63 62 62 62"
    assert row.taps == "●" * 8
    document = Trace((traced(request, reply, capture.verdict(request), points),))
    assert [s.namespace for s in document.journeys[0].request.sightings][:2] == ["c1", None]


def _link(raw: dict[str, Any]) -> Link:
    master = 1 if "master" in raw else 0
    return Link(
        raw["ifindex"], raw["ifname"], raw.get("linkinfo", {}).get("info_kind", ""), mac=raw["address"], master=master
    )


def test_lost_packet_keeps_the_ttl_exceeded_that_speaks_of_it(net: TapNet, agents: Agents) -> None:
    capture = capture_all(agents)
    subprocess.run(
        ["ip", "netns", "exec", net.ns("c1"), "ping", "-c", "1", "-W", "5", "-t", "2", "10.239.1.2"], check=False
    )

    def lost() -> JourneyView | None:
        found = [v for v in capture.view().journeys if v.error and len(v.sightings) == 5]
        return found[0] if found else None

    view = agents.poll_until(lost)
    assert capture.verdict(view) is Verdict.LOST
    assert [s.tap for s in view.sightings] == [0, 1, 2, 3, 4]
    error = capture.journey(view.error)
    assert error is not None
    assert "time exceeded" in capture.info(error).text


def test_nothing_is_left(net: TapNet, agents: Agents) -> None:
    capture = capture_all(agents)
    for name in ("vm1", "vm2"):
        # a bridge holds its ports promiscuous itself; a tap adds nothing to any device
        assert {n: link["promiscuity"] for n, link in net.links(name).items()} == {
            "lo": 0, "br0": 0, "eth0": 0, "veth1": 1,
        }  # fmt: skip
    capture.stop()
    assert [t.state for t in capture.view().taps] == [TapState.CLOSED] * 8
    assert {t.reason for t in capture.view().taps} == {"asked"}
    assert all(not taps.fds() for taps in agents.taps.values())
    for name in (*HOSTS, "c1"):
        assert len(net.exec(name, "cat", "/proc/net/packet").splitlines()) == 1


def test_own_ssh_is_never_captured(net: TapNet, agents: Agents) -> None:
    """A TCP session that plays our SSH is left out; another one to the same host is seen."""
    script = (
        "import socket,sys\n"
        "s=[socket.create_server(('10.5.7.61',p)) for p in (2222,2223)]\nprint('up',flush=True)\n"
        "c=[x.accept()[0] for x in s]\n[x.recv(9) for x in c]\nsys.stdin.read()\n"
    )
    argv = ["ip", "netns", "exec", net.ns("vm2"), sys.executable, "-c", script]
    server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        assert server.stdout.readline() == b"up\n"
        with agent_taps._inside(net.fd("vm1")):
            ours, other = (socket.socket() for _ in range(2))
        ours.bind(("10.5.7.60", 0))
        session = FourTuple("10.5.7.60", ours.getsockname()[1], "10.5.7.61", 2222)
        capture = Capture(agents.send, {"vm1": (), "vm2": (session,)}, Settings(expression="tcp"))
        agents.capture = capture
        capture.add([p for p in eight_taps(net) if p.underlay])
        ours.connect(("10.5.7.61", 2222))
        ours.sendall(b"own")
        other.connect(("10.5.7.61", 2223))
        other.sendall(b"other")
        agents.poll_until(lambda: any(v.first.frame.payload == 5 for v in capture.view().journeys))
        ports = {v.first.frame.source_port for v in capture.view().journeys}
        ports |= {v.first.frame.destination_port for v in capture.view().journeys}
        assert 2223 in ports
        assert 2222 not in ports
        ours.close()
        other.close()
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def test_dissection_by_tshark_as_nobody(net: TapNet, agents: Agents) -> None:
    dissector = Dissector()
    capture = Capture(agents.send, SESSIONS, Settings(expression="icmp or arp"), dissector=dissector)
    agents.capture = capture
    dissector.start()
    try:
        capture.add(eight_taps(net))
        ping(net)
        request, _ = answered(agents, capture)
        agents.poll_until(lambda: capture.info(request).number)
        assert capture.info(request).protocol == "ICMP"
        assert "Echo (ping) request" in capture.info(request).text
        layers = agents.poll_until(lambda: capture.details(request.last))
        assert [layer.name for layer in layers][:4] == ["frame", "eth", "ip", "icmp"]
        fields = {f.name: f.value for layer in layers for f in layer.fields}
        assert fields["ttl"] == "62"
        assert fields["interface.name"] == "vm2/c2/eth0"
        tshark = next(line for line in children(os.getpid()) if "tshark" in line)
        assert "-T ek" in tshark
    finally:
        capture.close()
    assert not [line for line in children(os.getpid()) if "tshark" in line]


def test_limits_are_counted_and_close_the_tap(net: TapNet, agents: Agents) -> None:
    capture = capture_all(agents, tap_bytes=300)
    ping(net)
    ping(net)
    agents.poll_until(lambda: all(t.state is TapState.CLOSED for t in capture.view().taps))
    assert {t.reason for t in capture.view().taps} == {"limit"}


def test_rate_limit_counts_what_it_holds_back(net: TapNet) -> None:
    messages: list[dict[str, Any]] = []
    frames: list[bytes] = []
    taps = Taps(lambda _kind, body: frames.append(body), messages.append, rate=250)
    index = net.links("vm1")["br0"]["ifindex"]
    program = bpf.compile_filter("icmp", 256)
    taps.open({"tap": 1, "index": index, "program": program, "snaplen": 256, "block_ms": 5}, net.fd("vm1"))
    net.exec("c1", "ping", "-c", "4", "-i", "0.01", "10.239.0.1")
    agents = Agents(net)
    agents.taps = {"vm1": taps}

    def told() -> tuple[int, int]:
        totals = [m["limited"] for m in messages if m["type"] == "tap-stats"] or [0]
        return sum(struct.unpack_from(">HI", body)[1] for body in frames), totals[-1]

    agents.poll_until(lambda: sum(told()) == 8)
    taps.close_all()
    assert told()[1] > 0


def test_unknown_interface_and_vanishing_interface(net: TapNet, agents: Agents) -> None:
    taps = agents.taps["vm1"]
    request = {"tap": 9, "index": 9999, "program": bpf.compile_filter("", 256), "snaplen": 256, "block_ms": 20}
    taps.open(request, net.fd("vm1"))
    assert agents.messages[-1][1]["type"] == "tap-closed"
    net.exec("vm1", "ip", "link", "add", "gone0", "type", "bridge")
    net.exec("vm1", "ip", "link", "set", "gone0", "up")
    taps.open({**request, "index": net.links("vm1")["gone0"]["ifindex"]}, net.fd("vm1"))
    assert agents.messages[-1][1] == {"type": "tap-ready", "tap": 9, "via": "ring"}
    net.exec("vm1", "ip", "link", "del", "gone0")
    agents.poll_until(lambda: agents.messages[-1][1]["type"] == "tap-closed")
    assert agents.messages[-1][1]["reason"] == "the interface is gone"


def test_vlan_tag_is_put_back(net: TapNet) -> None:
    """The kernel takes the tag of an arriving frame out of its bytes; the tap puts it back."""
    frames: list[Any] = []
    taps = Taps(lambda kind, body: frames.extend(captured(body)), lambda message: None)
    program = bpf.compile_filter("", 256)
    index = net.links("vm1")["eth0"]["ifindex"]
    taps.open({"tap": 1, "index": index, "program": program, "snaplen": 256, "block_ms": 5}, net.fd("vm1"))
    arp = struct.pack(">HHBBH6sI6sI", 1, 0x0800, 6, 4, 1, b"\2\0\0\0\0\1", 0x0A4D0001, bytes(6), 0x0A4D0002)
    frame = b"\xff" * 6 + b"\2\0\0\0\0\1" + struct.pack(">HHH", 0x8100, 0x6007, 0x0806) + arp
    with agent_taps._inside(net.fd("sw")), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("p1", 0))
        wire.send(frame)
    agents = Agents(net)
    agents.taps = {"vm1": taps}
    seen = agents.poll_until(lambda: [f for f in frames if decode(f.data).vlan == 7])[0]
    taps.close_all()
    assert seen.data == frame
    assert seen.wire_length == len(frame)


def test_tcpdump_takes_over_when_there_is_no_ring(net: TapNet, agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_ring(*_: object) -> None:
        raise OSError("no memory for a ring")

    monkeypatch.setattr(agent_taps, "Ring", no_ring)
    capture = capture_all(agents)
    agents.poll_until(lambda: all(t.state is TapState.OPEN for t in capture.view().taps))
    assert {t.via for t in capture.view().taps} == {"tcpdump"}
    ping(net)
    request, _ = answered(agents, capture)
    assert [s.outbound for s in request.sightings] == [True, False, False, True, False, True, True, False]
    agents.close()
    assert not [line for line in children(os.getpid()) if "tcpdump" in line]


def test_tcpdump_dies_with_the_agent(net: TapNet) -> None:
    """Killed outright, an agent leaves no tcpdump: its minder waits on a pipe from the agent."""
    index = net.links("vm1")["br0"]["ifindex"]
    script = f"""
import json, select, sys
sys.path.insert(0, {str(Path(agent_taps.__file__).parents[2])!r})
from hostgw.agent import taps
from hostgw.agent.tap_tcpdump import Tcpdump
def no_ring(*_): raise OSError("none")
taps.Ring = no_ring
t = taps.Taps(lambda *a: None, lambda m: print(json.dumps(m), flush=True))
t.open({{"tap": 1, "index": {index}, "program": [[6, 0, 0, 256]], "snaplen": 256, "block_ms": 20}}, None)
while True:
    ready = select.select([0, *t.fds()], [], [])[0]
    if 0 in ready:
        break
    for fd in ready:
        t.on_readable(fd)
"""
    argv = ["ip", "netns", "exec", net.ns("vm1"), sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        try:
            assert agent.stdout is not None
            assert json.loads(agent.stdout.readline())["via"] == "tcpdump"
            started = Agents(net)
            started.taps = {}
            started.poll_until(lambda: len(_tcpdumps(net)) == 2)
        finally:
            agent.kill()
    started.poll_until(lambda: not _tcpdumps(net))


def _tcpdumps(net: TapNet) -> list[str]:
    return [pid for pid in net_pids(net) if "tcpdump" in proc_text(Path(f"/proc/{pid}/comm"))]


def net_pids(net: TapNet) -> list[str]:
    return subprocess.run(
        ["ip", "netns", "pids", net.ns("vm1")], capture_output=True, text=True, check=False
    ).stdout.split()


def interpreter(version: str) -> str:
    """Return a Python of this version that really starts (a shim may be for none), or nothing."""
    managed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3"))
    for candidate in (shutil.which(f"python{version}"), *map(str, managed)):
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return ""


@pytest.mark.parametrize("version", ["3.9", "3.12"])
def test_runs_on_old_and_new_python(net: TapNet, version: str) -> None:
    """The agent's files alone, on another Python, isolated as on a host."""
    python = interpreter(version)
    if not python:
        pytest.skip(f"no Python {version}")
    folder = Path(agent_taps.__file__).parent
    script = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "import json, taps, tap_tcpdump, select\n"
        "t = taps.Taps(lambda k, b: print('frame', len(b) > 0), lambda m: print(json.dumps(m)))\n"
        "t.open({'tap': 1, 'index': 1, 'program': [[6, 0, 0, 256]], 'snaplen': 256, 'block_ms': 5}, None)\n"
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))\n"
        "select.select(t.fds(), [], [], 10); t.on_readable(next(iter(t.fds()))); t.close_all()\n"
    )
    out = net.exec("vm1", python, "-IBS", "-c", script)
    assert '"tap-ready"' in out
    assert "frame True" in out
    assert '"tap-closed"' in out


def test_frames_message_is_what_wire_says(net: TapNet) -> None:
    assert (agent_taps.CAPTURE, agent_taps.HEAD.format, agent_taps.RECORD.format) == (CAPTURE, ">HI", "<qIIB")
    assert mac(b"\x02\0\0\0\0\1") == "02:00:00:00:00:01"
