"""Taps on a host: frames of an interface, as the kernel saw them, sent to the operator in batches.

Each tap is a TPACKET_V3 ring: the kernel copies a frame at once (a plain `recv` may hand out memory that the next hop
has already rewritten) and wakes us every `block_ms`. Where no ring can be had, `tap_tcpdump` takes its place. The
filter is attached before the socket is bound, so nothing unfiltered slips in; no interface is made promiscuous.

Runs on the hosts: the standard library only, Python 3.9.
"""

import ctypes
import mmap
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Optional

CAPTURE = 2
HEAD = struct.Struct(">HI")
RECORD = struct.Struct("<qIIB")
MAX_RATE = 32 << 20
"""Bytes a second that one tap may send; what is above is counted, not sent."""

BLOCK_SIZE, BLOCK_COUNT, FRAME_SIZE = 64 << 10, 16, 2048
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 5, 6, 10
TPACKET_V3, SO_ATTACH_FILTER, ETH_P_ALL, CLONE_NEWNET, OUTGOING = 2, 26, 3, 0x40000000, 4
STATUS_USER, STATUS_VLAN, STATUS_TPID = 1, 1 << 4, 1 << 6

_FRAME = struct.Struct("=IIIIIIHHIIH")  # next, s, ns, captured, wire, status, mac, net, hash, tci, tpid
_PACKET_TYPE = 48 + 10
_INSTRUCTION = struct.Struct("=HBBI")

Seen = tuple[int, int, bool, bytes]
"""A frame: epoch nanoseconds, length on the wire, sent by the host, captured bytes."""


class Ring:
    """Frames of one interface through a ring that the kernel fills."""

    via = "ring"
    ready = True

    def __init__(self, request: dict[str, Any], name: str) -> None:
        self.packets = self.drops = 0
        self._next = 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._filter(request["program"])
            self._map = self._ring(int(request["block_ms"]))
            self._socket.bind((name, ETH_P_ALL))
        except BaseException:
            self._socket.close()
            raise

    def fds(self) -> list[int]:
        """Return what to poll."""
        return [self._socket.fileno()]

    def read(self, _fd: int) -> list[Seen]:
        """Return the frames of all blocks that the kernel has handed over, and give the blocks back."""
        seen: list[Seen] = []
        for _ in range(BLOCK_COUNT):
            base = self._next * BLOCK_SIZE
            status, count, first = struct.unpack_from("=III", self._map, base + 8)
            if not status & STATUS_USER:
                break
            self._parse(base + first, count, seen)
            struct.pack_into("=I", self._map, base + 8, 0)
            self._next = (self._next + 1) % BLOCK_COUNT
        return seen

    def gone(self) -> str:
        """Return why the interface can no longer be read, or nothing; clears a pending error."""
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return "the interface is gone" if error and not self._socket.getsockname()[0] else ""

    def count(self) -> None:
        """Add what the kernel counted since the last call (reading resets its counters)."""
        packets, drops, _freezes = struct.unpack("=III", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
        self.packets, self.drops = self.packets + packets, self.drops + drops

    def close(self) -> None:
        """Give up ring and socket."""
        self._map.close()
        self._socket.close()

    def _filter(self, program: list[list[int]]) -> None:
        code = b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)
        buffer = ctypes.create_string_buffer(code, len(code) or 1)
        pointer = struct.pack("@HP", len(program), ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)

    def _ring(self, block_ms: int) -> mmap.mmap:
        self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        frames = BLOCK_SIZE // FRAME_SIZE * BLOCK_COUNT
        shape = struct.pack("=7I", BLOCK_SIZE, BLOCK_COUNT, FRAME_SIZE, frames, max(1, block_ms), 0, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, shape)
        return mmap.mmap(self._socket.fileno(), BLOCK_SIZE * BLOCK_COUNT)

    def _parse(self, at: int, count: int, seen: list[Seen]) -> None:
        ring, unpack = self._map, _FRAME.unpack_from
        for _ in range(count):
            step, seconds, nanoseconds, captured, wire, status, mac, _net, _hash, tci, tpid = unpack(ring, at)
            data = ring[at + mac : at + mac + captured]
            if status & STATUS_VLAN:  # the kernel took the tag out of the bytes
                data = _tagged(data, tpid if status & STATUS_TPID else 0x8100, tci)
                wire += 4
            seen.append((seconds * 1_000_000_000 + nanoseconds, wire, ring[at + _PACKET_TYPE] == OUTGOING, data))
            at += step


