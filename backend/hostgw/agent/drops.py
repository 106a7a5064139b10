"""Packets that the kernel drops, and why: the tracepoint skb:kfree_skb, read while there are taps.

A child of its own does it, for what it makes must go whatever becomes of the agent: an instance of the tracefs, mounted
in a mount namespace of the child alone. It ends with the pipe that the agent holds; a shell beside it takes the
instance away when the child is killed. What is left even so is removed by the next child: nobody holds its lock. The
tracepoint is machine-wide and names no namespace (Documentation/trace/ftrace.rst, include/net/dropreason-core.h;
reasons since Linux 5.17).

Runs on the hosts: the standard library only, Python 3.9.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import json
import os
import re
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

Row = Dict[str, Any]
HARMLESS = ("NOT_SPECIFIED", "NO_SOCKET", "CONSUMED", "SOCKET_CLOSE", "SOCKET_FILTER", "UNIX_DISCONNECT",
            "UNIX_SKIP_OOB", "TCP_OLD_ACK", "TCP_OLD_DATA", "OTHERHOST", "PACKET_SOCK_ERROR",
            "QUEUE_PURGE")  # fmt: skip
"""What ends packets that nobody misses: answers that were read, what is for others or for nobody."""
PROTOCOLS = (0x0800, 0x86DD, 0x0806)
MOST_ROWS, EVERY_S, BUFFER_KB, TRIES = 200, 0.25, "256", 20
PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug", "/mnt", "/media")
MINDER = (
    'cat >/dev/null; n=0; while [ -d "$1" ] && [ $n -lt 50 ]; do rmdir "$1" 2>/dev/null || sleep 0.1; n=$((n+1)); done'
)
_LINE = re.compile(r" ([0-9]+)\.([0-9]{6}): kfree_skb: .*location=([^ +]+)\S* reason: ([A-Z0-9_]+)")
_NEWNS, _REC, _PRIVATE = 0x20000, 0x4000, 0x40000


class Drops:
    """The child, as long as it is wanted."""

    def __init__(self, emit: Callable[[Row], None]) -> None:
        self._emit = emit
        self._child = 0
        self._read = self._hold = -1
        self._rest = b""

    def want(self, wanted: bool) -> None:
        """Start, or end what runs; without root there is nothing to start."""
        if wanted and not self._child and os.geteuid() == 0:
            self._start()
        elif not wanted and self._child:
            self.close()

    def _start(self) -> None:
        self._read, write = os.pipe()
        hold, self._hold = os.pipe()
        self._rest = b""
        self._child = os.fork()
        if self._child == 0:
            try:
                _be_witness(hold, write)
            finally:
                os._exit(0)
        os.close(hold)
        os.close(write)

    def fds(self) -> List[int]:
        """Return what to poll."""
        return [self._read] if self._child else []

    def on_readable(self) -> None:
        """Pass on what the child says."""
        chunk = os.read(self._read, 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._emit(dict(json.loads(line), type="drops"))
        if not chunk:
            self.close()

    def close(self) -> None:
        """End the child, and wait until it has taken its things away."""
        if self._child:
            os.close(self._hold)
            os.close(self._read)
            os.waitpid(self._child, 0)
            self._child = 0


def _be_witness(hold: int, write: int) -> None:
    """Live as the child: without the agent's files and signals."""
    gc.disable()  # what we inherited must not be closed behind our back: its numbers are used again
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (hold, write):
            try:
                os.close(int(name))
            except OSError:
                continue
    try:
        _watch(hold, write)
    except OSError as error:
        _say(write, {"rows": [], "missed": 0, "error": f"{error.filename or ''} {error.strerror}".strip()[:200]})
        select.select([hold], [], [])


def _watch(hold: int, write: int) -> None:
    root = _mounted()
    _sweep(root)
    instance, lock = _made(os.path.join(root, "instances"))
    _mind(instance)
    try:
        _arm(instance)
        _follow(instance, hold, write)
    finally:
        os.close(lock)
        os.rmdir(instance)


