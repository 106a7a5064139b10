"""A tap by way of the host's own tcpdump, for where the kernel gives the agent no ring.

One tcpdump a direction (classic pcap does not record it), each the child of a small shell that waits on a pipe from
the agent: when the agent dies, however it dies, the shell kills its tcpdump. tcpdump takes no numeric filter, so the
program of the request runs here, frame by frame; the operator's own SSH is never sent back.

Runs on the hosts: the standard library only, Python 3.9.
"""

import os
import shutil
import struct
import subprocess
from typing import Any, Optional

Seen = tuple[int, int, bool, bytes]

MINDER = '"$@" >&3 3>&- </dev/null & child=$!; exec 3>&-; cat; kill "$child"; wait "$child"'
MAX_RECORD = 1 << 18
READ_SIZE = 1 << 18


class PcapSplitter:
    """Cuts a classic pcap stream, fed in any pieces, into (epoch nanoseconds, length on the wire, bytes)."""

    def __init__(self) -> None:
        self._rest = b""
        self._record: Optional[struct.Struct] = None
        self._scale = 1

    @property
    def begun(self) -> bool:
        """Return whether the head of the stream has come."""
        return self._record is not None

    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        """Return the records that `chunk` completes. Raises ValueError when the stream is no pcap."""
        data, at = self._rest + chunk, 0
        if self._record is None:
            if len(data) < 24:
                self._rest = data
                return []
            self._begin(data)
            at = 24
        records, at = self._records(data, at)
        self._rest = data[at:]
        return records

    def _begin(self, data: bytes) -> None:
        for order in "<>":
            magic = struct.unpack_from(order + "I", data)[0]
            if magic in (0xA1B2C3D4, 0xA1B23C4D):
                self._record = struct.Struct(order + "IIII")
                self._scale = 1 if magic == 0xA1B23C4D else 1000
                return
        raise ValueError("not a pcap stream")

    def _records(self, data: bytes, at: int) -> tuple[list[tuple[int, int, bytes]], int]:
        records = []
        while self._record and at + 16 <= len(data):
            seconds, fraction, captured, wire = self._record.unpack_from(data, at)
            if captured > MAX_RECORD:
                raise ValueError("record of %d bytes" % captured)
            if at + 16 + captured > len(data):
                break
            time_ns = seconds * 1_000_000_000 + fraction * self._scale
            records.append((time_ns, wire, data[at + 16 : at + 16 + captured]))
            at += 16 + captured
        return records, at


class Tcpdump:
    """Frames of one interface from two tcpdumps, inbound and outbound."""

    via = "tcpdump"

    def __init__(self, request: dict[str, Any], name: str) -> None:
        path = shutil.which("tcpdump", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")
        if path is None:
            raise OSError("tcpdump is not installed")
        self.packets = self.drops = 0
        self._program = [tuple(instruction) for instruction in request["program"]]
        self._ended = ""
        self._children = [_start(path, name, int(request["snaplen"]), way) for way in ("in", "out")]
        self._streams = {
            child.stdout.fileno(): (way, PcapSplitter())
            for way, child in zip((False, True), self._children)
            if child.stdout
        }

    @property
    def ready(self) -> bool:
        """Return whether both tcpdumps capture: each writes the head of its file when its filter is armed."""
        return all(splitter.begun for _, splitter in self._streams.values())

    def fds(self) -> list[int]:
        """Return what to poll."""
        return list(self._streams)

    def read(self, fd: int) -> list[Seen]:
        """Return the frames at hand that the filter accepts."""
        outbound, splitter = self._streams[fd]
        try:
            chunk = os.read(fd, READ_SIZE)
            records = splitter.feed(chunk)
        except BlockingIOError:
            return []
        except ValueError as error:
            self._ended = "tcpdump: %s" % error
            return []
        if not chunk:
            self._ended = "tcpdump ended"
        seen = []
        for time_ns, wire, data in records:
            length = accepted(self._program, data, wire)
            if length:
                seen.append((time_ns, wire, outbound, data[:length]))
        self.packets += len(seen)
        return seen

    def gone(self) -> str:
        """Return why nothing more will come, or nothing."""
        return self._ended

    def count(self) -> None:
        """Drops are not known before tcpdump ends."""

    def close(self) -> None:
        """Close the minders' pipes and wait for the end of both; kill what does not end."""
        for child in self._children:
            if child.stdin:
                child.stdin.close()
        for child in self._children:
            try:
                child.wait(2)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdout:
                child.stdout.close()


def _start(path: str, name: str, snaplen: int, way: str) -> "subprocess.Popen[bytes]":
    argv = [path, "-p", "-U", "-n", "--immediate-mode", "--time-stamp-precision=nano", "-s", str(snaplen), "-Q", way]
    minder = ["/bin/sh", "-c", "exec 3>&1 >/dev/null; " + MINDER, "hostgw-tap", *argv, "-w", "-", "-i", name]
    child = subprocess.Popen(minder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if child.stdout:
        os.set_blocking(child.stdout.fileno(), False)
    return child


def accepted(program: list[Any], data: bytes, wire: int) -> int:
    """Run a classic BPF program over a frame; return how many bytes it accepts, 0 for none.

    A load beyond the captured bytes, a division by zero or an unknown instruction refuse the frame, as the kernel does.
    """
    a = x = pc = 0
    memory = [0] * 16
    while pc < len(program):
        code, jt, jf, k = program[pc]
        pc += 1
        kind = code & 7
        if kind == 6:
            return a if code & 0x18 == 0x10 else k
        if kind == 5:
            pc += k if code & 0xF0 == 0 else jt if _jumps(code, a, x if code & 8 else k) else jf
        elif kind in (2, 3):
            memory[k & 15] = a if kind == 2 else x
        elif kind == 7:
            a, x = (x, x) if code & 0xF8 == 0x80 else (a, a)
        else:
            value = _alu(code, a, x if code & 8 else k) if kind == 4 else _load(code, data, wire, x, k, memory)
            if value is None:
                return 0
            a, x = (a, value) if kind == 1 else (value, x)
    return 0


def _jumps(code: int, a: int, b: int) -> bool:
    way = code & 0xF0
    return a == b if way == 0x10 else a > b if way == 0x20 else a >= b if way == 0x30 else bool(a & b)


def _load(code: int, data: bytes, wire: int, x: int, k: int, memory: list[int]) -> Optional[int]:
    mode, size = code & 0xE0, {0: 4, 8: 2, 16: 1}.get(code & 0x18, 4)
    if mode in (0x00, 0x60, 0x80):
        return k if mode == 0 else memory[k & 15] if mode == 0x60 else wire
    at = k + x if mode == 0x40 else k
    if at + size > len(data) or mode not in (0x20, 0x40, 0xA0):
        return None
    return 4 * (data[at] & 15) if mode == 0xA0 else int.from_bytes(data[at : at + size], "big")


def _alu(code: int, a: int, b: int) -> Optional[int]:
    way = code & 0xF0
    if way in (0x30, 0x90) and b == 0:
        return None
    results = {
        0x00: lambda: a + b, 0x10: lambda: a - b, 0x20: lambda: a * b, 0x30: lambda: a // b, 0x40: lambda: a | b,
        0x50: lambda: a & b, 0x60: lambda: a << (b & 31), 0x70: lambda: a >> (b & 31), 0x80: lambda: -a,
        0x90: lambda: a % b, 0xA0: lambda: a ^ b,
    }  # fmt: skip
    return results[way]() & 0xFFFFFFFF if way in results else None