class Tap:
    """One tap's source of frames, its limits and its totals."""

    def __init__(self, number: int, source: Any, max_bytes: int, rate: int) -> None:
        self.number, self.source, self.max_bytes, self.rate = number, source, max_bytes, rate
        self.sent = self.limited = 0
        self.allowance = float(rate)
        self.told = (0, 0, 0)
        self.announced = False

    def pack(self, seen: list[Seen]) -> bytes:
        """Return the capture message of those frames that the limits let pass; empty when none may."""
        parts, count = [b""], 0
        for time_ns, wire, outbound, data in seen:
            size = RECORD.size + len(data)
            if size > self.allowance or self.spent():
                self.limited += 1
                continue
            self.allowance -= size
            self.sent += size
            count += 1
            parts.append(RECORD.pack(time_ns, wire, len(data), outbound))
            parts.append(data)
        parts[0] = HEAD.pack(self.number, count)
        return b"".join(parts) if count else b""

    def spent(self) -> bool:
        """Return whether the tap has sent all that it may."""
        return 0 < self.max_bytes <= self.sent

    def stats(self) -> Optional[dict[str, Any]]:
        """Return the totals as a message if they moved since the last one."""
        self.source.count()
        now = (self.source.packets, self.source.drops, self.limited)
        if now == self.told:
            return None
        self.told = now
        return {"type": "tap-stats", "tap": self.number, "packets": now[0], "drops": now[1], "limited": now[2]}


class Taps:
    """All taps of the agent. `emit_frame` gets (kind, body), `emit_message` a message as a dict; neither may block."""

    def __init__(
        self,
        emit_frame: Callable[[int, bytes], None],
        emit_message: Callable[[dict[str, Any]], None],
        rate: int = MAX_RATE,
    ) -> None:
        self._emit_frame, self._emit_message, self._rate = emit_frame, emit_message, rate
        self._taps: dict[int, Tap] = {}
        self._by_fd: dict[int, Tap] = {}
        self._ticked: Optional[float] = None
        self._told = 0.0

    def open(self, request: dict[str, Any], netns_fd: Optional[int]) -> None:
        """Open a tap, inside the namespace of `netns_fd` if given; says tap-ready, or tap-closed and why."""
        number = int(request["tap"])
        self.close(number, "replaced")
        try:
            with _inside(netns_fd):
                source = _source(request)
        except (OSError, ValueError, struct.error, ImportError) as error:
            self._closed(number, str(error) or type(error).__name__)
            return
        rate = min(self._rate, int(request.get("max_rate", 0)) or self._rate)
        tap = Tap(number, source, int(request.get("max_bytes", 0)), rate)
        self._taps[number] = tap
        self._by_fd.update((fd, tap) for fd in source.fds())
        self._announce(tap)

    def fds(self) -> dict[int, Tap]:
        """Return the descriptors to poll, and whose each is; it changes when a tap opens or closes."""
        return dict(self._by_fd)

    def on_readable(self, fd: int) -> None:
        """Send what can be read without waiting; closes the tap at its limit or when its interface went away."""
        tap = self._by_fd.get(fd)
        if tap is None:
            return
        body = tap.pack(tap.source.read(fd))
        self._announce(tap)
        if body:
            self._emit_frame(CAPTURE, body)
        reason = "limit" if tap.spent() else tap.source.gone()
        if reason:
            self.close(tap.number, reason)

    def tick(self, now: float) -> None:
        """Let time pass (monotonic seconds): allowances grow, and once a second totals that moved are told."""
        passed = 0.0 if self._ticked is None else now - self._ticked
        self._ticked = now
        for tap in self._taps.values():
            tap.allowance = min(float(tap.rate), tap.allowance + passed * tap.rate)
        if now - self._told < 1.0:
            return
        self._told = now
        for message in [tap.stats() for tap in self._taps.values()]:
            if message:
                self._emit_message(message)

    def close(self, tap: int, reason: str = "asked") -> None:
        """Close a tap and tell its totals; a number that is not open is left alone."""
        closing = self._taps.pop(tap, None)
        if closing is None:
            return
        self._by_fd = {fd: other for fd, other in self._by_fd.items() if other is not closing}
        message = closing.stats()
        if message:
            self._emit_message(message)
        closing.source.close()
        self._closed(tap, reason, closing.source.packets, closing.source.drops)

    def close_all(self) -> None:
        """Close every tap; nothing of ours stays on the host."""
        for tap in list(self._taps):
            self.close(tap)

    def _announce(self, tap: Tap) -> None:
        """Say, once, that nothing passes the tap unseen from now on."""
        if tap.source.ready and not tap.announced:
            tap.announced = True
            self._emit_message({"type": "tap-ready", "tap": tap.number, "via": tap.source.via})

    def _closed(self, tap: int, reason: str, packets: int = 0, drops: int = 0) -> None:
        message = {"type": "tap-closed", "tap": tap, "reason": reason[:200], "packets": packets, "drops": drops}
        self._emit_message(message)


def _source(request: dict[str, Any]) -> Any:
    """Return a ring; if the kernel gives none, tcpdump; the error of the ring when neither is possible."""
    name = socket.if_indextoname(int(request["index"]))
    try:
        return Ring(request, name)
    except OSError as ring_error:
        from .tap_tcpdump import Tcpdump

        try:
            return Tcpdump(request, name)
        except OSError as error:
            raise OSError(f"no ring: {ring_error}; no tcpdump: {error}") from error


def _tagged(data: bytes, tpid: int, tci: int) -> bytes:
    return data[:12] + struct.pack(">HH", tpid, tci & 0xFFFF) + data[12:]


@contextmanager
def _inside(netns_fd: Optional[int]) -> Iterator[None]:
    """Stand in another network namespace; sockets made there stay there."""
    if netns_fd is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(netns_fd)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
