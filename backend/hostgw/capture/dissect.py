"""Names and details of packets, from tshark by way of pyshark; a side branch that the capture never waits for.

Frames go as one pcapng stream into one `tshark -r -`; its EK lines come back in the same order. A line carries
Wireshark's own protocol and info columns beside the layers, and pyshark makes a packet of it. Everything is bounded:
frames above the budget are skipped and counted; tshark, whose memory grows, is replaced after RESTART_AFTER packets.
Without tshark `state` says why, and the caller describes packets with its own decoder.
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, TypeVar, cast

from hostgw.capture import pcapng, pyshark_adapter, sandbox
from hostgw.capture.pyshark_adapter import Info, Layer
from hostgw.clean import clean

ARGUMENTS = [
    *("-l", "-n", "-r", "-", "-T", "ek", "-P", "-V"),
    *("-o", "tcp.analyze_sequence_numbers:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:FALSE"),
]
QUEUE = 4_000
BUDGET = 2_000
RESTART_AFTER = 200_000
MAX_RESTARTS = 5
"""Unasked deaths of tshark that are made good; a packet that kills it every time must not keep us busy."""
KEPT_INFOS, KEPT_LINES = 50_000, 2_000
MAX_LINE = 4 << 20

Kept = TypeVar("Kept")


class Fed(NamedTuple):
    """A frame on its way to tshark."""

    serial: int
    tap: int
    name: str
    time_ns: int
    wire_length: int
    outbound: bool
    data: bytes


class Statistics(NamedTuple):
    """What the header shows. `state`: starting, running, stopped, or why there is no dissection."""

    state: str
    dissected: int
    skipped: int
    restarts: int


class Dissector:
    """One capture's tshark. `offer` from any thread; `info` and `details` return what is known by now."""

    def __init__(self, budget: int = BUDGET, command: str = "tshark", restart_after: int = RESTART_AFTER) -> None:
        self._budget, self._command, self._restart_after = budget, command, restart_after
        self._queue: queue.Queue[Fed | None] = queue.Queue(QUEUE)
        self._lock = threading.Lock()
        self._infos: OrderedDict[int, Info] = OrderedDict()
        self._lines: OrderedDict[int, bytes] = OrderedDict()
        self._wanted: set[int] = set()
        self._state = "starting"
        self._dissected = self._skipped = self._restarts = self._deaths = 0
        self._second, self._in_second = 0, 0
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="dissector", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def offer(self, fed: Fed) -> bool:
        """Take a frame if the budget and the queue allow it."""
        with self._lock:
            taken = not self._closing and self._within_budget() and self._put(fed)
            self._skipped += not taken
        return taken

    def want(self, fed: Fed) -> bool:
        """Take a frame whose details somebody waits for, whatever the budget; return whether they will come."""
        with self._lock:
            if fed.serial in self._wanted or self._state not in ("starting", "running"):
                return fed.serial in self._wanted
            taken = not self._closing and self._put(fed)
            if taken:
                self._wanted.add(fed.serial)
        return taken

    def info(self, serial: int) -> Info | None:
        """Return protocol and info text of a frame, if it has been dissected."""
        return self._infos.get(serial)

    def details(self, serial: int) -> tuple[Layer, ...] | None:
        """Return the layers of a frame, if its dissection is still kept; see `want`."""
        with self._lock:
            line = self._lines.get(serial)
        return pyshark_adapter.layers(line) if line is not None else None

    def statistics(self) -> Statistics:
        """Return the figures of this moment."""
        return Statistics(self._state, self._dissected, self._skipped, self._restarts)

    def close(self, timeout: float = 5.0) -> None:
        """End tshark and its threads."""
        with self._lock:
            self._closing = True
        while not self._put_end() and self._thread.is_alive():
            time.sleep(0.01)
        if self._thread.ident:
            self._thread.join(timeout)

    def _within_budget(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second <= self._budget

    def _put(self, fed: Fed) -> bool:
        try:
            self._queue.put_nowait(fed)
        except queue.Full:
            return False
        return True

    def _put_end(self) -> bool:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        """Run tshark after tshark until told to end, or until it makes no sense any more."""
        failure = pyshark_adapter.prepare(self._command)
        self._state = "running"
        while not failure:
            outcome = self._run()
            if outcome == "closed":
                self._state = "stopped"
                return
            self._restarts += 1
            self._deaths += outcome != "full"
            self._wanted.clear()
            failure = outcome if self._deaths > MAX_RESTARTS else ""
        self._state = failure
        self._wanted.clear()
        while self._queue.get() is not None:
            self._skipped += 1

    def _run(self) -> str:
        try:
            return _Run(self._command, self._store, self._restart_after).run(self._queue)
        except OSError as error:
            return str(clean(f"no tshark: {error}", 80))

    def _store(self, fed: Fed, info: Info, line: bytes) -> None:
        with self._lock:
            self._dissected += 1
            self._wanted.discard(fed.serial)
            _keep(self._infos, fed.serial, info, KEPT_INFOS)
            _keep(self._lines, fed.serial, line, KEPT_LINES)


def _keep(kept: OrderedDict[int, Kept], key: int, value: Kept, limit: int) -> None:
    kept[key] = value
    if len(kept) > limit:
        kept.popitem(last=False)


class _Run:
    """One tshark process: this thread writes, a second one reads."""

    def __init__(self, command: str, store: Callable[[Fed, Info, bytes], None], limit: int) -> None:
        self._process = sandbox.start([command, *ARGUMENTS])
        self._store, self._limit = store, limit
        self._sent: queue.SimpleQueue[Fed] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="dissector-reader", daemon=True)

    def run(self, source: queue.Queue[Fed | None]) -> str:
        """Feed frames until the end of the queue (``closed``), the limit (``full``) or tshark's own end (why)."""
        self._reader.start()
        try:
            outcome = self._feed(source)
        except OSError:
            outcome = "tshark ended"
        return self._finish(outcome)

    def _feed(self, source: queue.Queue[Fed | None]) -> str:
        pipe = cast("BinaryIO", self._process.stdin)
        writer = pcapng.Writer(pipe)
        while writer.packets < self._limit:
            fed = source.get()
            if fed is None:
                return "closed"
            writer.add_tap(fed.tap, fed.name)
            self._sent.put(fed)
            writer.write(fed.tap, fed.time_ns, fed.wire_length, fed.outbound, fed.data)
            if source.empty():
                pipe.flush()
        return "full"

    def _finish(self, outcome: str) -> str:
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError:
            pass
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(5)
        if self._process.stdout:
            self._process.stdout.close()
        return outcome if outcome in ("closed", "full") else str(clean(f"tshark ended with {code}", 80))

    def _read(self) -> None:
        stream = cast("BinaryIO", self._process.stdout)
        sent = 0
        for line in iter(lambda: stream.readline(MAX_LINE), b""):
            info = pyshark_adapter.info(line) if line.startswith(b'{"timestamp"') else None
            while info is not None and sent < info.number and not self._sent.empty():
                fed, sent = self._sent.get(), sent + 1
                if sent == info.number:
                    self._store(fed, info, line)
