"""Bridges and veth pairs that are made and deleted."""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Any, Dict

from hostgw.agent import links, routes
from hostgw.agent.change_link import pack_address, there
from hostgw.agent.netlink import CREATE, EXCL, Netlink, attribute, u32
from hostgw.agent.visit import inside
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
_LINK = struct.Struct("=BxHiII")
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_INFO_PEER, _NESTED = 1, 2, 1, 0x8000
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,15}")
_PLACE = re.compile(r"(/var)?/run/(docker/)?netns/[^/]+|/proc/[0-9]+/ns/net")
_LOOPBACK = 1


def read_bridge(watch: Watch, change: Row) -> bool:
    """Tell whether the bridge is there.

    Raises:
        ValueError: another device has its name.
    """
    found = there(watch, change["name"])
    if found is not None and found["kind"] != "bridge":
        raise ValueError(f"{change['name']} is there, and no bridge")
    return found is not None


def make_bridge(watch: Watch, change: Row, _before: bool, after: bool) -> None:
    """Make the bridge with its fixed address and set it up, or delete it when nothing hangs on it."""
    if not after:
        _delete_idle(watch, change["name"])
        return
    body = _named(change["name"]) + attribute(_IFLA_ADDRESS, bytes.fromhex(change["mac"].replace(":", "")))
    body += attribute(_IFLA_LINKINFO | _NESTED, attribute(_INFO_KIND, b"bridge"))
    watch.netlink.ask(links.NEWLINK, _head(up=True) + body, CREATE | EXCL)


def _delete_idle(watch: Watch, name: str) -> None:
    found = there(watch, name)
    rows = links.read(watch.netlink, watch.memory, own=watch.ns == 0)
    ports = [row["name"] for row in rows if found and row["master"] == found["index"]]
    if ports:
        raise ValueError(f"{name} has ports: {', '.join(ports[:5])}")
    if found:
        _delete(watch, found["index"])


def _delete(watch: Watch, index: int) -> None:
    watch.netlink.ask(links.DELLINK, _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0))


def read_attachment(watch: Watch, change: Row) -> bool:
    """Tell whether the veth pair is there.

    Raises:
        ValueError: another device has its name, or the pair is on another bridge.
    """
    found = there(watch, change["name"])
    if found is None:
        return False
    bridge = there(watch, change["bridge"])
    if found["kind"] != "veth" or bridge is None or found["master"] != bridge["index"]:
        raise ValueError(f"{change['name']} is there, and no port of {change['bridge']}")
    return True


def make_attachment(watch: Watch, change: Row, _before: bool, after: bool) -> None:
    """Make the pair, its inner end with address and default route; or delete it, and all of that goes with it."""
    found = there(watch, change["name"])
    if not after:
        if found:
            _delete(watch, found["index"])
        return
    bridge = there(watch, change["bridge"])
    if bridge is None or not _PLACE.fullmatch(change["path"]):
        raise ValueError(f"no bridge {change['bridge']}, or {change['path']} is no place of a namespace")
    place = os.open(change["path"], os.O_RDONLY | os.O_CLOEXEC)
    try:
        watch.netlink.ask(links.NEWLINK, _pair(change, bridge["index"], place), CREATE | EXCL)
    finally:
        os.close(place)
    with inside(change["path"]):
        _settle_inner(change)


def _pair(change: Row, bridge: int, place: int) -> bytes:
    peer = _head() + _named(change["inner"]) + attribute(_IFLA_NET_NS_FD, u32(place))
    data = attribute(_INFO_DATA | _NESTED, attribute(_VETH_INFO_PEER, peer))
    info = attribute(_IFLA_LINKINFO | _NESTED, attribute(_INFO_KIND, b"veth") + data)
    return _head(up=True) + _named(change["name"]) + attribute(_IFLA_MASTER, u32(bridge)) + info


def _settle_inner(change: Row) -> None:
    """Give the inner end what it needs, from within its namespace."""
    netlink = Netlink()
    try:
        index = socket.if_nametoindex(change["inner"])
        address, _, length = change["address"].partition("/")
        row = {"index": index, "address": address, "length": int(length), "scope": "global"}
        blank = {"noprefixroute": False, "peer": "", "broadcast": "", "label": "", "metric": 0}
        netlink.ask(links.NEWADDR, pack_address({**blank, **row}), CREATE | EXCL)
        for each in (_LOOPBACK, index):
            netlink.ask(links.NEWLINK, _LINK.pack(socket.AF_UNSPEC, 0, each, _IFF_UP, _IFF_UP))
        netlink.ask(routes.NEWROUTE, routes.pack(_default(change["gateway"], index)), CREATE | EXCL)
    finally:
        netlink.close()


def _default(gateway: str, oif: int) -> Row:
    return {**routes.BLANK, "dst": "0.0.0.0/0", "gateway": gateway, "oif": oif}


def _head(up: bool = False) -> bytes:
    return _LINK.pack(socket.AF_UNSPEC, 0, 0, _IFF_UP if up else 0, _IFF_UP if up else 0)


def _named(name: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a device")
    return attribute(_IFLA_IFNAME, name.encode("ascii") + b"\0")
