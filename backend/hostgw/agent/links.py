"""Devices and their addresses, read by pyroute2's message classes."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any, Dict, List, Optional

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from hostgw.agent.memory import Memory
from hostgw.agent.names import PORT_STATES, SCOPES, shown, word
from hostgw.agent.netlink import HEADER, Message, Netlink, attribute, attributes, repeated, u32

NEWLINK, DELLINK, SETLINK, GETLINK = 16, 17, 19, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_IFF_UP, _IFF_LOOPBACK, _IFF_LOWER_UP = 0x1, 0x8, 0x10000
_SET_BY_SOMEBODY = "3"  # NET_ADDR_SET
_SECONDARY, _NOPREFIXROUTE = 0x01, 0x200
_EXT_MASK_SKIP_STATS = 0x8
_AF_BRIDGE, _EXT_MASK_VLANS, _IFLA_AF_SPEC, _VLAN_INFO, _PVID = 7, 0x2, 26, 2, 0x2
_STATS64 = struct.Struct("=8Q")
_IFLA_STATS64 = 23

Row = Dict[str, Any]


def decoded(kind: Any, message: Message) -> Any:
    """Return a message as pyroute2 reads it."""
    head = HEADER.pack(HEADER.size + len(message.body), message.type, message.flags, 0, 0)
    parsed = kind(head + message.body)
    parsed.decode()
    return parsed


def _dumped(netlink: Netlink, stats: bool = False) -> List[Message]:
    """Return the kernel's devices; without statistics unless asked, for then they stay the same."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    if not stats:
        body += attribute(29, u32(_EXT_MASK_SKIP_STATS))  # IFLA_EXT_MASK
    return [message for message in netlink.dump(GETLINK, body) if message.type == NEWLINK]


def read(netlink: Netlink, memory: Memory, own: bool = False) -> List[Row]:
    """Return the devices; `own` when they are those of the agent's own namespace, whose /sys can be read."""
    rows = memory.rows("links", _dumped(netlink), lambda message: _link(decoded(ifinfmsg, message), own))
    filtering = {row["index"] for row in rows if row["bridge"] and row["bridge"]["vlan_filtering"]}
    if not filtering:
        return rows
    known = pvids(netlink.dump(GETLINK, _LINK.pack(_AF_BRIDGE, 0, 0, 0, 0) + attribute(29, u32(_EXT_MASK_VLANS))))
    return [_with_pvid(row, known) if row["port"] and row["master"] in filtering else row for row in rows]


def _with_pvid(row: Row, known: Dict[int, int]) -> Row:
    """Return a port's row with what the bridge does with untagged frames; rows are kept by the memory: a new one."""
    return {**row, "port": {**row["port"], "pvid": known.get(row["index"], -1)}}


def pvids(messages: List[Message]) -> Dict[int, int]:
    """Return the VLAN of untagged frames by port, 0 for a port that drops them; empty where the kernel tells none."""
    found: Dict[int, int] = {}
    for message in messages:
        if message.type == NEWLINK and len(message.body) >= _LINK.size:
            _, _, index, _, _ = _LINK.unpack_from(message.body)
            spec = attributes(message.body, _LINK.size).get(_IFLA_AF_SPEC)
            if spec is not None:
                vlans = [
                    struct.unpack("=HH", raw) for kind, raw in repeated(spec) if kind == _VLAN_INFO and len(raw) == 4
                ]
                found[index] = next((vid for flags, vid in vlans if flags & _PVID), 0)
    return found


