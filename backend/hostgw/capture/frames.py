"""Headers of a captured frame, decoded into integers.

This runs for every frame of every tap, so it is one pass of `struct` without objects in between. Bytes from a network
are never trusted: what is cut or makes no sense leaves fields absent (-1), and nothing here raises.
"""

from __future__ import annotations

from struct import Struct, error
from zlib import crc32

import msgspec

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
VLANS = (0x8100, 0x88A8)
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
ECHO_REQUESTS, ECHO_REPLIES, REDIRECT = (8, 128), (0, 129), 5
SOLICITATION, ADVERTISEMENT = 135, 136
"""Of a neighbour (RFC 4861); their `sequence` stands for the address asked for."""
_ECHOES = ECHO_REQUESTS + ECHO_REPLIES
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CRC_BYTES = 32
"""Payload bytes that take part in recognising a packet; every tap captures at least so many."""

Invariants = tuple[int, int, int, int, int, int, int, int, int, int]
"""Protocol, identification, length, fragment offset, ICMP type and code, sequence, acknowledgement, flags, and a CRC:
of the first payload bytes; of an ICMP error, of what identifies its quote; of what is no IP packet, of its body."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """What the headers say; -1 (empty bytes for a MAC) where a field is absent.

    A capture keeps a hundred thousand of them; they hold no cycles, and the garbage collector need not look at them.
    """

    ethertype: int
    source_mac: bytes
    destination_mac: bytes
    vlan: int
    version: int
    """4 or 6; absent when the frame is not IP."""
    source: int
    """IP address; of ARP, the sender's."""
    destination: int
    """IP address; of ARP, the target's."""
    ttl: int
    invariants: Invariants
    """What neither routing nor NAT changes; no address, port, ICMP id, TTL or checksum is among it."""
    source_port: int
    destination_port: int
    icmp_id: int
    payload: int
    """Bytes after the transport header."""
    more: int
    """1 when more fragments follow."""
    quoted: Frame | None
    """The packet that an ICMP error speaks of, as far as it was quoted."""

    @property
    def protocol(self) -> int:
        """IP protocol."""
        return self.invariants[0]

    @property
    def ip_id(self) -> int:
        """The IP identification; of IPv6, that of a fragment, else the flow label."""
        return self.invariants[1]

    @property
    def length(self) -> int:
        """Total length of the IP packet."""
        return self.invariants[2]

    @property
    def fragment(self) -> int:
        """Offset in bytes; 0 for a whole packet or a first fragment."""
        return self.invariants[3]

    @property
    def kind(self) -> int:
        """ICMP type, ARP operation."""
        return self.invariants[4]

    @property
    def code(self) -> int:
        """ICMP code."""
        return self.invariants[5]

    @property
    def sequence(self) -> int:
        """Of TCP or of an ICMP echo."""
        return self.invariants[6]

    @property
    def ack(self) -> int:
        """TCP's acknowledged sequence number."""
        return self.invariants[7]

    @property
    def flags(self) -> int:
        """TCP's flags."""
        return self.invariants[8]


L2 = tuple[int, bytes, bytes, int]
Packet = tuple[int, int, int, int]
"""Protocol, identification, length, fragment offset."""

_ETHERNET, _TAG = Struct(">6s6sH"), Struct(">HH")
_ARP, _IPV4, _IPV6 = Struct(">HHBBH6sI6sI"), Struct(">BBHHHBBHII"), Struct(">IHBB16s16s")
_PORTS, _TCP, _ICMP = Struct(">HHI"), Struct(">HHIIBB"), Struct(">BBHHH")
_QUOTED = Struct(">qqqq")
_NO_L2: L2 = (-1, b"", b"", -1)
_NO_PACKET: Packet = (-1, -1, -1, -1)
_NO_TRANSPORT = (-1, -1, -1, -1, -1)
_EXTENSIONS = (0, 43, 60)
_QUOTING = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}


def decode(data: bytes) -> Frame:
    """Decode an Ethernet frame."""
    try:
        destination, source, ethertype = _ETHERNET.unpack_from(data)
        at, vlan = 14, -1
        if ethertype == IPV4:
            return _ipv4((ethertype, source, destination, vlan), data, at)
        while ethertype in VLANS:
            tag, ethertype = _TAG.unpack_from(data, at)
            at, vlan = at + 4, tag & 0xFFF if vlan < 0 else vlan
        l2 = (ethertype, source, destination, vlan)
        if ethertype == IPV4:
            return _ipv4(l2, data, at)
        if ethertype == IPV6:
            return _ipv6(l2, data, at)
        return _arp(l2, data, at) if ethertype == ARP else _other(l2, data, at)
    except error:
        return _cut(data)


def _cut(data: bytes) -> Frame:
    """Return what a frame still says that ends within its headers."""
    try:
        destination, source, ethertype = _ETHERNET.unpack_from(data)
    except error:
        return _other(_NO_L2, data, 2)
    return _other((ethertype, source, destination, -1), data, 14)


