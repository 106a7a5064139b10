"""The sets of ip_set in the words of `ipset save`, asked of the kernel.

Where rules ask sets, the tool that lists them often stands in a container only (kube-router, Calico). Source:
include/uapi/linux/netfilter/ipset/ip_set.h. Timeouts and counters are left out, and members sorted: neither they nor
the order in a hash table are a change.
"""

from __future__ import annotations

import socket
import struct
from typing import Dict, Iterator, List, Optional

from hostgw.agent.netlink import NETFILTER, Netlink, attribute, attributes, repeated

_LIST = 6 << 8 | 7  # NFNL_SUBSYS_IPSET, IPSET_CMD_LIST
_PROTOCOL, _NAME, _TYPE, _FAMILY, _DATA, _MEMBERS = 1, 2, 3, 5, 7, 8
_IP, _CIDR, _PORT, _PROTO, _FLAGS, _MARK, _MARKMASK, _BITMASK = 1, 3, 4, 7, 8, 10, 11, 12
_ETHER, _NAMEREF, _NETMASK, _IP2, _CIDR2, _IFACE = 17, 18, 20, 20, 21, 23
"""17 and on mean one thing of a set, another of a member."""
_PHYSDEV, _NOMATCH = 2, 4
_OLDEST = b"\x06"
"""The protocol version that every kernel since 2.6.39 speaks."""
_ICMP = (1, 58)
_WHOLE_MARK = b"\xff\xff\xff\xff"
UNREADABLE = "hash:masked"
"""The type that is told of sets that keep less of a packet than their type says: nobody compares with those."""

Attributes = Dict[int, bytes]


def save() -> List[str]:
    """Return the lines that would make the sets of this namespace anew.

    Raises:
        OSError: the kernel has no sets, or does not show them to us.
    """
    netlink = Netlink(NETFILTER)
    try:
        messages = netlink.dump(_LIST, struct.pack("=BBH", socket.AF_INET, 0, 0) + attribute(_PROTOCOL, _OLDEST))
    finally:
        netlink.close()
    made: List[str] = []
    members: List[str] = []
    kinds: Dict[str, str] = {}
    for message in messages:  # a large set comes in several, of which only the first tells its type
        found = attributes(message.body, 4)
        name = _text(found.get(_NAME, b""))
        if _TYPE in found:
            kinds[name] = _text(found[_TYPE])
            made.append(_created(name, found))
        members.extend(f"add {name} {each}" for each in _members(kinds.get(name, ""), found.get(_MEMBERS, b"")))
    return [*sorted(made), *sorted(members)]


def _text(value: bytes) -> str:
    text = value.partition(b"\0")[0].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() and c != " " else f"\\x{ord(c):02x}" for c in text)  # it stays one word


def _created(name: str, found: Attributes) -> str:
    data = attributes(found.get(_DATA, b""), 0)
    masked = _BITMASK in data or data.get(_MARKMASK, _WHOLE_MARK) != _WHOLE_MARK
    kind = UNREADABLE if masked else _text(found[_TYPE])
    family = "inet6" if found.get(_FAMILY, b"\2")[0] == socket.AF_INET6 else "inet"
    return f"create {name} {kind} family {family}" + (f" netmask {data[_NETMASK][0]}" if _NETMASK in data else "")


def _members(kind: str, body: bytes) -> Iterator[str]:
    dimensions = kind.rpartition(":")[2].split(",")
    for _, value in repeated(body):
        found = attributes(value, 0)
        flags = struct.unpack(">I", found[_FLAGS])[0] if len(found.get(_FLAGS, b"")) == 4 else 0
        parts = list(_parts(dimensions, found, flags))
        if len(parts) == len(dimensions):
            yield ",".join(parts) + (" nomatch" if flags & _NOMATCH else "")


def _parts(dimensions: List[str], found: Attributes, flags: int) -> Iterator[str]:
    """Yield what a member is in each dimension; a second address has attributes of its own."""
    seconds = [place for place, kind in enumerate(dimensions) if kind in ("ip", "net")][1:]
    for place, kind in enumerate(dimensions):
        second = place in seconds
        text = _address(found, second) if kind in ("ip", "net") else _other(kind, found, flags)
        if text is not None:
            yield text


def _address(found: Attributes, second: bool) -> Optional[str]:
    nested = attributes(found.get(_IP2 if second else _IP, b""), 0)
    value = nested.get(1) or nested.get(2)
    if value is None or len(value) not in (4, 16):
        return None
    address = socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)
    length = found.get(_CIDR2 if second else _CIDR, b"")
    return f"{address}/{length[0]}" if length and length[0] != 8 * len(value) else address


def _other(kind: str, found: Attributes, flags: int) -> Optional[str]:
    if kind == "port" and len(found.get(_PORT, b"")) == 2:
        return _port(int.from_bytes(found[_PORT], "big"), found.get(_PROTO, b""))
    if kind == "iface" and _IFACE in found:
        return f"{'physdev:' if flags & _PHYSDEV else ''}{_text(found[_IFACE])}"
    if kind == "mac" and _ETHER in found:
        return ":".join(f"{byte:02X}" for byte in found[_ETHER])
    if kind == "mark" and len(found.get(_MARK, b"")) == 4:
        return f"{int.from_bytes(found[_MARK], 'big'):#010x}"
    return _text(found[_NAMEREF]) if kind == "set" and _NAMEREF in found else None


def _port(number: int, protocol: bytes) -> str:
    """Return a port with its protocol, as numbers; of ICMP the type and the code stand in its place."""
    if not protocol:
        return str(number)
    shown = f"{number >> 8}/{number & 255}" if protocol[0] in _ICMP else str(number)
    return f"{protocol[0]}:{shown}"
