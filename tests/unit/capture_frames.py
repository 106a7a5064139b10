"""Frames made by hand, for the tests of capture."""

from __future__ import annotations

import struct
from ipaddress import ip_address


def mac(number: int) -> bytes:
    return b"\x02\0\0\0\0" + bytes([number])


def number(address: str) -> int:
    return int(ip_address(address))


def ethernet(ethertype: int, body: bytes, source: int = 1, destination: int = 2, tags: tuple[int, ...] = ()) -> bytes:
    marks = b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags)
    return mac(destination) + mac(source) + marks + struct.pack(">H", ethertype) + body


def ipv4(
    protocol: int,
    body: bytes,
    source: str = "10.239.0.2",
    destination: str = "10.239.1.2",
    *,
    ttl: int = 64,
    ip_id: int = 77,
    offset: int = 0,
    more: int = 0,
    options: bytes = b"",
    length: int | None = None,
) -> bytes:
    total = 20 + len(options) + len(body) if length is None else length
    head = (0x45 + len(options) // 4, 0, total, ip_id, more << 13 | offset // 8, ttl, protocol, 0)
    addresses = ip_address(source).packed + ip_address(destination).packed
    return struct.pack(">BBHHHBBH", *head) + addresses + options + body


def ipv6(protocol: int, body: bytes, source: str = "fd00::2", destination: str = "fd01::2", *, ttl: int = 64) -> bytes:
    addresses = ip_address(source).packed + ip_address(destination).packed
    return struct.pack(">IHBB", 6 << 28 | 0x12345, len(body), protocol, ttl) + addresses + body


def echo(
    sequence: int, *, identifier: int = 5, reply: bool = False, payload: bytes = b"x" * 40, v6: bool = False
) -> bytes:
    kind = (129 if reply else 128) if v6 else (0 if reply else 8)
    return struct.pack(">BBHHH", kind, 0, 0, identifier, sequence) + payload


def udp(source: int, destination: int, payload: bytes = b"hello") -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp(source: int, destination: int, sequence: int, ack: int = 0, flags: int = 16, payload: bytes = b"") -> bytes:
    return struct.pack(">HHIIBBHHH", source, destination, sequence, ack, 0x50, flags, 1000, 0, 0) + payload


def arp(operation: int, sender: str, target: str, sender_mac: int = 1) -> bytes:
    addresses = number(sender), number(target)
    body = struct.pack(
        ">HHBBH6sI6sI", 1, 0x0800, 6, 4, operation, mac(sender_mac), addresses[0], bytes(6), addresses[1]
    )
    return ethernet(0x0806, body, sender_mac, 9)


def frame(body: bytes, source: int = 1, destination: int = 2) -> bytes:
    return ethernet(0x0800, body, source, destination)


def fragmented(packet: bytes, mtu: int) -> list[bytes]:
    """Cut an IPv4 packet without options as a router does."""
    _, _, _, ip_id, position, ttl, protocol, _ = struct.unpack(">BBHHHBBH", packet[:12])
    ends = [str(ip_address(packet[at : at + 4])) for at in (12, 16)]
    body, size, base = packet[20:], (mtu - 20) // 8 * 8, (position & 0x1FFF) * 8
    return [
        ipv4(
            protocol, body[at : at + size], *ends, ttl=ttl, ip_id=ip_id, offset=base + at,
            more=int(at + size < len(body) or position >> 13 & 1),
        )
        for at in range(0, len(body), size)
    ]  # fmt: skip


def fragmented6(packet: bytes, mtu: int, identification: int = 9) -> list[bytes]:
    """Cut an IPv6 packet without extension headers as its sender does."""
    protocol, body, size, found = packet[6], packet[40:], (mtu - 48) // 8 * 8, []
    ends = [str(ip_address(packet[at : at + 16])) for at in (8, 24)]
    for at in range(0, len(body), size):
        mark = struct.pack(">BBHI", protocol, 0, at | int(at + size < len(body)), identification)
        found.append(ipv6(44, mark + body[at : at + size], *ends, ttl=packet[7]))
    return found


def segmented(packet: bytes, mss: int) -> list[bytes]:
    """Cut an IPv4 packet of TCP data without options as segmentation offload does."""
    (ip_id,) = struct.unpack(">H", packet[4:6])
    source, destination, sequence, ack = struct.unpack(">HHII", packet[20:32])
    ends = [str(ip_address(packet[at : at + 4])) for at in (12, 16)]
    data = packet[40:]
    return [
        ipv4(
            6, tcp(source, destination, (sequence + at) % 2**32, ack, payload=data[at : at + mss]), *ends,
            ttl=packet[8], ip_id=(ip_id + at // mss) % 2**16,
        )
        for at in range(0, len(data), mss)
    ]  # fmt: skip
