"""Netlink over our own sockets: dumps, requests, events.

Message bodies are read by pyroute2's classes or, where a table can be large, by struct. Sources: netlink(7),
rtnetlink(7), linux/netlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import nullcontext
from typing import ContextManager, Dict, Iterator, List, NamedTuple, Optional, Tuple

ROUTE, NETFILTER = 0, 12
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
DUMP_INTERRUPTED = 0x10
_NOOP, _ERROR, _DONE = 1, 2, 3
_SOL_NETLINK, _ADD_MEMBERSHIP, _ALL_NSID, _EXT_ACK, _STRICT = 270, 1, 8, 11, 12
_SO_RCVBUFFORCE = 33
BUFFER = 16 << 20
TIMEOUT_S = 5.0
MAX_RETRIES = 5
MAX_EVENTS = 5000
"""Read at once; the rest waits its turn, so that a flood does not keep us from everything else."""
OWN_NSID = -1
_DATAGRAM = 1 << 16


class KernelError(OSError):
    """The kernel refused a request; `strerror` holds its own words where it gave some."""


class Message(NamedTuple):
    """One netlink message: type, flags, and the body behind the header."""

    type: int
    flags: int
    body: bytes


class Netlink:
    """A socket for requests; it stays in the namespace in which it was made."""

    def __init__(self, protocol: int = ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.settimeout(TIMEOUT_S)
        for option in (_EXT_ACK, _STRICT):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError:
                continue  # an older kernel: less text in errors, more rows in dumps
        _enlarge(self._socket)
        self._socket.bind((0, 0))
        self._sequence = 0
        self._interrupted = False

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def staying(self) -> ContextManager[None]:
        """Several questions follow at once."""
        return nullcontext()

    def dump(self, kind: int, body: bytes) -> List[Message]:
        """Return what the kernel lists; a dump that was interrupted by a change is asked for again, a few times."""
        found: List[Message] = []
        for _ in range(MAX_RETRIES):
            self._interrupted = False
            found = list(self._exchange(kind, REQUEST | DUMP, body))
            if not self._interrupted:
                break
        return found

    def stream(self, kind: int, body: bytes) -> Iterator[Message]:
        """Yield what the kernel lists as it comes; who stops half-way has to close the socket."""
        return self._exchange(kind, REQUEST | DUMP, body)

    def ask(self, kind: int, body: bytes, flags: int = 0) -> List[Message]:
        """Send a request that is acknowledged; return what came besides the acknowledgement.

        Raises:
            KernelError: the kernel refuses.
        """
        return list(self._exchange(kind, REQUEST | ACK | flags, body))

    def _exchange(self, kind: int, flags: int, body: bytes) -> Iterator[Message]:
        self._sequence += 1
        self._socket.send(HEADER.pack(HEADER.size + len(body), kind, flags, self._sequence, 0) + body)
        while True:
            for message, sequence in split(self._socket.recv(_DATAGRAM)):
                if sequence != self._sequence:
                    continue  # a late answer to a request that we gave up
                self._interrupted |= bool(message.flags & DUMP_INTERRUPTED)
                if message.type in (_DONE, _ERROR):
                    _raise(message)
                    return
                if message.type != _NOOP:
                    yield message


class Events:
    """A socket that hears of changes, of every namespace with an id in ours if it may; `read` never blocks."""

    def __init__(self, protocol: int, groups: Tuple[int, ...]) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setblocking(False)
        _enlarge(self._socket)
        self._socket.bind((0, 0))
        options = [(_ALL_NSID, 1)] if protocol == ROUTE else []
        for option, value in [*options, *((_ADD_MEMBERSHIP, group) for group in groups)]:
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, value)
            except OSError:
                continue  # a group that this kernel does not have, or we are not root

    def fileno(self) -> int:
        """Return what to poll."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def read(self) -> Optional[List[Tuple[int, Message]]]:
        """Return what has happened, each with its namespace's id; None when the kernel had to drop something."""
        found: List[Tuple[int, Message]] = []
        while len(found) < MAX_EVENTS:
            try:
                data, extra, _, _ = self._socket.recvmsg(_DATAGRAM, _ANCILLARY)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return None
                raise
            nsid = _nsid(extra)
            found.extend((nsid, message) for message, _ in split(data))
        return found


_ANCILLARY = socket.CMSG_SPACE(4)


def _nsid(extra: List[Tuple[int, int, bytes]]) -> int:
    for level, kind, data in extra:
        if (level, kind) == (_SOL_NETLINK, _ALL_NSID) and len(data) >= 4:
            return int(struct.unpack_from("=i", data)[0])
    return OWN_NSID


def _enlarge(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


def split(data: bytes) -> Iterator[Tuple[Message, int]]:
    """Yield the messages of a datagram with their sequence numbers."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield Message(kind, flags, data[offset + HEADER.size : offset + length]), sequence
        offset += (length + 3) & ~3


def _raise(message: Message) -> None:
    code = struct.unpack_from("=i", message.body)[0] if len(message.body) >= 4 else 0
    if code >= 0:
        return
    text = os.strerror(-code)
    if (
        message.type == _ERROR and message.flags & 0x200 and len(message.body) >= 8
    ):  # NLM_F_ACK_TLVS: the kernel's own words follow the request's header
        start = 4 + (HEADER.size if message.flags & 0x100 else struct.unpack_from("=I", message.body, 4)[0])
        words = attributes(message.body, start).get(1)
        text = f"{text}: {words.rstrip(bytes(1)).decode('ascii', 'replace')}" if words else text
    raise KernelError(-code, text)


def attributes(body: bytes, offset: int) -> Dict[int, bytes]:
    """Return the attributes from `offset` on, by type; of a repeated one the last."""
    found: Dict[int, bytes] = {}
    end = len(body)
    while offset + 4 <= end:
        length, kind = ATTRIBUTE.unpack_from(body, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def repeated(body: bytes, offset: int = 0) -> Iterator[Tuple[int, bytes]]:
    """Yield the attributes from `offset` on, (type, value), in order."""
    end = len(body)
    while offset + 4 <= end:
        length, kind = ATTRIBUTE.unpack_from(body, offset)
        if length < 4:
            break
        yield kind & 0x3FFF, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """Return one packed attribute."""
    return ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def u32(value: int) -> bytes:
    """Return a number as the kernel reads it."""
    return struct.pack("=I", value)
