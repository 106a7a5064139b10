"""A TCP connection, or a UDP datagram, from a namespace: does somebody answer there, refuse, or nothing come back.

A connection that stands is closed at once, with nothing said (connect(2), tcp(7), udp(7)).
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any, Dict

MAX_WAIT_MS, LOOK_S, MAX_SIZE = 60_000, 0.01, 9000
PAYLOAD = b"hostgw-tui asks who is there; no answer is needed"
"""What a datagram says."""
_KINDS = {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timeout"}
_STREAM = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

Row = Dict[str, Any]


_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT, _IP_PMTUDISC_PROBE = 10, 0, 3


def set_fragmenting(sock: socket.socket, request: Row) -> None:
    """Have DF set whatever the path's MTU is known to be, or never set, so that routers may fragment (ip(7))."""
    wanted = _IP_PMTUDISC_PROBE if request["dont_fragment"] else _IP_PMTUDISC_DONT
    sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, wanted)


class Contact:
    """One attempt under way."""

    def __init__(self, request: Row, _number: int) -> None:
        self.id = request["id"]
        self._tcp = request["protocol"] == "tcp"
        wait = max(10, min(int(request["timeout_ms"]), MAX_WAIT_MS)) / 1000
        self._answer: Row = {}
        self.socket = socket.socket(socket.AF_INET, _STREAM[request["protocol"]] | socket.SOCK_CLOEXEC)
        try:
            self.socket.setblocking(False)
            if not self._tcp:
                set_fragmenting(self.socket, request)
            if request["source"]:
                self.socket.bind((request["source"], 0))
            size = max(0, min(int(request["size"]), MAX_SIZE))
            self._payload = (PAYLOAD * (size // len(PAYLOAD) + 1))[: size or len(PAYLOAD)]
            self._began = self._look_at = time.monotonic()
            self._ends = self._began + wait
            self._begin((request["destination"], int(request["port"])))
        except BaseException:
            self.socket.close()
            raise

    def _begin(self, target: Any) -> None:
        error = self.socket.connect_ex(target)
        if error not in (0, errno.EINPROGRESS):
            self._end(_KINDS.get(error, "unreachable"), error)
        elif not self._tcp:
            self._send()

    def _send(self) -> None:
        try:
            self.socket.send(self._payload)
        except OSError as error:
            self._end(_KINDS.get(error.errno or 0, "unreachable"), error.errno or 0)

    def due(self) -> float:
        """Return when there is something to do next."""
        return self._look_at

    def read(self) -> None:
        """Take what came in."""
        self._look()

    def tick(self, now: float) -> bool:
        """Look whether it is over."""
        self._look_at = now + LOOK_S
        self._look()
        if not self._answer and now >= self._ends:
            self._end("timeout", 0)
        return bool(self._answer)

    def _look(self) -> None:
        if self._answer:
            return
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._end(_KINDS.get(error, "unreachable"), error)
        elif self._stands() if self._tcp else self._heard():
            self._end("reply", 0)

    def _stands(self) -> bool:
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True

    def _heard(self) -> bool:
        try:
            self.socket.recv(1)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(_KINDS.get(error.errno or 0, "unreachable"), error.errno or 0)
            return False
        return True

    def _end(self, kind: str, code: int) -> None:
        rtt = int((time.monotonic() - self._began) * 1e9) if kind != "timeout" else 0
        self._answer = {"sequence": 1, "kind": kind, "source": "", "ttl": 0, "rtt_ns": rtt, "code": code}

    def report(self) -> Row:
        """Return the reply for the operator."""
        return {"type": "probe-reply", "id": self.id, "answers": [self._answer], "error": ""}
