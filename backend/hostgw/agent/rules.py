"""IPv4 policy rules, read by pyroute2's message class, written by struct."""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict, List

from pyroute2.netlink.rtnl.fibmsg import fibmsg

from hostgw.agent.links import decoded
from hostgw.agent.names import PROTOCOLS, RULE_ACTIONS, number, shown, word
from hostgw.agent.netlink import Netlink, attribute, u32

NEWRULE, DELRULE, GETRULE = 32, 33, 34
_MESSAGE = struct.Struct("=BBBBBBBBI")
_INVERT = 0x2
_NONE = 0xFFFFFFFF
_DST, _SRC, _IIF, _GOTO, _PRIORITY, _MARK, _SUPPRESS, _TABLE, _MASK, _OIF = 1, 2, 3, 4, 6, 10, 14, 15, 16, 17
_L3MDEV, _PROTOCOL = 19, 21
_MODELLED = {
    "FRA_DST",
    "FRA_SRC",
    "FRA_IIFNAME",
    "FRA_OIFNAME",
    "FRA_GOTO",
    "FRA_PRIORITY",
    "FRA_FWMARK",
    "FRA_FWMASK",
    "FRA_SUPPRESS_PREFIXLEN",
    "FRA_TABLE",
    "FRA_L3MDEV",
    "FRA_PROTOCOL",
}

Row = Dict[str, Any]


def read(netlink: Netlink) -> List[Row]:
    """Return the rules in the kernel's order."""
    dumped = netlink.dump(GETRULE, _MESSAGE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0))
    found = [_rule(decoded(fibmsg, message)) for message in dumped if message.type == NEWRULE]
    places: Dict[int, int] = {}
    for row in found:
        row["position"] = places.get(row["priority"], 0)
        places[row["priority"]] = row["position"] + 1
    return found


def _rule(message: Any) -> Row:
    suppress = message.get_attr("FRA_SUPPRESS_PREFIXLEN")
    table = message.get_attr("FRA_TABLE")
    return {
        "priority": message.get_attr("FRA_PRIORITY") or 0,
        "table": message["table"] if table is None else table,
        "action": word(RULE_ACTIONS, message["action"]),
        "src": _prefix(message, "FRA_SRC", "src_len"),
        "dst": _prefix(message, "FRA_DST", "dst_len"),
        "iif": shown(message.get_attr("FRA_IIFNAME") or ""),
        "oif": shown(message.get_attr("FRA_OIFNAME") or ""),
        "mark": message.get_attr("FRA_FWMARK") or 0,
        "mask": message.get_attr("FRA_FWMASK") or 0,
        "tos": message["tos"],
        "inverted": bool(message["flags"] & _INVERT),
        "l3mdev": bool(message.get_attr("FRA_L3MDEV")),
        "suppress_prefixlength": -1 if suppress in (None, _NONE) else suppress,
        "goto": message.get_attr("FRA_GOTO") or 0,
        "protocol": word(PROTOCOLS, message.get_attr("FRA_PROTOCOL") or 0),
        "other": sorted(_other(name, value) for name, value in message["attrs"] if name not in _MODELLED),
        "position": 0,
    }


def _other(name: str, value: Any) -> str:
    """Name what we do not model; what pyroute2 does not know either has a number only."""
    return name[4:].lower() if name != "UNKNOWN" else f"attribute {value['header']['type']}"


def _prefix(message: Any, name: str, length: str) -> str:
    network = message.get_attr(name)
    return f"{network}/{message[length]}" if network else ""


def pack(row: Row) -> bytes:
    """Return the body of a message that adds or deletes this rule.

    Raises:
        ValueError: it has attributes that we do not model.
    """
    if row["other"]:
        raise ValueError(f"rule with {', '.join(row['other'])}")
    lengths = [int(row[name].partition("/")[2] or 0) for name in ("dst", "src")]
    flags = _INVERT if row["inverted"] else 0
    action = number(RULE_ACTIONS, row["action"])
    body = _MESSAGE.pack(socket.AF_INET, lengths[0], lengths[1], row["tos"], 0, 0, 0, action, flags)
    body += attribute(_PRIORITY, u32(row["priority"])) + attribute(_TABLE, u32(row["table"]))
    for kind, name in ((_DST, "dst"), (_SRC, "src")):
        body += attribute(kind, socket.inet_aton(row[name].partition("/")[0])) if row[name] else b""
    for kind, name in ((_IIF, "iif"), (_OIF, "oif")):
        body += attribute(kind, row[name].encode() + b"\0") if row[name] else b""
    if row["mask"]:
        body += attribute(_MARK, u32(row["mark"])) + attribute(_MASK, u32(row["mask"]))
    body += attribute(_GOTO, u32(row["goto"])) if row["goto"] else b""
    body += attribute(_L3MDEV, b"\1") if row["l3mdev"] else b""
    if row["suppress_prefixlength"] >= 0:
        body += attribute(_SUPPRESS, u32(row["suppress_prefixlength"]))
    return body + attribute(_PROTOCOL, bytes([number(PROTOCOLS, row["protocol"])]))
