"""What nftables expressions read from a packet: header fields, meta, conntrack, fib.

Each reader returns None where the kernel would break off the rule because the packet lacks the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hostgw.paths.fib import Outcome
from hostgw.paths.netfilter.flow import PROTOCOLS, UNKNOWN_PORT, UNSET, Packet
from hostgw.paths.netfilter.nft_values import (
    ADDRESS,
    ANYTHING,
    DIRECTIONS,
    ICMP_CODES,
    ICMP_TYPES,
    NAME,
    NUMBER,
    PROTOCOL,
    STATES,
    STATUS,
    TCP_FLAGS,
    Parse,
    Value,
    numbers,
)
from hostgw.paths.netfilter.program import UnsureError
from hostgw.paths.netfilter.xt_matches import has_connection
from hostgw.paths.netfilter.xt_tracking import reply_tuple, states

Json = Any
Read = Callable[[Packet], Value | None]
SOURCE, DESTINATION, NEITHER = "source", "destination", ""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a rule can compare."""

    read: Read
    parse: Parse
    side: str = NEITHER
    """Which address it is: that counts for the classes of addresses."""
    bits: bool = False
    """A match with a plain value asks whether some of its bits are set."""


def never(packet: Packet) -> Value | None:
    """Read a field that no IPv4 packet has."""
    return None


def _known(value: int, name: str) -> int:
    if value == UNSET:
        raise UnsureError(f"expression {name}")
    return value


def _port(protocol: str, source: bool) -> Read:
    number = PROTOCOLS.get(protocol)

    def read(packet: Packet) -> Value | None:
        if packet.fragment or (number is not None and packet.protocol != number):
            return None
        if not packet.has_ports:
            return ANYTHING
        return packet.sport if source else packet.dport

    return read


def _icmp(read: Callable[[Packet], int]) -> Read:
    return lambda packet: read(packet) if packet.protocol == 1 and not packet.fragment else None


def _tcp_flags(packet: Packet) -> Value | None:
    return packet.tcp_flags if packet.protocol == 6 and not packet.fragment else None


PAYLOAD: Final[dict[tuple[str, str], Field]] = {
    ("ip", "saddr"): Field(lambda packet: packet.source, ADDRESS, SOURCE),
    ("ip", "daddr"): Field(lambda packet: packet.destination, ADDRESS, DESTINATION),
    ("ip", "protocol"): Field(lambda packet: packet.protocol, PROTOCOL),
    ("ip", "version"): Field(lambda packet: 4, NUMBER),
    ("ip", "ttl"): Field(lambda packet: _known(packet.ttl, "ip ttl"), NUMBER),
    ("ip", "length"): Field(lambda packet: _known(packet.length, "ip length"), NUMBER),
    ("tcp", "flags"): Field(_tcp_flags, numbers(TCP_FLAGS), bits=True),
    ("icmp", "type"): Field(_icmp(lambda packet: packet.icmp_type), numbers(ICMP_TYPES)),
    ("icmp", "code"): Field(_icmp(lambda packet: packet.icmp_code), numbers(ICMP_CODES)),
    **{
        (protocol, side): Field(_port(protocol, side == "sport"), NUMBER)
        for protocol in ("th", "tcp", "udp", "udplite", "sctp", "dccp")
        for side in ("sport", "dport")
    },
}
FOREIGN: Final = frozenset({"ip6", "icmpv6", "arp"})
"""Headers that an IPv4 packet does not have."""


def _kind(pick: Callable[[Packet], str]) -> Read:
    def read(packet: Packet) -> Value | None:
        name = pick(packet)
        if not name:
            return None
        if name == UNKNOWN_PORT or name not in packet.world.state.links_by_name:
            raise UnsureError("expression meta iifkind")
        kind = packet.world.kind_of(name)
        return None if kind in ("", "loopback") else kind

    return read


def _packet_type(packet: Packet) -> Value:
    if not packet.iif:
        raise UnsureError("expression meta pkttype")
    if packet.destination >> 28 == 0xE:
        return "multicast"
    return "broadcast" if packet.destination == 0xFFFFFFFF else "host"


def _device(pick: Callable[[Packet], str]) -> Read:
    def read(packet: Packet) -> Value:
        name = pick(packet)
        if name == UNKNOWN_PORT:
            raise UnsureError("expression meta iifname")
        return name

    return read