def _other(l2: L2, data: bytes, at: int, source: int = -1, destination: int = -1, operation: int = -1) -> Frame:
    """Return a frame that is no IP packet; its body is what recognises it."""
    crc = crc32(data[at - 2 : at + CRC_BYTES])
    invariants = (*_NO_PACKET, operation, -1, -1, -1, -1, crc)
    return Frame(*l2, -1, source, destination, -1, invariants, -1, -1, -1, -1, -1, None)


def _arp(l2: L2, data: bytes, at: int) -> Frame:
    hardware, protocol, hardware_size, size, operation, _, sender, _, target = _ARP.unpack_from(data, at)
    if (hardware, protocol, hardware_size, size) != (1, IPV4, 6, 4):
        return _other(l2, data, at)
    return _other(l2, data[: at + _ARP.size], at, sender, target, operation)


def _ipv4(l2: L2, data: bytes, at: int, *, quoted: bool = False) -> Frame:
    first, _, length, ip_id, position, ttl, protocol, _, source, destination = _IPV4.unpack_from(data, at)
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20:
        return _other(l2, data, at)
    packet = (protocol, ip_id, length, (position & 0x1FFF) * 8)
    end = at + (length or len(data))
    ends = (4, source, destination, ttl)
    return _transport(l2, ends, packet, data, at + header, end, position >> 13 & 1, quoted)


def _ipv6(l2: L2, data: bytes, at: int, *, quoted: bool = False) -> Frame:
    first, size, protocol, ttl, source, destination = _IPV6.unpack_from(data, at)
    if first >> 28 != 6:
        return _other(l2, data, at)
    end, body, offset, more, identification = at + 40 + size, at + 40, 0, 0, first & 0xFFFFF
    for _ in range(8):
        if protocol in _EXTENSIONS and body + 2 <= len(data):
            protocol, body = data[body], body + 8 + data[body + 1] * 8
        elif protocol == 44 and body + 8 <= len(data):
            position = int.from_bytes(data[body + 2 : body + 4], "big")
            identification = int.from_bytes(data[body + 4 : body + 8], "big")
            protocol, body, offset, more = data[body], body + 8, position & ~7, position & 1
    ends = (6, int.from_bytes(source, "big"), int.from_bytes(destination, "big"), ttl)
    packet = (protocol, identification, size + 40, offset)
    return _transport(l2, ends, packet, data, body, end, more, quoted)


def _transport(l2: L2, ends: Packet, packet: Packet, data: bytes, at: int, end: int, more: int, quoted: bool) -> Frame:
    """Add the transport header; what it lacks, and all of it in a later fragment, stays absent."""
    protocol, ports, inner, body = packet[0], (-1, -1, -1), None, at
    fields: tuple[int, int, int, int, int] = _NO_TRANSPORT
    try:
        if packet[3]:
            pass
        elif protocol == TCP:
            fields, ports, body = _tcp(data, at)
        elif protocol == UDP:
            source, destination, _ = _PORTS.unpack_from(data, at)
            ports, body = (source, destination, -1), at + 8
        elif protocol in _QUOTING:
            kind, code, _, identifier, sequence = _ICMP.unpack_from(data, at)
            body = at + 8
            if kind in _ECHOES:
                fields, ports = (kind, code, sequence, -1, -1), (-1, -1, identifier)
            elif protocol == ICMPV6 and kind in (SOLICITATION, ADVERTISEMENT):
                fields = (kind, code, crc32(data[body : body + 16]), -1, -1)
            else:
                fields = (kind, code, -1, -1, -1)
                inner = None if quoted or kind not in _QUOTING[protocol] else _inner(protocol, data, body)
    except error:
        pass
    crc = crc32(data[body : min(body + CRC_BYTES, end)]) if inner is None else _mark(inner)
    return Frame(*l2, *ends, packet + fields + (crc,), *ports, end - body, more, inner)


def _tcp(data: bytes, at: int) -> tuple[tuple[int, int, int, int, int], tuple[int, int, int], int]:
    if len(data) < at + 14:  # quoted by an ICMP error: eight bytes are all that is sure
        source, destination, sequence = _PORTS.unpack_from(data, at)
        return (-1, -1, sequence, -1, -1), (source, destination, -1), at + 8
    source, destination, sequence, ack, offset, flags = _TCP.unpack_from(data, at)
    return (-1, -1, sequence, ack, flags), (source, destination, -1), at + (offset >> 4) * 4


def _mark(inner: Frame) -> int:
    """Return what recognises an ICMP error at every tap: its quote's addresses are translated on the way back."""
    return crc32(_QUOTED.pack(inner.protocol, inner.ip_id, inner.length, inner.sequence))


def _inner(protocol: int, data: bytes, at: int) -> Frame | None:
    """Return the packet that an ICMP error quotes."""
    try:
        decoder = _ipv4 if protocol == ICMP else _ipv6
        inner = decoder(_NO_L2, data, at, quoted=True)
    except error:
        return None
    return inner if inner.version > 0 else None
