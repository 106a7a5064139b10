"""Echo requests from a namespace, and who answers with what (RFC 792)."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any, Callable, Dict, List, Optional

from hostgw.agent.arp_probe import ArpProbe
from hostgw.agent.contact import Contact, set_fragmenting
from hostgw.agent.listen import Listener

MAX_COUNT, MAX_SIZE, MIN_INTERVAL_MS, MAX_WAIT_MS, MAX_PROBES = 100, 9000, 10, 60_000, 256
_HEADER = struct.Struct("!BBHHH")
_REQUEST, _REPLY, _UNREACHABLE, _EXCEEDED = 8, 0, 3, 11
_REFUSALS = {_UNREACHABLE: "unreachable", _EXCEEDED: "time-exceeded"}

Row = Dict[str, Any]


class Probe:
    """One probe under way."""

    def __init__(self, request: Row, number: int) -> None:
        self.id = request["id"]
        self._destination = request["destination"]
        socket.inet_aton(self._destination)
        self._count = max(1, min(int(request["count"]), MAX_COUNT))
        self._interval = max(MIN_INTERVAL_MS, min(int(request["interval_ms"]), MAX_WAIT_MS)) / 1000
        self._timeout = max(MIN_INTERVAL_MS, min(int(request["timeout_ms"]), MAX_WAIT_MS)) / 1000
        token = struct.pack("!I", request["token"]) if request["token"] else b""
        self._payload = (token + bytes(range(256)) * 36)[: max(0, min(int(request["size"]), MAX_SIZE))]
        self._echo_id = (os.getpid() + number) & 0xFFFF
        self.socket = _open(request)
        self.answers: Dict[int, Row] = {}
        self._sent: Dict[int, float] = {}
        self._next = time.monotonic()

    def due(self) -> float:
        """Return when there is something to do next."""
        if len(self._sent) < self._count:
            return self._next
        return max(self._sent.values()) + self._timeout

    def tick(self, now: float) -> bool:
        """Send what is due; return whether the probe is over."""
        if len(self._sent) < self._count and now >= self._next:
            self._send(len(self._sent) + 1, now)
            self._next = now + self._interval
        everything = len(self._sent) == self._count
        return everything and (len(self.answers) == self._count or now >= self.due())

    def _send(self, sequence: int, now: float) -> None:
        head = _HEADER.pack(_REQUEST, 0, 0, self._echo_id, sequence)
        packet = _HEADER.pack(_REQUEST, 0, checksum(head + self._payload), self._echo_id, sequence) + self._payload
        self._sent[sequence] = now
        try:
            self.socket.sendto(packet, (self._destination, 0))
        except OSError as error:
            self._answer(sequence, "unreachable", "", 0, now, error.errno or 0)

    def read(self) -> None:
        """Take what came in."""
        while True:
            try:
                data, (source, _) = self.socket.recvfrom(65535)
            except OSError:
                return
            self._take(data, source, time.monotonic())

    def _take(self, data: bytes, source: str, now: float) -> None:
        start = (data[0] & 15) * 4 if data else 0
        if len(data) < start + 8 or start < 20:
            return
        kind, code, _, echo_id, sequence = _HEADER.unpack_from(data, start)
        if kind == _REPLY and echo_id == self._echo_id:
            self._answer(sequence, "reply", source, data[8], now, code)
        elif kind in _REFUSALS and len(data) >= start + 36:
            inner = start + 8 + (data[start + 8] & 15) * 4
            if len(data) < inner + 8:
                return
            quoted, _, _, echo_id, sequence = _HEADER.unpack_from(data, inner)
            if quoted == _REQUEST and echo_id == self._echo_id:
                self._answer(sequence, _REFUSALS[kind], source, data[8], now, code)

    def _answer(self, sequence: int, kind: str, source: str, ttl: int, now: float, code: int) -> None:
        sent = self._sent.get(sequence)
        if sent is None or sequence in self.answers:
            return
        rtt = int((now - sent) * 1e9)
        answer = {"sequence": sequence, "kind": kind, "source": source, "ttl": ttl, "rtt_ns": rtt, "code": code}
        self.answers[sequence] = answer

    def report(self) -> Row:
        """Return the reply for the operator."""
        silent = {"kind": "timeout", "source": "", "ttl": 0, "rtt_ns": 0, "code": 0}
        answers = [self.answers.get(n, {"sequence": n, **silent}) for n in range(1, len(self._sent) + 1)]
        return {"type": "probe-reply", "id": self.id, "answers": answers, "error": ""}


def _open(request: Row) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP)
    try:
        found.setblocking(False)
        if request["source"]:
            found.bind((request["source"], 0))
        set_fragmenting(found, request)
    except BaseException:
        found.close()
        raise
    return found


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    total: int
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


Kind = Callable[[Row, int], Any]
KINDS: Dict[str, Kind] = {"probe": Probe, "arp-probe": ArpProbe, "contact": Contact, "listen": Listener}
"""Each has a socket, says when it is due, reads, ticks until it is over, and reports."""


class Probes:
    """All probes and listeners under way."""

    def __init__(self, emit: Callable[[Row], None]) -> None:
        self._emit = emit
        self._running: List[Any] = []
        self._number = 0

    def start(self, request: Row) -> None:
        """Begin a probe from the namespace that we stand in, or listen for some there.

        Raises:
            OSError, ValueError: it cannot be sent, or too many are under way.
        """
        if len(self._running) >= MAX_PROBES:
            raise ValueError(f"{MAX_PROBES} probes are under way")
        self._number += 1
        self._running.append(KINDS[request["type"]](request, self._number))

    def end(self, number: int) -> None:
        """Have a listener report at once."""
        for running in self._running:
            if isinstance(running, Listener) and running.id == number:
                running.end()

    def fds(self) -> Dict[int, Any]:
        """Return what to poll, and whose each is."""
        return {probe.socket.fileno(): probe for probe in self._running}

    def on_readable(self, fd: int) -> None:
        """Take what came in."""
        for probe in self._running:
            if probe.socket.fileno() == fd:
                probe.read()

    def next_due(self) -> Optional[float]:
        """Return when there is something to do next."""
        return min((probe.due() for probe in self._running), default=None)

    def tick(self, now: float) -> None:
        """Send what is due, report what is over."""
        for probe in [probe for probe in self._running if probe.tick(now)]:
            self._running.remove(probe)
            probe.socket.close()
            self._emit(probe.report())

    def close(self) -> None:
        """End everything."""
        for probe in self._running:
            probe.socket.close()
        self._running.clear()
