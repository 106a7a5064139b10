"""Tracked flows that a check should look at, picked out of one dump of the conntrack table.

A table holds hundreds of thousands of flows; only those that NAT acts on are unpacked. Kept are flows between
containers of different hosts whose source is rewritten, one UDP flow per container address that flows are translated
to, and how many flows share one rewritten source towards one server. Sources: linux/netfilter/nfnetlink_conntrack.h,
net/netfilter/nf_conntrack_netlink.c (the two tuples come first in a message, the status behind them).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from hostgw.agent.netlink import NETFILTER, Message, Netlink, attributes

GET = 0x101  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET
_REQUEST = bytes([socket.AF_INET, 0, 0, 0])
_STATUS, _PROTOINFO, _TIMEOUT = 3, 4, 7
_SEEN_REPLY, _ASSURED, _SRC_NAT, _DST_NAT = 0x2, 0x4, 0x10, 0x20
_UDP = 17
_PROTOCOLS = {1: "icmp", 6: "tcp", _UDP: "udp", 132: "sctp"}
_WITH_PORTS = (6, _UDP, 132)
_TCP_STATES = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
)
BUDGET_S = 2.0
MANY = 10_000
"""Flows from one address to one server that are worth a word: there are about 64,500 source ports."""
MAX_CROWDS = 20
TRACKING = "/proc/sys/net/netfilter/nf_conntrack_max"

Row = Dict[str, Any]


class Tuple4(NamedTuple):
    """Addresses as the kernel packs them, protocol and ports (for ICMP: the id)."""

    source: bytes
    destination: bytes
    protocol: int
    sport: int
    dport: int


class Prefixes:
    """Tells whether a packed address lies in one of some prefixes."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._networks: Dict[int, Set[int]] = {}
        for text in texts:
            address, _, length = text.partition("/")
            mask = (0xFFFFFFFF << (32 - int(length or 32))) & 0xFFFFFFFF
            number = int.from_bytes(socket.inet_aton(address), "big")
            self._networks.setdefault(mask, set()).add(number & mask)

    def hold(self, address: bytes) -> bool:
        """Tell whether one of them holds `address`."""
        number = int.from_bytes(address, "big")
        return any(number & mask in networks for mask, networks in self._networks.items())


class Sieve:
    """Takes the messages of a dump and keeps what is suspicious."""

    def __init__(self, subnets: Sequence[str], networks: Sequence[str], limit: int) -> None:
        self._own, self._inside, self._limit = Prefixes(subnets), Prefixes(networks), limit
        self._rewritten: Dict[Tuple[bytes, bytes, int], Row] = {}
        self._led: Dict[bytes, Row] = {}
        self._crowds: Dict[Tuple[int, bytes, bytes, int], int] = {}
        self.total = 0

    def take(self, message: Message) -> None:
        """Look at one flow."""
        self.total += 1
        body = message.body
        reply_at = 4 + _padded(body, 4)
        status_at = reply_at + _padded(body, reply_at)
        status = _status(body, status_at)
        if not status & (_SRC_NAT | _DST_NAT):
            return
        there, back = unpack(body, 4), unpack(body, reply_at)
        if status & _SRC_NAT and there.protocol in _WITH_PORTS:
            crowd = (there.protocol, back.destination, back.source, back.sport)
            self._crowds[crowd] = self._crowds.get(crowd, 0) + 1
        if status & _DST_NAT:
            if there.protocol == _UDP and self._inside.hold(back.source):
                self._keep(self._led, back.source, body, there, back, status)
        elif self._own.hold(there.source) and self._leaves(there.destination):
            self._keep(self._rewritten, (there.source, there.destination, there.protocol), body, there, back, status)

    def _leaves(self, destination: bytes) -> bool:
        return self._inside.hold(destination) and not self._own.hold(destination)

    def _keep(self, kept: Dict[Any, Row], key: Any, body: bytes, there: Tuple4, back: Tuple4, status: int) -> None:
        if key not in kept and len(kept) < self._limit:
            kept[key] = _row(body, there, back, status)

    def entries(self) -> List[Row]:
        """Return the flows that were kept."""
        return [*self._rewritten.values(), *self._led.values()]

    def crowds(self) -> List[Row]:
        """Return which rewritten source has how many flows to which server, where there are many."""
        largest = sorted(self._crowds.items(), key=lambda item: -item[1])[:MAX_CROWDS]
        return [
            {
                "protocol": _PROTOCOLS[protocol],
                "source": socket.inet_ntoa(source),
                "destination": socket.inet_ntoa(destination),
                "port": port,
                "flows": flows,
            }
            for (protocol, source, destination, port), flows in largest
            if flows >= MANY
        ]


