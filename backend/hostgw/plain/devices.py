"""Devices and their addresses, from `ip -j`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hostgw.model.kernel import Address, Bridge, Counters, Link, Port

Json = Mapping[str, Any]
LOOPBACK = "loopback"


def links(entries: Iterable[Json], assigned: Mapping[str, str]) -> tuple[Link, ...]:
    """Return the devices; `assigned` has the addr_assign_type of each name (3: somebody set the address)."""
    found = list(entries)
    index = {entry["ifname"]: entry["ifindex"] for entry in found}
    return tuple(_link(entry, index, assigned.get(entry["ifname"], "")) for entry in found)


def _link(entry: Json, index: Mapping[str, int], assigned: str) -> Link:
    info, flags = entry.get("linkinfo", {}), entry.get("flags", ())
    kind = LOOPBACK if "LOOPBACK" in flags else info.get("info_kind", "")
    peer, lower = entry.get("link_index", 0), entry.get("link", "")
    return Link(
        index=entry["ifindex"],
        name=entry["ifname"],
        kind=kind,
        up="UP" in flags,
        carrier="LOWER_UP" in flags,
        mac=entry.get("address", ""),
        mac_is_set=kind == "bridge" and assigned == "3",
        mtu=entry.get("mtu", 0),
        master=index.get(entry.get("master", ""), 0),
        peer=peer or index.get(lower, 0),
        peer_nsid=entry.get("link_netnsid", -1),
        promiscuity=entry.get("promiscuity", 0),
        alias=entry.get("ifalias", ""),
        bridge=_bridge(info.get("info_data", {})) if kind == "bridge" else None,
        port=_port(info.get("info_slave_data", {})) if info.get("info_slave_kind") == "bridge" else None,
    )


def _bridge(data: Json) -> Bridge:
    return Bridge(bool(data.get("stp_state")), data.get("forward_delay", 0), bool(data.get("vlan_filtering")))


def _port(data: Json) -> Port:
    return Port(data.get("state", "forwarding"), bool(data.get("hairpin")), bool(data.get("isolated")))


def addresses(entries: Iterable[Json]) -> tuple[Address, ...]:
    """Return the addresses of both families."""
    return tuple(_address(entry["ifindex"], each) for entry in entries for each in entry.get("addr_info", ()))


def _address(index: int, each: Json) -> Address:
    return Address(
        index=index,
        address=each["local"],
        length=each["prefixlen"],
        family=4 if each["family"] == "inet" else 6,
        scope=each.get("scope", "global"),
        secondary=bool(each.get("secondary")),
        noprefixroute=bool(each.get("noprefixroute")),
        peer=each.get("address", ""),
        broadcast=each.get("broadcast", ""),
        label=each.get("label", ""),
        metric=each.get("metric", 0),
    )


def counters(entries: Iterable[Json]) -> Iterator[Counters]:
    """Yield the totals of every device."""
    for entry in entries:
        rx, tx = (entry.get("stats64", {}).get(way, {}) for way in ("rx", "tx"))
        named = {
            f"{way}_{name}": side.get(name, 0)
            for way, side in (("rx", rx), ("tx", tx))
            for name in ("packets", "bytes", "dropped", "errors")
        }
        yield Counters(entry["ifindex"], **named)