def _link(message: Any, own: bool) -> Row:
    flags = message["flags"]
    info = message.get_attr("IFLA_LINKINFO")
    kind = (info.get_attr("IFLA_INFO_KIND") if info else "") or ""
    name = message.get_attr("IFLA_IFNAME") or ""
    netns = message.get_attr("IFLA_LINK_NETNSID")
    return {
        "index": message["index"],
        "name": shown(name),
        "kind": "loopback" if flags & _IFF_LOOPBACK else kind,
        "up": bool(flags & _IFF_UP),
        "carrier": bool(flags & _IFF_LOWER_UP),
        "mac": message.get_attr("IFLA_ADDRESS") or "",
        "mac_is_set": own and kind == "bridge" and _mac_is_set(name),
        "mtu": message.get_attr("IFLA_MTU") or 0,
        "master": message.get_attr("IFLA_MASTER") or 0,
        "peer": message.get_attr("IFLA_LINK") or 0,
        "peer_nsid": -1 if netns is None else netns,
        "promiscuity": message.get_attr("IFLA_PROMISCUITY") or 0,
        "alias": shown(message.get_attr("IFLA_IFALIAS") or ""),
        "bridge": _bridge(info) if kind == "bridge" else None,
        "port": _port(info),
    }


def _mac_is_set(name: Any) -> bool:
    try:
        with open(os.path.join("/sys/class/net", os.fsdecode(name), "addr_assign_type"), encoding="ascii") as file:
            return file.read().strip() == _SET_BY_SOMEBODY
    except (OSError, ValueError):
        return False


def _bridge(info: Any) -> Optional[Row]:
    data = info.get_attr("IFLA_INFO_DATA")
    if not data:
        return None
    return {
        "stp": bool(data.get_attr("IFLA_BR_STP_STATE")),
        "forward_delay": data.get_attr("IFLA_BR_FORWARD_DELAY") or 0,
        "vlan_filtering": bool(data.get_attr("IFLA_BR_VLAN_FILTERING")),
    }


def _port(info: Any) -> Optional[Row]:
    if not info or info.get_attr("IFLA_INFO_SLAVE_KIND") != "bridge":
        return None
    data = info.get_attr("IFLA_INFO_SLAVE_DATA")
    if not data:
        return None
    state = data.get_attr("IFLA_BRPORT_STATE") or 0
    return {
        "state": PORT_STATES[state] if state < len(PORT_STATES) else str(state),
        "hairpin": bool(data.get_attr("IFLA_BRPORT_MODE")),
        "isolated": bool(data.get_attr("IFLA_BRPORT_ISOLATED")),
    }


def counters(netlink: Netlink) -> List[Row]:
    """Return the totals of every device."""
    rows = []
    for message in _dumped(netlink, stats=True):
        _, _, index, _, _ = _LINK.unpack_from(message.body)
        stats = attributes(message.body, _LINK.size).get(_IFLA_STATS64, b"")
        totals = _STATS64.unpack_from(stats) if len(stats) >= _STATS64.size else (0,) * len(_COUNTED)
        rows.append({"index": index, **dict(zip(_COUNTED, totals))})
    return rows


_COUNTED = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped")
"""The first fields of struct rtnl_link_stats64."""


def read_addresses(netlink: Netlink, memory: Memory) -> List[Row]:
    """Return the addresses of both families, in the kernel's order."""
    dumped = netlink.dump(GETADDR, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
    wanted = [message for message in dumped if message.type == NEWADDR]
    return memory.rows("addresses", wanted, lambda message: _address(decoded(ifaddrmsg, message)))


def _address(message: Any) -> Row:
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    local, remote = message.get_attr("IFA_LOCAL"), message.get_attr("IFA_ADDRESS") or ""
    return {
        "index": message["index"],
        "address": local or remote,
        "length": message["prefixlen"],
        "family": 4 if message["family"] == socket.AF_INET else 6,
        "scope": word(SCOPES, message["scope"]),
        "secondary": bool(flags & _SECONDARY),
        "noprefixroute": bool(flags & _NOPREFIXROUTE),
        "peer": remote if local and remote != local else "",
        "broadcast": message.get_attr("IFA_BROADCAST") or "",
        "label": shown(message.get_attr("IFA_LABEL") or ""),
        "metric": message.get_attr("IFA_RT_PRIORITY") or 0,
    }
