"""A capture that sees pings of hand-made frames: a container of vm1 pings one of vm2, over four taps."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hostgw.capture.bpf import FourTuple
from hostgw.capture.clocks import Clock
from hostgw.capture.dissect import Fed, Statistics
from hostgw.capture.pyshark_adapter import Field, Info, Layer
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from hostgw.model.ip import address_number
from hostgw.wire import Captured, Tap, TapReady, TapStats, Untap
from tests.fabrics import BRIDGE, NIC, OPERATOR, underlay

BEGAN = 1_795_345_200_000_000_000
C1, C2 = "10.239.0.2", "10.239.1.2"
MACS = {"c1": "020000010201", "vm1br": "020000000101", "vm1nic": "020000000001", "vm2nic": "020000000002",
        "vm2br": "020000000102", "c2": "020000020201"}  # fmt: skip


def echo(source: str, destination: str, macs: tuple[str, str], ttl: int, sequence: int, reply: bool = False) -> bytes:
    """An ICMP echo in Ethernet."""
    body = struct.pack(">BBHHH", 0 if reply else 8, 0, 0, 77, sequence) + bytes(range(48))
    ends = struct.pack(">II", address_number(source), address_number(destination))
    identifier = sequence + (1000 if reply else 0)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), identifier, 0, ttl, 1, 0) + ends
    return bytes.fromhex(MACS[macs[1]] + MACS[macs[0]] + "0800") + head + body


def ping(sequence: int, answered: bool = True) -> list[tuple[str, int, int, bool, bytes]]:
    """The frames of one ping: host, ifindex, microseconds after its start, outbound, bytes."""
    there = [
        ("vm1", BRIDGE, 0, False, echo(C1, C2, ("c1", "vm1br"), 64, sequence)),
        ("vm1", NIC, 24, True, echo(C1, C2, ("vm1nic", "vm2nic"), 63, sequence)),
    ]
    if not answered:
        return there
    there += [
        ("vm2", NIC, 60, False, echo(C1, C2, ("vm1nic", "vm2nic"), 63, sequence)),
        ("vm2", BRIDGE, 81, True, echo(C1, C2, ("vm2br", "c2"), 62, sequence)),
    ]
    back = [
        ("vm2", BRIDGE, 130, False, echo(C2, C1, ("c2", "vm2br"), 64, sequence, reply=True)),
        ("vm2", NIC, 142, True, echo(C2, C1, ("vm2nic", "vm1nic"), 63, sequence, reply=True)),
        ("vm1", NIC, 190, False, echo(C2, C1, ("vm2nic", "vm1nic"), 63, sequence, reply=True)),
        ("vm1", BRIDGE, 204, True, echo(C2, C1, ("vm1br", "c1"), 62, sequence, reply=True)),
    ]
    return there + back


class FakeDissector:
    """Says something of every frame at once, as tshark would after a while."""

    def __init__(self) -> None:
        self.layers: tuple[Layer, ...] = (
            Layer("frame", (Field("len", "90"),)),
            Layer("eth", (Field("src", "02:00:00:01:02:01"), Field("dst", "02:00:00:00:01:01"))),
            Layer("ip", (Field("ttl", "64"), Field("src", C1), Field("dst", C2))),
            Layer("icmp", (Field("type", "8"), Field("seq", "1"))),
        )

    def start(self) -> None: ...

    def close(self, timeout: float = 5.0) -> None: ...

    def offer(self, fed: Fed) -> bool:
        return True

    def want(self, fed: Fed) -> bool:
        return True

    def info(self, serial: int) -> Info | None:
        return None

    def details(self, serial: int) -> tuple[Layer, ...] | None:
        return self.layers

    def statistics(self) -> Statistics:
        return Statistics("running", 40, 2, 0)


class FakeTraffic:
    """Makes captures whose taps open at once, and feeds them pings."""

    def __init__(self) -> None:
        self.capture: Capture | None = None
        self.taps: dict[tuple[str, int], int] = {}
        self.untapped = 0

    def start(self, points: Sequence[TapPoint], expression: str) -> Capture:
        sessions = {p.host: [FourTuple(OPERATOR, 50000, underlay(1), 22)] for p in points}
        dissector = FakeDissector()
        wanted, clock = Settings(expression=expression), lambda _host: Clock(0, 120_000)
        self.capture = Capture(self._send, sessions, wanted, clock, dissector)  # type: ignore[arg-type]
        self.capture.add(points)
        return self.capture

    def _send(self, host: str, request: Tap | Untap) -> None:
        assert self.capture is not None
        if isinstance(request, Tap):
            if not request.ns:  # a container's eth0 may have the number of the host's
                self.taps[host, request.index] = request.tap
            self.capture.feed(host, TapReady(request.tap))
        else:
            self.untapped += 1

    def pings(self, count: int, first: int = 1, answered: bool = True, steps: int = 8) -> None:
        """Let `count` pings pass, a tenth of a second apart; of each, so many sightings."""
        assert self.capture is not None
        for sequence in range(first, first + count):
            start = BEGAN + sequence * 100_000_000
            for host, index, micros, outbound, data in ping(sequence, answered)[:steps]:
                tap = self.taps.get((host, index))
                if tap is not None:
                    frame = Captured(tap, start + micros * 1000, len(data), outbound, data)
                    self.capture.feed(host, [frame])
        self.capture.pump()
        for (host, _), tap in self.taps.items():
            self.capture.feed(host, TapStats(tap, 10 * count, int(answered)))
