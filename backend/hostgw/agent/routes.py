"""IPv4 routes: read with nexthop objects resolved, and written so that what was read comes back the same.

A struct decoder instead of pyroute2's: this is the one dump that can hold tens of thousands of rows.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict, List, Optional, Tuple

from hostgw.agent.names import METRICS, PROTOCOLS, ROUTE_FLAGS, SCOPES, TYPES, address, number, word
from hostgw.agent.netlink import Netlink, attribute, attributes, u32

NEWROUTE, DELROUTE, GETROUTE, GETNEXTHOP = 24, 25, 26, 106
_MESSAGE = struct.Struct("=BBBBBBBBI")
_HOP = struct.Struct("=HBBi")
_NHMSG = struct.Struct("=BBBBI")
_DST, _SRC, _IIF, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _MULTIPATH = 1, 2, 3, 4, 5, 6, 7, 8, 9
_TABLE, _VIA, _NH_ID = 15, 18, 30
_FLOW, _ENCAP, _CONGESTION = 11, 22, 16
_LOCAL_TABLE, _CLONED = 255, 0x200

Row = Dict[str, Any]


def read(netlink: Netlink) -> List[Row]:
    """Return the routes of all tables but `local`, in the kernel's order."""
    dumped = netlink.dump(GETROUTE, _MESSAGE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0))
    found = [row for m in dumped if m.type == NEWROUTE and (row := parse(m.body)) is not None]
    if any(_unresolved(row) for row in found):  # sysctl nexthop_compat_mode is 0
        _resolve(found, _nexthops(netlink))
    places: Dict[Tuple[Any, ...], int] = {}
    for row in found:
        slot = (row["table"], row["dst"], row["tos"], row["metric"])
        row["position"] = places.get(slot, 0)
        places[slot] = row["position"] + 1
    return found


def parse(body: bytes, local: bool = False) -> Optional[Row]:
    """Return one route; None for what does not belong in the picture (cache entries; the local table unless asked)."""
    if len(body) < _MESSAGE.size:
        return None
    family, length, _, tos, table, protocol, scope, kind, flags = _MESSAGE.unpack_from(body)
    found = attributes(body, _MESSAGE.size)
    table = _u32(found, _TABLE) or table
    if family != socket.AF_INET or (table == _LOCAL_TABLE and not local) or flags & _CLONED:
        return None
    hops, odd = found.get(_MULTIPATH, b""), _odd(found)
    return {
        "dst": f"{address(found.get(_DST, bytes(4)))}/{length}",
        "table": table,
        "type": word(TYPES, kind),
        "gateway": _gateway(found),
        "oif": _u32(found, _OIF),
        "metric": _u32(found, _PRIORITY),
        "protocol": word(PROTOCOLS, protocol),
        "scope": word(SCOPES, scope),
        "src": address(found[_PREFSRC]) if _PREFSRC in found else "",
        "tos": tos,
        "flags": _flags(flags) + odd,
        "nexthops": _hops(hops),
        "nexthop_id": _u32(found, _NH_ID),
        "metrics": _metrics(found.get(_METRICS, b"")),
        "position": 0,
        "via": address(found[_VIA][2:]) if len(found.get(_VIA, b"")) == 18 else "",
    }


def _odd(found: Dict[int, bytes]) -> List[str]:
    """Name what we do not model; such a route can be seen, but not put back."""
    odd = [name for name, kind in (("realm", _FLOW), ("encap", _ENCAP)) if kind in found]
    return odd + (["congestion"] if _CONGESTION in attributes(found.get(_METRICS, b""), 0) else [])


def _unresolved(row: Row) -> bool:
    return bool(row["nexthop_id"] and not row["oif"] and not row["nexthops"])


def _u32(found: Dict[int, bytes], kind: int) -> int:
    raw = found.get(kind)
    return int(struct.unpack("=I", raw[:4])[0]) if raw and len(raw) >= 4 else 0


def _gateway(found: Dict[int, bytes]) -> str:
    if _GATEWAY in found:
        return address(found[_GATEWAY])
    return address(found[_VIA][2:]) if len(found.get(_VIA, b"")) == 6 else ""


def _flags(flags: int) -> List[str]:
    return [name for bit, name in ROUTE_FLAGS.items() if flags & bit]


def _hops(raw: bytes) -> List[Row]:
    found, offset = [], 0
    while offset + _HOP.size <= len(raw):
        length, flags, weight, oif = _HOP.unpack_from(raw, offset)
        if length < _HOP.size:
            break
        inner = attributes(raw[: offset + length], offset + _HOP.size)
        names = _flags(flags) + _odd(inner) + (["inet6"] if len(inner.get(_VIA, b"")) == 18 else [])
        found.append({"oif": oif, "gateway": _gateway(inner), "weight": weight + 1, "flags": names})
        offset += (length + 3) & ~3
    return found


def _metrics(raw: bytes) -> Dict[str, int]:
    found = attributes(raw, 0)
    return {METRICS[kind]: _u32(found, kind) for kind in found if kind in METRICS}