def answer(subnets: Sequence[str], networks: Sequence[str], limit: int) -> Row:
    """Return what is suspicious, and how much of the table was looked at."""
    sieve = Sieve(subnets, networks, limit)
    whole, error = True, ""
    try:
        if os.path.exists(TRACKING):  # asking a kernel that does not track flows would load the module that does
            whole = _read(sieve)
    except OSError as problem:
        error = problem.strerror or str(problem)
    found = {"entries": sieve.entries(), "crowds": sieve.crowds(), "total": sieve.total}
    return {**found, "whole": whole, "error": error}


def _read(sieve: Sieve) -> bool:
    """Dump the table; return whether that came to its end within the time that it may take."""
    netlink = Netlink(NETFILTER)  # of its own: a dump that is given up half-way would be in the way of others
    ends = time.monotonic() + BUDGET_S
    try:
        for message in netlink.stream(GET, _REQUEST):
            sieve.take(message)
            if not sieve.total & 0x3FF and time.monotonic() > ends:
                return False
    finally:
        netlink.close()
    return True


def _padded(body: bytes, at: int) -> int:
    return int((struct.unpack_from("=H", body, at)[0] + 3) & ~3)


def _status(body: bytes, at: int) -> int:
    """Return the flags of a flow; in a zone of its own, a number stands before them."""
    kind = struct.unpack_from("=H", body, at + 2)[0] if len(body) >= at + 8 else 0
    packed = body[at + 4 : at + 8] if kind == _STATUS else attributes(body, 4).get(_STATUS, bytes(4))
    return int.from_bytes(packed, "big")


def unpack(body: bytes, at: int) -> Tuple4:
    """Return the tuple whose attribute begins at `at`."""
    inner = body[at : at + struct.unpack_from("=H", body, at)[0]]
    parts = attributes(inner, 4)
    addresses, protocol = attributes(parts.get(1, b""), 0), attributes(parts.get(2, b""), 0)
    sport = protocol.get(2, protocol.get(4, b""))
    return Tuple4(
        addresses.get(1, bytes(4)),
        addresses.get(2, bytes(4)),
        (protocol.get(1) or b"\0")[0],
        int.from_bytes(sport, "big"),
        int.from_bytes(protocol.get(3, b""), "big"),
    )


def _row(body: bytes, there: Tuple4, back: Tuple4, status: int) -> Row:
    more = attributes(body, 4)
    words = ([] if status & _SEEN_REPLY else ["UNREPLIED"]) + (["ASSURED"] if status & _ASSURED else [])
    return {
        "protocol": _PROTOCOLS.get(there.protocol, str(there.protocol)),
        "source": socket.inet_ntoa(there.source),
        "destination": socket.inet_ntoa(there.destination),
        "reply_source": socket.inet_ntoa(back.source),
        "reply_destination": socket.inet_ntoa(back.destination),
        "source_port": there.sport,
        "destination_port": there.dport,
        "reply_source_port": back.sport,
        "reply_destination_port": back.dport,
        "state": _tcp_state(more.get(_PROTOINFO, b"")),
        "timeout": int.from_bytes(more.get(_TIMEOUT, b""), "big"),
        "status": words,
    }


def _tcp_state(info: bytes) -> str:
    state = attributes(attributes(info, 0).get(1, b""), 0).get(1, b"")
    return _TCP_STATES[state[0]] if state and state[0] < len(_TCP_STATES) else ""
