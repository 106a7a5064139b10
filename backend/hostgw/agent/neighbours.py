"""Neighbour (ARP) and forwarding database entries; a struct decoder, for both can be large."""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict, List

from hostgw.agent.names import NEIGHBOUR_STATES, address, mac, word
from hostgw.agent.netlink import Message, Netlink, attribute, attributes

NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
AF_BRIDGE = 7
_MESSAGE = struct.Struct("=BxxxiHBB")
_DST, _LLADDR, _CACHEINFO, _PROBES, _VLAN, _MASTER = 1, 2, 3, 4, 5, 9
_INCOMPLETE, _FAILED, _NOARP, _PERMANENT, _PROXY, _MULTICAST = 0x01, 0x20, 0x40, 0x80, 0x08, 5
_CACHE = struct.Struct("=IIII")
_LATELY = 60 * 100
"""Hundredths of a second: an entry that failed before that has not been tried since."""
_ASKED = 2
"""Requests without an answer: the first may still be under way."""

Row = Dict[str, Any]


def read(netlink: Netlink) -> List[Row]:
    """Return the IPv4 neighbours, without proxies and without what the kernel made up for multicast and loopback."""
    rows = []
    for message in _dumped(netlink, socket.AF_INET):
        family, index, state, flags, kind = _MESSAGE.unpack_from(message.body)
        found = attributes(message.body, _MESSAGE.size)
        if family != socket.AF_INET or flags & _PROXY or state & _NOARP or kind == _MULTICAST or _DST not in found:
            continue
        rows.append(
            {
                "index": index,
                "address": address(found[_DST]),
                "mac": mac(found.get(_LLADDR, b"")),
                "state": word(NEIGHBOUR_STATES, state),
                "unanswered": _unanswered(state, found),
            }
        )
    return rows


def _unanswered(state: int, found: Dict[int, bytes]) -> bool:
    """Tell whether the kernel asks, or has asked a moment ago, and nobody answers; an old failure says nothing."""
    if state == _INCOMPLETE:
        return bool(_number(found.get(_PROBES, b"")) >= _ASKED)
    if state != _FAILED or len(found.get(_CACHEINFO, b"")) < _CACHE.size:
        return False
    _confirmed, _used, updated, _references = _CACHE.unpack_from(found[_CACHEINFO])
    return bool(updated < _LATELY)


def _number(raw: bytes) -> int:
    return int(struct.unpack_from("=I", raw)[0]) if len(raw) >= 4 else 0


def _dumped(netlink: Netlink, family: int) -> List[Message]:
    dumped = netlink.dump(GETNEIGH, _MESSAGE.pack(family, 0, 0, 0, 0))
    return [message for message in dumped if message.type == NEWNEIGH and len(message.body) >= _MESSAGE.size]


def read_fdb(netlink: Netlink) -> List[Row]:
    """Return the forwarding database entries of the bridges."""
    rows = {}
    for message in _dumped(netlink, AF_BRIDGE):
        family, index, state, _, _ = _MESSAGE.unpack_from(message.body)
        found = attributes(message.body, _MESSAGE.size)
        if family != AF_BRIDGE or _LLADDR not in found or _MASTER not in found:
            continue
        row = {
            "index": index,
            "mac": mac(found[_LLADDR]),
            "master": struct.unpack("=I", found[_MASTER])[0],
            "vlan": struct.unpack("=H", found[_VLAN][:2])[0] if _VLAN in found else 0,
            "permanent": bool(state & _PERMANENT),
        }
        rows[row["index"], row["mac"], row["vlan"]] = row
    return list(rows.values())


def pack(row: Row) -> bytes:
    """Return the body of a message that sets or deletes this neighbour."""
    states = {name: code for code, name in NEIGHBOUR_STATES.items()}
    head = _MESSAGE.pack(socket.AF_INET, row["index"], states[row["state"]], 0, 0)
    body = attribute(_DST, socket.inet_aton(row["address"]))
    if row["mac"]:
        body += attribute(_LLADDR, bytes.fromhex(row["mac"].replace(":", "")))
    return head + body
