"""A packet in one line, from our own decoder: what the list shows where tshark has said nothing."""

from __future__ import annotations

import functools
import ipaddress

from hostgw.capture.frames import ARP, ICMP, ICMPV6, TCP, UDP, Frame

ICMP_NAMES = {
    (0, -1): "echo reply",
    (8, -1): "echo request",
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 9): "network prohibited",
    (3, 10): "host prohibited",
    (3, 13): "administratively prohibited",
    (3, -1): "unreachable",
    (5, -1): "redirect",
    (11, 0): "time exceeded in transit",
    (11, 1): "fragment reassembly time exceeded",
}
ICMPV6_NAMES = {
    (1, -1): "unreachable",
    (2, -1): "packet too big",
    (3, -1): "time exceeded",
    (128, -1): "echo request",
    (129, -1): "echo reply",
    (133, -1): "router solicitation",
    (134, -1): "router advertisement",
    (135, -1): "neighbour solicitation",
    (136, -1): "neighbour advertisement",
}
PROTOCOLS = {
    ICMP: "ICMP",
    2: "IGMP",
    4: "IPIP",
    TCP: "TCP",
    UDP: "UDP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    ICMPV6: "ICMPv6",
    89: "OSPF",
    112: "VRRP",
    132: "SCTP",
}
ETHERTYPES = {ARP: "ARP", 0x0800: "IPv4", 0x86DD: "IPv6", 0x88CC: "LLDP", 0x8847: "MPLS", 0x888E: "802.1X"}
_FLAGS = ((2, "SYN"), (16, "ACK"), (8, "PSH"), (1, "FIN"), (4, "RST"), (32, "URG"))


@functools.lru_cache(8192)
def address(value: int, version: int = 4) -> str:
    """Return an address as text; empty when absent."""
    if value < 0:
        return ""
    if version == 6:
        return str(ipaddress.IPv6Address(value))
    return f"{value >> 24 & 255}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


@functools.lru_cache(8192)
def mac(value: bytes) -> str:
    """Return a MAC address as text."""
    return value.hex(":") if value else ""


def source(frame: Frame) -> str:
    """Return where a frame says it comes from: the IP address, else the MAC."""
    return address(frame.source, frame.version) or mac(frame.source_mac)


def destination(frame: Frame) -> str:
    """Return where a frame goes to: the IP address, else the MAC."""
    return address(frame.destination, frame.version) or mac(frame.destination_mac)


def protocol(frame: Frame) -> str:
    """Return the name of the highest protocol that our decoder knows."""
    if frame.version > 0:
        return PROTOCOLS.get(frame.protocol, f"IP {frame.protocol}")
    if 0 <= frame.ethertype < 0x600:
        return "LLC"
    return ETHERTYPES.get(frame.ethertype, f"{frame.ethertype:#06x}" if frame.ethertype >= 0 else "cut")


def describe(frame: Frame) -> str:
    """Return what a frame is about."""
    if frame.ethertype == ARP:
        return _arp(frame)
    if frame.version < 0:
        return f"ethertype {frame.ethertype:#06x}" if frame.ethertype >= 0 else "cut within its header"
    if frame.fragment > 0:
        return f"fragment at {frame.fragment} of id {frame.ip_id}"
    if frame.protocol in (ICMP, ICMPV6):
        return _icmp(frame)
    if frame.protocol == TCP and frame.flags >= 0:
        return _tcp(frame)
    if frame.protocol == UDP and frame.source_port >= 0:
        return f"{frame.source_port} → {frame.destination_port} length {frame.payload}"
    return f"{protocol(frame)} length {frame.length}"


def _arp(frame: Frame) -> str:
    sender, target = address(frame.source), address(frame.destination)
    if frame.kind == 1:
        return f"announces {sender}" if sender == target else f"who has {target}? tell {sender}"
    return f"{sender} is at {mac(frame.source_mac)}" if frame.kind == 2 else f"ARP operation {frame.kind}"


def icmp_name(frame: Frame) -> str:
    """Return what an ICMP or ICMPv6 message is called."""
    names = ICMP_NAMES if frame.protocol == ICMP else ICMPV6_NAMES
    return names.get((frame.kind, frame.code)) or names.get((frame.kind, -1)) or f"type {frame.kind} code {frame.code}"


def _icmp(frame: Frame) -> str:
    name = icmp_name(frame)
    if frame.quoted is not None:
        inner = frame.quoted
        return f"{name}: {protocol(inner)} {source(inner)} → {destination(inner)}"
    return f"{name} id {frame.icmp_id} seq {frame.sequence}" if frame.icmp_id >= 0 else name


def _tcp(frame: Frame) -> str:
    flags = " ".join(name for bit, name in _FLAGS if frame.flags & bit)
    return f"{frame.source_port} → {frame.destination_port} [{flags}] length {max(0, frame.payload)}"
