"""Devices and their addresses, changed."""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict, List, Optional

from hostgw.agent import links
from hostgw.agent.names import SCOPES, number
from hostgw.agent.netlink import CREATE, EXCL, attribute, u32
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_MTU, _IFLA_MASTER = 1, 4, 10
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_FLAGS, _IFA_METRIC = 1, 2, 3, 4, 8, 9
_NOPREFIXROUTE = 0x200
_IFLA_LINKINFO, _INFO_KIND, _INFO_DATA, _INFO_SLAVE_KIND, _INFO_SLAVE_DATA = 18, 1, 2, 4, 5
_NESTED = 0x8000
_IFLA_BR_STP_STATE = 5
_PORT = {"hairpin": 4, "isolated": 33}
"""IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED (linux/if_link.h)."""
_COMPARED = ("address", "length", "scope", "noprefixroute", "peer", "metric")


def _found(watch: Watch, change: Row) -> Row:
    """Return the device; by its name alone where no index is known."""
    for row in links.read(watch.netlink, watch.memory, own=watch.ns == 0):
        if change["index"] in (0, row["index"]) and row["name"] == change["name"]:
            return row
    raise ValueError(f"no device {change['name']} with index {change['index']}")


def read_link(watch: Watch, change: Row) -> Row:
    """Return what of a device we change.

    Raises:
        ValueError: the device is gone, or another one has its name.
    """
    row = _found(watch, change)
    return {
        **{name: row[name] for name in ("up", "master", "mtu", "mac", "mac_is_set")},
        "stp": (row["bridge"] or {}).get("stp"),
        **{name: (row["port"] or {}).get(name) for name in _PORT},
    }


def same_link(first: Row, second: Row) -> bool:
    """Tell whether two states are equal in what both speak of."""
    both = [name for name in first if first[name] is not None and second.get(name) is not None]
    return all(first[name] == second[name] for name in both)


def make_link(watch: Watch, change: Row, before: Row, after: Row) -> None:
    """Set what differs; the device goes up last, and down first."""
    body = b""
    if before["master"] != after["master"]:
        body += attribute(_IFLA_MASTER, u32(after["master"]))
    if before["mtu"] != after["mtu"]:
        body += attribute(_IFLA_MTU, u32(after["mtu"]))
    fixed = after.get("mac_is_set") and not before["mac_is_set"]
    if (before["mac"] != after["mac"] or fixed) and after["mac"]:
        body += attribute(_IFLA_ADDRESS, bytes.fromhex(after["mac"].replace(":", "")))
    if before["up"] and not after["up"]:
        _set(watch, change["index"], 0, _IFF_UP, b"")
    if body:
        _set(watch, change["index"], 0, 0, body)
    _set_bridging(watch, change["index"], before, after)
    if after["up"] and not before["up"]:
        _set(watch, change["index"], _IFF_UP, _IFF_UP, b"")


def _set_bridging(watch: Watch, index: int, before: Row, after: Row) -> None:
    """Set what a bridge, or one of its ports, does with frames."""
    if after.get("stp") is not None and after["stp"] != before["stp"]:
        data = attribute(_IFLA_BR_STP_STATE, u32(int(after["stp"])))
        info = attribute(_INFO_KIND, b"bridge") + attribute(_INFO_DATA | _NESTED, data)
        _set(watch, index, 0, 0, attribute(_IFLA_LINKINFO | _NESTED, info))
    flags = {name: kind for name, kind in _PORT.items() if after.get(name) is not None and after[name] != before[name]}
    if flags:
        data = b"".join(attribute(kind, bytes([after[name]])) for name, kind in flags.items())
        info = attribute(_INFO_SLAVE_KIND, b"bridge") + attribute(_INFO_SLAVE_DATA | _NESTED, data)
        _set(watch, index, 0, 0, attribute(_IFLA_LINKINFO | _NESTED, info))


def _set(watch: Watch, index: int, flags: int, mask: int, body: bytes) -> None:
    watch.netlink.ask(links.NEWLINK, _LINK.pack(socket.AF_UNSPEC, 0, index, flags, mask) + body)


def read_addresses(watch: Watch, change: Row) -> List[Row]:
    """Return the IPv4 addresses of a device in order.

    Raises:
        ValueError: the device is gone, or another one has its name.
    """
    if change["index"] == 0 and not there(watch, change["name"]):
        return []
    index = _found(watch, change)["index"]
    rows = links.read_addresses(watch.netlink, watch.memory)
    return [row for row in rows if row["index"] == index and row["family"] == 4]


def there(watch: Watch, name: str) -> Optional[Row]:
    """Return the device of that name, if there is one."""
    rows = links.read(watch.netlink, watch.memory, own=watch.ns == 0)
    return next((row for row in rows if row["name"] == name), None)


def same_addresses(first: List[Row], second: List[Row]) -> bool:
    """Tell whether two lists are the same addresses in the same order."""
    return [_core(row) for row in first] == [_core(row) for row in second]


def _core(row: Row) -> Row:
    return {name: row[name] for name in _COMPARED}


def make_addresses(watch: Watch, change: Row, before: List[Row], after: List[Row]) -> None:
    """Delete what is too much, then add what is missing.

    An address in front of one that stays can only come there when that one goes and comes back behind it.
    """
    wanted = [_core(row) for row in after]
    _delete(watch, change, [row for row in before if _core(row) not in wanted])
    left = [_core(row) for row in read_addresses(watch, change)]  # secondaries may have gone along
    stay = 0
    while stay < min(len(left), len(wanted)) and left[stay] == wanted[stay]:
        stay += 1
    _delete(watch, change, [row for row in before if _core(row) in left[stay:]])
    for row in after[stay:]:
        watch.netlink.ask(links.NEWADDR, pack_address({**row, "index": _found(watch, change)["index"]}), CREATE | EXCL)


def _delete(watch: Watch, change: Row, rows: List[Row]) -> None:
    for row in reversed(rows):
        if _core(row) in [_core(left) for left in read_addresses(watch, change)]:
            watch.netlink.ask(links.DELADDR, pack_address(row))


def pack_address(row: Row) -> bytes:
    """Return an address as the kernel takes it."""
    flags = _NOPREFIXROUTE if row["noprefixroute"] else 0
    body = _ADDRESS.pack(socket.AF_INET, row["length"], 0, number(SCOPES, row["scope"]), row["index"])
    body += attribute(_IFA_LOCAL, socket.inet_aton(row["address"]))
    body += attribute(_IFA_ADDRESS, socket.inet_aton(row["peer"] or row["address"]))
    if row["broadcast"]:
        body += attribute(_IFA_BROADCAST, socket.inet_aton(row["broadcast"]))
    if row["label"]:
        body += attribute(_IFA_LABEL, row["label"].encode() + b"\0")
    if row["metric"]:
        body += attribute(_IFA_METRIC, u32(row["metric"]))
    return body + attribute(_IFA_FLAGS, u32(flags))
