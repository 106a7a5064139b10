"""Which probes a namespace sees: each echo that carries our token, by device, direction, source and TTL.

The socket sees packets before the filters of the namespace do. It leaves when it has listened long enough: as long as
it is there, the namespace is.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from contextlib import suppress
from typing import Any, Dict, List, Tuple

MAX_SECONDS, MAX_SIGHTINGS = 60.0, 2000
BURST = 256
"""Packets taken at one go, so that a flood does not keep the agent from its other work."""
_ETH_P_ALL, _ETH_P_IP, _OUTGOING = 0x0003, 0x0800, 4
_SO_ATTACH_FILTER = 26
_ICMP = 1
_AD_PROTOCOL = 0xFFFFF000
"""Classic BPF's way to ask for the protocol of a packet, since a datagram socket does not see the link's header."""

Row = Dict[str, Any]
Key = Tuple[int, bool, str, bool, str, str, int]


def program(token: int) -> List[Tuple[int, int, int, int]]:
    """Return the filter: ICMP in IPv4, no later fragment, the upper half of the token in its place."""
    return [
        (0x20, 0, 0, _AD_PROTOCOL),  # ld proto
        (0x15, 0, 9, _ETH_P_IP),  # jeq ip
        (0x30, 0, 0, 9),  # ldb [9]
        (0x15, 0, 7, _ICMP),  # jeq icmp
        (0x28, 0, 0, 6),  # ldh [6]
        (0x45, 5, 0, 0x1FFF),  # jset fragment offset
        (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf)
        (0x40, 0, 0, 8),  # ld [x+8]
        (0x54, 0, 0, 0xFFFF0000),  # and
        (0x15, 0, 1, token & 0xFFFF0000),  # jeq token
        (0x06, 0, 0, 256),  # ret
        (0x06, 0, 0, 0),
    ]


class Listener:
    """Listens in one namespace, on all devices."""

    def __init__(self, request: Row, _number: int) -> None:
        self.id = request["id"]
        self._until = time.monotonic() + max(0.0, min(float(request["seconds"]), MAX_SECONDS))
        self._seen: Dict[Key, int] = {}
        self.socket = _open(program(int(request["token"])))

    def due(self) -> float:
        """Return when it is over."""
        return self._until

    def end(self) -> None:
        """Have it over now, what has already come included."""
        self.read()
        self._until = 0.0

    def tick(self, now: float) -> bool:
        """Return whether it is over."""
        return now >= self._until

    def read(self) -> None:
        """Take what came in."""
        for _ in range(BURST):
            try:
                data, (device, _, kind, _, _) = self.socket.recvfrom(256)
            except OSError:
                return
            self._take(data, device, kind == _OUTGOING)

    def _take(self, data: bytes, device: str, outbound: bool) -> None:
        start = (data[0] & 15) * 4 if data else 0
        if start < 20 or len(data) < start + 12 or data[start] not in (0, 8):
            return
        (token,) = struct.unpack_from("!I", data, start + 8)
        source, destination = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        key = (token, data[start] == 0, device, outbound, source, destination, data[8])
        if key in self._seen or len(self._seen) < MAX_SIGHTINGS:
            self._seen[key] = self._seen.get(key, 0) + 1

    def report(self) -> Row:
        """Return what was seen, each kind once, in the order in which it was first seen."""
        names = ("token", "reply", "device", "outbound", "source", "destination", "ttl")
        sightings = [{**dict(zip(names, key)), "count": count} for key, count in self._seen.items()]
        return {"type": "listen-reply", "id": self.id, "sightings": sightings}


def _open(filters: List[Tuple[int, int, int, int]]) -> socket.socket:
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    found = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
    try:
        found.setblocking(False)
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in filters))
        attached = struct.pack("@HP", len(filters), ctypes.addressof(code))
        found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
        _drain(found)
    except BaseException:
        found.close()
        raise
    return found


def _drain(found: socket.socket) -> None:
    """Throw away what came before the filter was there."""
    with suppress(BlockingIOError):
        while True:
            found.recv(1)