META: Final[dict[str, Field]] = {
    "iif": Field(_device(lambda packet: packet.iif), NAME),
    "oif": Field(_device(lambda packet: packet.oif), NAME),
    "iifname": Field(_device(lambda packet: packet.iif), NAME),
    "oifname": Field(_device(lambda packet: packet.oif), NAME),
    "iifkind": Field(_kind(lambda packet: packet.iif), NAME),
    "oifkind": Field(_kind(lambda packet: packet.oif), NAME),
    "mark": Field(lambda packet: packet.mark, NUMBER),
    "l4proto": Field(lambda packet: packet.protocol, PROTOCOL),
    "nfproto": Field(lambda packet: 2, numbers({"ipv4": 2, "ipv6": 10})),
    "protocol": Field(lambda packet: 0x800, numbers({"ip": 0x800, "ip6": 0x86DD, "arp": 0x806, "vlan": 0x8100})),
    "pkttype": Field(_packet_type, lambda raw: {"unicast": "host", "other": "otherhost"}.get(raw, raw)),
    "length": Field(lambda packet: _known(packet.length, "meta length"), NUMBER),
}


def _state(packet: Packet) -> Value:
    return sum(STATES.get(name.lower(), 0) for name in states(packet))


def _status(packet: Packet) -> Value:
    return sum(STATUS.get(name.lower().replace("_", "-"), 0) for name in packet.status)


def _of_connection(read: Callable[[Packet], Value]) -> Read:
    return lambda packet: read(packet) if has_connection(packet) else None


def _tuple(place: int, reply: bool) -> Read:
    return _of_connection(lambda packet: (reply_tuple(packet) if reply else packet.original)[place])


CONNTRACK: Final[dict[tuple[str, str], Field]] = {
    ("state", ""): Field(_state, numbers(STATES), bits=True),
    ("status", ""): Field(_of_connection(_status), numbers(STATUS), bits=True),
    ("mark", ""): Field(_of_connection(lambda packet: packet.ctmark), NUMBER),
    ("direction", ""): Field(_of_connection(lambda packet: DIRECTIONS[packet.direction.lower()]), numbers(DIRECTIONS)),
    ("protocol", ""): Field(_of_connection(lambda packet: packet.protocol), PROTOCOL),
    ("l3proto", ""): Field(_of_connection(lambda packet: 2), numbers({"ipv4": 2, "ipv6": 10})),
    **{
        (key, way): Field(_tuple(place, way == "reply"), ADDRESS if place < 2 else NUMBER, "both" if place < 2 else "")
        for way in ("original", "reply")
        for keys, place in (
            (("saddr", "ip saddr"), 0),
            (("daddr", "ip daddr"), 1),
            (("proto-src",), 2),
            (("proto-dst",), 3),
        )
        for key in keys
    },
}


def fib_field(inner: Json) -> Field | None:
    """Return the field of a fib expression; None for one that is not read."""
    flags, result = frozenset(inner.get("flags", ())), inner.get("result")
    if flags - {"saddr", "daddr", "mark", "iif", "oif"}:
        return None
    if result == "type":
        return Field(_fib_type(flags), lambda raw: raw.upper(), SOURCE if "saddr" in flags else DESTINATION)
    if result in ("oif", "oifname"):
        return Field(_fib_device(flags), _device_literal, SOURCE if "saddr" in flags else DESTINATION)
    return None


def _device_literal(raw: Json) -> Value:
    if raw in (False, 0, "0", ""):
        return ""
    if raw is True:
        raise ValueError("fib exists")
    return NAME(raw)  # type: ignore[return-value]


def _fib_type(flags: frozenset[str]) -> Read:
    def read(packet: Packet) -> Value:
        device = packet.iif if "iif" in flags else packet.oif if "oif" in flags else ""
        address = packet.source if "saddr" in flags else packet.destination
        return packet.world.addresses.type_of(address, device)

    return read


def _fib_device(flags: frozenset[str]) -> Read:
    """Read the device that a route leads to, empty when there is none or not by the device that is asked for."""

    def read(packet: Packet) -> Value:
        if packet.iif == "lo":
            return "lo"
        to_source = "saddr" in flags
        pair = (packet.source, packet.destination) if to_source else (packet.destination, packet.source)
        outcome, device = packet.world.back(*pair, packet.mark if "mark" in flags else 0)
        wanted = packet.iif if "iif" in flags else packet.oif if "oif" in flags else device
        return device if outcome is Outcome.FORWARD and device == wanted else ""

    return read