def _made(place: str) -> Tuple[str, int]:
    """Return a new instance and its lock; another witness may take it for left behind before it is locked."""
    for attempt in range(TRIES):
        instance = os.path.join(place, "hostgw-%d-%d" % (os.getpid(), time.monotonic_ns()))
        try:
            os.mkdir(instance)
            lock = os.open(instance, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.stat(instance)
            return instance, lock
        except FileNotFoundError:
            if attempt == TRIES - 1:
                raise
    raise AssertionError


def _mind(instance: str) -> None:
    """Have a shell remove the instance when we end; it waits for the end of a pipe that only we hold."""
    read, _ = os.pipe()
    if os.fork():
        os.close(read)
        return
    os.dup2(read, 0)
    os.set_inheritable(0, True)  # it may have been 0 before
    os.execv("/bin/sh", ["hostgw-drops", "-c", MINDER, "hostgw-drops", instance])  # noqa: S606


def _mounted() -> str:
    """Mount the tracefs where nobody else sees it.

    Raises:
        OSError: it cannot be had.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    place = next((path for path in PLACES if os.path.isdir(path)), "/")
    if libc.unshare(_NEWNS) or libc.mount(b"none", b"/", None, _REC | _PRIVATE, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "mount namespace:")
    if libc.mount(b"tracefs", place.encode(), b"tracefs", 0, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "tracefs:")
    return place


def _sweep(root: str) -> None:
    """Remove instances that were left behind: whoever made one holds its lock while alive."""
    for name in os.listdir(os.path.join(root, "instances")):
        if name.startswith("hostgw-"):
            path = os.path.join(root, "instances", name)
            try:
                lock = os.open(path, os.O_RDONLY)
            except OSError:
                continue  # gone by now
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rmdir(path)  # while it is locked: who has just made it looks again once it gets the lock
            except OSError:
                continue  # somebody else's
            finally:
                os.close(lock)


def _arm(instance: str) -> None:
    event = os.path.join(instance, "events", "skb", "kfree_skb")
    with open(os.path.join(event, "format"), encoding="ascii", errors="replace") as file:
        known = {name: number for number, name in re.findall(r'\{ ([0-9]+), "([A-Z0-9_]+)" \}', file.read())}
    if not known:
        raise OSError(0, "this kernel gives no reasons", "skb:kfree_skb")
    kinds = " || ".join("protocol == %d" % number for number in PROTOCOLS)
    others = "".join(" && reason != " + known[name] for name in HARMLESS if name in known)
    for path, value in (
        (os.path.join(instance, "trace_clock"), "mono"),
        (os.path.join(instance, "buffer_size_kb"), BUFFER_KB),
        (os.path.join(event, "filter"), "(" + kinds + ")" + others),
        (os.path.join(event, "enable"), "1"),
    ):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)


def _follow(instance: str, hold: int, write: int) -> None:
    """Tell drops in batches until the agent goes."""
    pipe = os.open(os.path.join(instance, "trace_pipe"), os.O_RDONLY | os.O_NONBLOCK)
    rest = ""
    try:
        _say(write, {"rows": [], "missed": 0, "error": ""})
        while not select.select([hold], [], [], EVERY_S)[0]:
            lines = (rest + _read_all(pipe)).split("\n")
            rest = lines.pop()
            found = [row for row in map(drop, lines) if row]
            if found:
                _say(write, {"rows": found[:MOST_ROWS], "missed": len(found[MOST_ROWS:]), "error": ""})
    finally:
        os.close(pipe)


def _read_all(pipe: int, most: int = 1 << 20) -> str:
    chunks, size = [], 0
    while size < most:
        try:
            chunk = os.read(pipe, 1 << 16)
        except BlockingIOError:
            break
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks).decode("ascii", "replace")


def drop(line: str) -> Optional[List[Any]]:
    """Return epoch nanoseconds, reason and function of a line of trace_pipe; None for any other line."""
    found = _LINE.search(line)
    if found is None:
        return None
    seconds, micros, place, reason = found.groups()
    ns = int(seconds) * 1_000_000_000 + int(micros) * 1000
    return [ns + time.time_ns() - time.monotonic_ns(), reason[:40], place[:60]]


def _say(write: int, row: Row) -> None:
    try:
        os.write(write, json.dumps(row).encode() + b"\n")
    except OSError:
        sys.exit(0)
