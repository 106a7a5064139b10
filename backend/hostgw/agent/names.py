"""Numbers of the kernel as the words that iproute2 prints (rtnetlink.h, iproute2's rt_names)."""

from __future__ import annotations

import socket
from typing import Any, Dict

TYPES = {
    0: "unspec",
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
    10: "nat",
}
PROTOCOLS = {
    0: "unspec",
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "ra",
    10: "mrt",
    11: "zebra",
    12: "bird",
    13: "dnrouted",
    14: "xorp",
    15: "ntk",
    16: "dhcp",
    18: "keepalived",
    42: "babel",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
ROUTE_FLAGS = {1: "dead", 2: "pervasive", 4: "onlink", 8: "offload", 16: "linkdown", 64: "trap"}
METRICS = {
    1: "lock",
    2: "mtu",
    3: "window",
    4: "rtt",
    5: "rttvar",
    6: "ssthresh",
    7: "cwnd",
    8: "advmss",
    9: "reordering",
    10: "hoplimit",
    11: "initcwnd",
    12: "features",
    13: "rto_min",
    14: "initrwnd",
    15: "quickack",
    17: "fastopen_no_cookie",
}
NEIGHBOUR_STATES = {
    0x00: "none",
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}
RULE_ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
PORT_STATES = ("disabled", "listening", "learning", "forwarding", "blocking")


def word(names: Dict[int, str], number: int) -> str:
    """Return a number's word, or the number as text."""
    return names.get(number, str(number))


def number(names: Dict[int, str], text: str) -> int:
    """Return the number of a word, or of a number as text."""
    for code, name in names.items():
        if name == text:
            return code
    return int(text)


def mac(raw: bytes) -> str:
    """Return a link-layer address in its usual form."""
    return ":".join("%02x" % byte for byte in raw)


def address(raw: bytes) -> str:
    """Return an IPv4 or IPv6 address as text."""
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def shown(name: Any) -> str:
    """Return a name that anybody may have chosen; pyroute2 gives bytes for what is no UTF-8: those show as escapes."""
    return name if isinstance(name, str) else bytes(name).decode("utf-8", "backslashreplace")
