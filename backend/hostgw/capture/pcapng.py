"""Writes captures as pcapng: one interface per tap with its name, nanoseconds, direction, drop counts.

Wireshark and tshark read it. Interfaces may join at any time, so a tap can be added to a running capture.
"""

from __future__ import annotations

from struct import Struct, pack
from typing import Protocol

SECTION, INTERFACE, PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
ETHERNET = 1
IF_NAME, IF_TSRESOL, SHB_USERAPPL, ISB_IFRECV, ISB_IFDROP, EPB_FLAGS = 2, 9, 4, 4, 5, 2
INBOUND, OUTBOUND = 1, 2

_PACKET_HEAD = Struct("<IIIIIII")
_FLAGS = {way: pack("<HHII", EPB_FLAGS, 4, way, 0) for way in (INBOUND, OUTBOUND)}
_SIZE = Struct("<I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Sink(Protocol):
    """Where the stream goes: a file, a pipe, a buffer."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


class Writer:
    """A pcapng stream. Taps are numbered by the caller; each becomes an interface when it is first heard of."""

    def __init__(self, sink: Sink, application: str = "hostgw-tui") -> None:
        self._sink = sink
        self._interfaces: dict[int, int] = {}
        self.packets = 0
        sink.write(section(application))

    def add_tap(self, tap: int, name: str, snaplen: int = 0) -> None:
        """Announce a tap; a number that is known keeps its interface."""
        if tap not in self._interfaces:
            self._interfaces[tap] = len(self._interfaces)
            self._sink.write(interface(name, snaplen))

    def write(self, tap: int, time_ns: int, wire_length: int, outbound: bool, data: bytes) -> None:
        """Write a frame of a tap that was added."""
        self._sink.write(packet(self._interfaces[tap], time_ns, wire_length, outbound, data))
        self.packets += 1

    def statistics(self, tap: int, time_ns: int, received: int, dropped: int) -> None:
        """Write a tap's totals, usually at the end."""
        if tap in self._interfaces:
            self._sink.write(statistics(self._interfaces[tap], time_ns, received, dropped))


def section(application: str) -> bytes:
    """Return the block that opens a stream."""
    return _block(SECTION, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(SHB_USERAPPL, application.encode()) + bytes(4))


def interface(name: str, snaplen: int = 0) -> bytes:
    """Return the block that announces an Ethernet interface with nanosecond stamps."""
    options = _option(IF_NAME, name.encode()) + _option(IF_TSRESOL, b"\x09") + bytes(4)
    return _block(INTERFACE, pack("<HHI", ETHERNET, 0, snaplen) + options)


def packet(number: int, time_ns: int, wire_length: int, outbound: bool, data: bytes) -> bytes:
    """Return the block of one frame."""
    padding, flags = _PADDING[len(data) & 3], _FLAGS[OUTBOUND if outbound else INBOUND]
    size = 32 + len(data) + len(padding) + len(flags)
    high, low = time_ns >> 32 & 0xFFFFFFFF, time_ns & 0xFFFFFFFF
    head = _PACKET_HEAD.pack(PACKET, size, number, high, low, len(data), max(wire_length, len(data)))
    return b"".join((head, data, padding, flags, _SIZE.pack(size)))


def statistics(number: int, time_ns: int, received: int, dropped: int) -> bytes:
    """Return the block of an interface's totals."""
    options = _option(ISB_IFRECV, pack("<Q", received)) + _option(ISB_IFDROP, pack("<Q", dropped)) + bytes(4)
    return _block(STATISTICS, pack("<III", number, time_ns >> 32 & 0xFFFFFFFF, time_ns & 0xFFFFFFFF) + options)


def _option(code: int, value: bytes) -> bytes:
    value = value[:0xFFFF]
    return pack("<HH", code, len(value)) + value + _PADDING[len(value) & 3]


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return pack("<II", kind, size) + body + pack("<I", size)