def _nexthops(netlink: Netlink) -> Dict[int, Row]:
    """Return the nexthop objects by id: gateway and oif, or the members of a group with their weights."""
    objects: Dict[int, Row] = {}
    for message in netlink.dump(GETNEXTHOP, _NHMSG.pack(0, 0, 0, 0, 0)):
        found = attributes(message.body, _NHMSG.size)
        group, gateway = found.get(2, b""), found.get(6, b"")
        members = [struct.unpack_from("=IBBH", group, at) for at in range(0, len(group) - 7, 8)]
        objects[_u32(found, 1)] = {
            "oif": _u32(found, 5),
            "gateway": address(gateway) if len(gateway) == 4 else "",
            "via": address(gateway) if len(gateway) == 16 else "",
            "blackhole": 4 in found,
            "flags": _flags(_NHMSG.unpack_from(message.body)[4]),
            "members": [(member[0], member[1] + 1) for member in members],
        }
    return objects


def _resolve(rows: List[Row], objects: Dict[int, Row]) -> None:
    for row in rows:
        target = objects.get(row["nexthop_id"])
        if target is None or not _unresolved(row):
            continue
        row["oif"], row["gateway"], row["via"] = target["oif"], target["gateway"], target["via"]
        row["flags"] = sorted({*row["flags"], *target["flags"]})
        if target["blackhole"]:
            row["type"] = "blackhole"
        members = [(objects[member], weight) for member, weight in target["members"] if member in objects]
        row["nexthops"] = [
            {
                "oif": member["oif"],
                "gateway": member["gateway"],
                "weight": weight,
                "flags": member["flags"] + (["inet6"] if member["via"] else []),
            }
            for member, weight in members
        ]


BLANK: Row = {
    "table": 254,
    "type": "unicast",
    "gateway": "",
    "via": "",
    "oif": 0,
    "metric": 0,
    "protocol": "boot",
    "scope": "global",
    "src": "",
    "tos": 0,
    "flags": (),
    "nexthops": (),
    "nexthop_id": 0,
    "metrics": {},
}
"""A route that says nothing but where it leads."""


def pack(row: Row) -> bytes:
    """Return the body of a message that adds or deletes exactly this route.

    Raises:
        ValueError: it has attributes that we do not model.
    """
    odd = _CANNOT & {*row["flags"], *(flag for hop in _hops_sent(row) for flag in hop["flags"])}
    if odd:
        raise ValueError(f"route with {', '.join(sorted(odd))}")
    network, _, length = row["dst"].partition("/")
    table, kind = row["table"], number(TYPES, row["type"])
    onlink = 4 if "onlink" in row["flags"] else 0
    head = _MESSAGE.pack(
        socket.AF_INET,
        int(length),
        0,
        row["tos"],
        table if table < 256 else 0,
        number(PROTOCOLS, row["protocol"]),
        number(SCOPES, row["scope"]),
        kind,
        onlink,
    )
    body = attribute(_TABLE, u32(table))
    if int(length):
        body += attribute(_DST, socket.inet_aton(network))
    if row["nexthop_id"]:
        body += attribute(_NH_ID, u32(row["nexthop_id"]))
    elif row["nexthops"]:
        body += attribute(_MULTIPATH, b"".join(_pack_hop(hop) for hop in row["nexthops"]))
    else:
        body += _way(row)
    body += attribute(_PRIORITY, u32(row["metric"])) if row["metric"] else b""
    body += attribute(_PREFSRC, socket.inet_aton(row["src"])) if row["src"] else b""
    metrics = b"".join(attribute(number(METRICS, name), u32(value)) for name, value in row["metrics"].items())
    return head + body + (attribute(_METRICS, metrics) if metrics else b"")


_CANNOT = frozenset({"realm", "encap", "congestion", "inet6"})


def _hops_sent(row: Row) -> List[Row]:
    return [] if row["nexthop_id"] else list(row["nexthops"])


def _way(row: Row) -> bytes:
    gateway = attribute(_GATEWAY, socket.inet_aton(row["gateway"])) if row["gateway"] else b""
    if row["via"]:
        gateway = attribute(_VIA, struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, row["via"]))
    return gateway + (attribute(_OIF, u32(row["oif"])) if row["oif"] else b"")


def _pack_hop(hop: Row) -> bytes:
    inner = attribute(_GATEWAY, socket.inet_aton(hop["gateway"])) if hop["gateway"] else b""
    onlink = 4 if "onlink" in hop["flags"] else 0
    return _HOP.pack(_HOP.size + len(inner), onlink, hop["weight"] - 1, hop["oif"]) + inner


def lookup(netlink: Netlink, dst: str, source: str, iif: int) -> Optional[Row]:
    """Return the table entry that the kernel would use for a packet.

    Raises:
        KernelError: the look-up ends in an error (blackhole, no route, forwarding off, ...).
    """
    match = 0x3000  # RTM_F_FIB_MATCH: the entry itself, not a copy made for this packet; RTM_F_LOOKUP_TABLE: its table
    head = _MESSAGE.pack(socket.AF_INET, 32, 32 if source else 0, 0, 0, 0, 0, 0, match)
    body = attribute(_DST, socket.inet_aton(dst))
    body += attribute(_SRC, socket.inet_aton(source)) if source else b""
    body += attribute(_IIF, u32(iif)) if iif else b""
    for message in netlink.ask(GETROUTE, head + body):
        row = parse(message.body, local=True) if message.type == NEWROUTE else None
        if row is not None:
            if _unresolved(row):
                _resolve([row], _nexthops(netlink))
            return row
    return None
