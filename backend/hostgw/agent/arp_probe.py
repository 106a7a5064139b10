"""Who answers for an address on a link: an ARP probe, as RFC 5227 has it, changes no table of whoever hears it."""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from typing import Any, Dict

MAX_ADDRESSES, MAX_WAIT_MS, MAX_ANSWERS = 256, 5000, 1024
TIMES = 2
"""Every address is asked for so often: a frame may be lost."""
_ETH_P_ARP, _SIOCGIFHWADDR = 0x0806, 0x8927
_ETHERNET, _IPV4, _REQUEST, _REPLY = 1, 0x0800, 1, 2
_HEAD = struct.Struct("!HHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6

Row = Dict[str, Any]


class ArpProbe:
    """One round of probes under way."""

    def __init__(self, request: Row, _number: int) -> None:
        self.id = request["id"]
        self._wanted = [socket.inet_aton(text) for text in request["addresses"][:MAX_ADDRESSES]]
        self._wait = max(10, min(int(request["timeout_ms"]), MAX_WAIT_MS)) / 1000
        self._answers: Dict[Any, None] = {}
        self._sent, self._next = 0, time.monotonic()
        self._device = socket.if_indextoname(int(request["index"]))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        try:
            self.socket.setblocking(False)
            self.socket.bind((self._device, _ETH_P_ARP))
            raw = fcntl.ioctl(self.socket, _SIOCGIFHWADDR, struct.pack("16s16x", self._device.encode()))
            if struct.unpack_from("=H", raw, 16) != (_ETHERNET,):
                raise ValueError(f"{self._device} is no Ethernet device")
        except BaseException:
            self.socket.close()
            raise
        self._own = raw[18:24]

    def due(self) -> float:
        """Return when there is something to do next."""
        return self._next

    def tick(self, now: float) -> bool:
        """Send what is due; return whether it is over."""
        if now < self._next:
            return False
        if self._sent < TIMES:
            self._sent += 1
            self._next = now + self._wait / TIMES
            self._ask()
            return False
        return True

    def _ask(self) -> None:
        for wanted in self._wanted:
            frame = _HEAD.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, self._own, bytes(4), bytes(6), wanted)
            try:
                self.socket.sendto(frame, (self._device, _ETH_P_ARP, 0, _ETHERNET, BROADCAST))
            except OSError:
                return  # the device went down: nobody will have answered

    def read(self) -> None:
        """Take what came in."""
        while True:
            try:
                data = self.socket.recv(256)
            except OSError:
                return
            if len(data) >= _HEAD.size and len(self._answers) < MAX_ANSWERS:
                _, _, _, _, kind, mac, address, _, _ = _HEAD.unpack_from(data)
                if kind == _REPLY and address in self._wanted:
                    self._answers[socket.inet_ntoa(address), mac.hex(":")] = None

    def report(self) -> Row:
        """Return who answered for what."""
        answers = [{"address": address, "mac": mac} for address, mac in self._answers]
        return {"type": "arp-probe-reply", "id": self.id, "answers": answers}
