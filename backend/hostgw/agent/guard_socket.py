"""How guards are asked: abstract sockets in the host's namespace, one JSON line there and one back.

The names have a random end and are found in the table of unix sockets, so that nobody can take one beforehand. Both
sides look at the other's credentials and speak to root alone (unix(7), SO_PEERCRED).
"""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import struct
from typing import Any, Callable, Dict, List

Row = Dict[str, Any]
PREFIX = "hostgw-guard-"
_TABLE = "/proc/self/net/unix"
_LISTENS = 0x10000
_CREDENTIALS = struct.Struct("=iII")
_MOST = 1 << 16
ANSWER_S, ASK_S = 0.5, 2.0
MAX_GUARDS = 64


class Endpoint:
    """Where a guard is asked."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.name = PREFIX + secrets.token_hex(8)
        self._socket.bind("\0" + self.name)
        self._socket.listen(8)
        self._socket.setblocking(False)

    def serve(self, answer: Callable[[Row], Row], patience: float) -> None:
        """Wait at most `patience` seconds for a question of root, and answer it."""
        if not select.select([self._socket], [], [], patience)[0]:
            return
        try:
            client, _ = self._socket.accept()
        except OSError:
            return
        with client:
            client.settimeout(ANSWER_S)
            try:
                if _uid(client) == 0:
                    client.sendall(_line(answer(_read(client))))
            except (OSError, ValueError, TypeError, LookupError, RecursionError):
                return  # who asks oddly, or goes, gets no answer


def ask_all(question: Row, but: str = "") -> List[Row]:
    """Return what the guards on this host answer, `but` one and those of other users."""
    return [answer for name in names() if name != but and (answer := _ask(name, question))]


def names() -> List[str]:
    """Return the names of the sockets that look like guards."""
    with open(_TABLE, encoding="utf-8", errors="backslashreplace") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    found = [row[7][1:] for row in rows if len(row) == 8 and row[7].startswith("@" + PREFIX) and _listens(row[3])]
    return found[:MAX_GUARDS]


def _listens(flags: str) -> bool:
    return bool(int(flags, 16) & _LISTENS)


def _ask(name: str, question: Row) -> Row:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as client:
        client.settimeout(ASK_S)
        try:
            client.connect("\0" + name)
            if _uid(client) != 0:
                return {}
            client.sendall(_line(question))
            return _read(client)
        except (OSError, ValueError, RecursionError):
            return {}  # it went, or does not answer


def _uid(peer: socket.socket) -> int:
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def _line(row: Row) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _read(peer: socket.socket) -> Row:
    data = b""
    while not data.endswith(b"\n") and len(data) < _MOST:
        chunk = peer.recv(_MOST)
        if not chunk:
            break
        data += chunk
    row = json.loads(data)
    if not isinstance(row, dict):
        raise ValueError("not an object")
    return row


def log(text: str) -> None:
    """Leave one line in the host's log, where there is one; it is never waited for."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect("/dev/log")
            sender.send(f"<29>hostgw-tui[{os.getpid()}]: {text}".encode("utf-8", "backslashreplace")[:1000])
        except OSError:
            return
