"""Whether a packet is in an ipset. Sources: ipset(8), net/netfilter/ipset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from hostgw.model.ip import FULL
from hostgw.model.ipset import Element, IpSet
from hostgw.paths.netfilter.flow import PROTOCOLS, Packet
from hostgw.paths.netfilter.program import Ranges, UnsureError
from hostgw.paths.netfilter.xt_values import address_span, masked_address, span

MAX_NESTED = 8
READ = frozenset({"ip", "net", "port", "iface", "mark"})
"""Dimensions that can be compared with a packet."""
ICMP = PROTOCOLS["icmp"]
Spans = tuple[tuple[int, int] | str, ...]
"""Of one member: a range per dimension, or the name of a device."""


class Members:
    """The members of a set, by their first dimension."""

    def __init__(self, found: IpSet) -> None:
        self.readable = READ.issuperset(found.dimensions)
        self._by_first: dict[tuple[int, int] | str, list[tuple[Spans, bool]]] = {}
        self.ranges: list[tuple[tuple[int, int], ...]] = []
        try:
            for element in found.elements if self.readable else ():
                spans = _spans(found, element)
                self._by_first.setdefault(spans[0], []).append((spans, element.nomatch))
        except (ValueError, KeyError, IndexError):
            self.readable = False
        firsts = [first for first in self._by_first if isinstance(first, tuple)]
        self._sizes = sorted({high - low for low, high in firsts if _is_prefix(low, high)})
        self._odd = [span for span in firsts if not _is_prefix(*span)]

    def contain(self, key: tuple[int | str, ...]) -> bool:
        """Tell whether the key of a packet is in the set: the narrowest member decides."""
        first = key[0]
        for spans, nomatch in self._candidates(first):
            if all(_covers(span, part) for span, part in zip(spans, key, strict=True)):
                return not nomatch
        return False

    def _candidates(self, first: int | str) -> Iterator[tuple[Spans, bool]]:
        if isinstance(first, str):
            yield from self._by_first.get(first, ())
            return
        for size in self._sizes:
            low = first & ~size
            yield from self._by_first.get((low, low + size), ())
        for odd in self._odd:  # ranges that are no prefix, as bitmap sets have
            if odd[0] <= first <= odd[1]:
                yield from self._by_first[odd]

    def addresses(self) -> Iterator[Ranges]:
        """Yield what addresses are compared with, each group of ranges that always answer alike by itself."""
        alone: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
        for spans, nomatch in (member for found in self._by_first.values() for member in found):
            if len(spans) == 1 and not isinstance(spans[0], str):
                alone[nomatch].append(spans[0])
            else:
                yield from ((span,) for span in spans if not isinstance(span, str))
        yield from (tuple(ranges) for ranges in alone.values() if ranges)


def _is_prefix(low: int, high: int) -> bool:
    size = high - low
    return size & (size + 1) == 0 and low & size == 0


def _covers(span: tuple[int, int] | str, part: int | str) -> bool:
    if isinstance(span, str) or isinstance(part, str):
        return span == part
    return span[0] <= part <= span[1]


def _spans(found: IpSet, element: Element) -> Spans:
    return tuple(_span(found, kind, part) for kind, part in zip(found.dimensions, element.parts, strict=True))


def _span(found: IpSet, kind: str, text: str) -> tuple[int, int] | str:
    if kind == "iface":
        if text.startswith("physdev:"):
            raise ValueError(text)
        return text
    if kind == "mark":
        return int(text, 0), int(text, 0)
    if kind == "port":
        return _port_span(found, text)
    if "-" in text:
        return address_span(text)
    value, mask = masked_address(text)
    mask &= FULL ^ (FULL >> found.netmask)
    return value & mask, (value & mask) | (mask ^ FULL)


def _port_span(found: IpSet, text: str) -> tuple[int, int]:
    """Return the range of protocol and port as one number; bitmap:port has no protocol."""
    protocol, divided, ports = text.partition(":")
    if not divided:
        return span(text, "-", 65535)
    number = int(protocol) if protocol.isdigit() else PROTOCOLS[protocol]
    if number == ICMP:
        kind, _, code = ports.partition("/")
        if not kind.isdigit():
            raise ValueError(text)
        low = high = int(kind) << 8 | int(code or 0)
    else:
        low, high = span(ports, "-", 65535)
    return number << 16 | low, number << 16 | high


@lru_cache(maxsize=4096)
def _members(found: IpSet) -> Members:
    return Members(found)


def addresses(found: IpSet) -> Iterator[Ranges]:
    """Yield what a set compares addresses with."""
    return _members(found).addresses()


def matches(sets: Mapping[str, IpSet], name: str, sides: tuple[str, ...], packet: Packet, depth: int = 0) -> bool:
    """Tell whether a packet is in the set `name`; `sides` says src or dst for each dimension.

    Raises:
        UnsureError: the set is not known, or of a kind that is not read.
    """
    found = sets.get(name)
    if found is None or name in packet.changed_sets or depth > MAX_NESTED:
        raise UnsureError(f"match --match-set {name}")
    if found.dimensions == ("set",):
        return any(matches(sets, member.parts[0], sides, packet, depth + 1) for member in found.elements)
    if found.family != "inet" or len(sides) < len(found.dimensions):
        return False
    members = _members(found)
    if not members.readable:
        raise UnsureError(f"match --match-set {name}")
    return members.contain(tuple(_part(found, kind, side, packet) for kind, side in zip(found.dimensions, sides)))


def _part(found: IpSet, kind: str, side: str, packet: Packet) -> int | str:
    source = side == "src"
    if kind == "iface":
        return packet.iif if source else packet.oif
    if kind == "mark":
        return packet.mark
    if kind == "port":
        return _port(found, packet, source)
    return packet.source if source else packet.destination


def _port(found: IpSet, packet: Packet, source: bool) -> int:
    if packet.protocol == ICMP:
        port = packet.icmp_type << 8 | packet.icmp_code
    else:
        port = (packet.sport if source else packet.dport) if packet.has_ports else 0
    if found.kind == "bitmap:port":
        return port if packet.has_ports else -1
    return packet.protocol << 16 | port
