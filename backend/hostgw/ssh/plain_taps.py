"""Captures on a host without a Python: its own tcpdump, one a tap, each over a channel of its own.

tcpdump takes no program, so that of the request runs here, frame by frame; the operator's own SSH is left out there
already, or each frame would bring forth another. A small shell waits on its standard input and ends tcpdump with it.
"""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from hostgw.agent.tap_tcpdump import PcapSplitter, accepted
from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.ssh.stderr_tail import StderrTail
from hostgw.ssh.transport import Process, Transport
from hostgw.wire import CAPTURE, CAPTURE_HEAD, HEADER, RECORD, Reply, Tap, TapClosed, TapReady, TapStats, encode

NAME: Final = re.compile(r"[\w.:@-]{1,64}")
"""Names of devices and namespaces that a login shell takes as they are."""
TURN_S: Final = 0.5
STATS_S: Final = 1.0
_SCRIPT: Final = (
    'i=$1; m=$2; l=$3; s=; if [ "$4" = yes ] && [ "$(id -u)" -ne 0 ]; then s="sudo -n"; fi; '
    "PATH=$PATH:/usr/sbin:/sbin; set -- $SSH_CONNECTION; "
    'e="not (tcp and host ${1:-127.0.0.1} and port ${4:-22})"; '
    'if [ -n "$m" ]; then s="$s ip netns exec $m"; fi; exec 3>&1 >/dev/null; '
    '$s tcpdump -p -U -n --immediate-mode --time-stamp-precision=nano -s "$l" -w - -i "$i" "$e" >&3 3>&- </dev/null & '
    'c=$!; exec 3>&-; cat; $s kill "$c"; wait "$c"'
)


@dataclass(frozen=True)
class Spot:
    """Where a tap is, and by what MAC addresses it is told which way a frame went: classic pcap does not say."""

    device: str
    namespace: str
    """As `ip netns` names it; empty for the host's own."""
    own: Collection[bytes] = ()
    """Who sends by this device is the host itself."""
    behind: Collection[bytes] = ()
    """Who is behind it, where it is a port of a bridge; then all others' frames leave by it."""

    def outbound(self, frame: bytes) -> bool:
        """Tell whether the host sent a frame."""
        source = frame[6:12]
        return source not in self.behind if self.behind else source in self.own


class PlainTaps:
    """The taps of one host. `tell` takes frames for the session, from any thread."""

    def __init__(self, transport: Transport, sudo: bool, tell: Callable[[bytes], None]) -> None:
        self._transport, self._sudo, self._tell = transport, sudo, tell
        self._open: dict[int, Process] = {}
        self._gone: set[int] = set()
        """Taps that were closed before their process was there."""
        self._lock = threading.Lock()

    def open(self, request: Tap, spot: Spot) -> None:
        """Begin to capture; what becomes of it is told."""
        self._gone.discard(request.tap)
        threading.Thread(target=self._run, args=(request, spot), name=f"tap {spot.device}", daemon=True).start()

    def close(self, number: int) -> None:
        """End a tap."""
        with self._lock:
            process = self._open.pop(number, None)
            if process is None:
                self._gone.add(number)
        if process:
            process.close()

    def close_all(self) -> None:
        """End all taps."""
        for number in list(self._open):
            self.close(number)

    def _run(self, request: Tap, spot: Spot) -> None:
        packets, reason = 0, ""
        try:
            process = self._started(request, spot)
            packets, reason = _Reading(request, spot, process, self._tell).run()
        except (HostError, OSError, ValueError) as error:
            reason = clean(str(error), 160)
        with self._lock:
            asked = self._open.pop(request.tap, None) is None and not reason
        self._say(TapClosed(request.tap, "asked" if asked else reason or "tcpdump ended", packets))

    def _started(self, request: Tap, spot: Spot) -> Process:
        if not (NAME.fullmatch(spot.device) and NAME.fullmatch(spot.namespace or "-")):
            raise ValueError("its name cannot be given to tcpdump safely")
        sudo = "yes" if self._sudo else "no"
        words = ("sh", "-c", _SCRIPT, "sh", spot.device, spot.namespace, str(request.snaplen), sudo)
        process = self._transport.open_process(f"exec {shlex.join(words)}")
        with self._lock:
            self._open[request.tap] = process
            late = request.tap in self._gone
            self._gone.discard(request.tap)
        if late:
            self.close(request.tap)
        return process

    def _say(self, message: Reply) -> None:
        self._tell(encode(message))


class _Reading:
    """One tcpdump's output, until it ends."""

    def __init__(self, request: Tap, spot: Spot, process: Process, tell: Callable[[bytes], None]) -> None:
        self._request, self._spot, self._process, self._tell = request, spot, process, tell
        self._splitter, self._tail = PcapSplitter(), StderrTail()
        self._packets = self._bytes = 0
        self._told = 0.0

    def run(self) -> tuple[int, str]:
        """Tell frames; return how many, and why it ended; empty when the process was closed from here."""
        begun = False
        while True:
            try:
                chunk = self._process.read(1 << 16, TURN_S)
            except TimeoutError:
                continue
            except OSError:
                return self._packets, ""
            if not chunk:
                return self._packets, self._last_words()
            records = self._splitter.feed(chunk)
            if self._splitter.begun and not begun:
                begun = True
                self._tell(encode(TapReady(self._request.tap, "tcpdump")))
            self._frames(records)
            if 0 < self._request.max_bytes <= self._bytes:
                self._process.close()
                return self._packets, "limit"

    def _last_words(self) -> str:
        self._tail.feed(self._process.read_stderr())
        said = [line for line in self._tail.lines() if "listening on" not in line and "captured" not in line]
        return clean(said[0], 160) if said and not self._packets else ""

    def _frames(self, records: list[tuple[int, int, bytes]]) -> None:
        body, count = b"", 0
        for time_ns, wire, data in records:
            if length := accepted(list(self._request.program), data, wire):
                kept = data[:length]
                body += RECORD.pack(time_ns, wire, len(kept), self._spot.outbound(data)) + kept
                count += 1
        if not count:
            return
        head = CAPTURE_HEAD.pack(self._request.tap, count)
        self._tell(HEADER.pack(len(head) + len(body) + 1, CAPTURE) + head + body)
        self._packets, self._bytes = self._packets + count, self._bytes + len(body)
        if time.monotonic() - self._told > STATS_S:
            self._told = time.monotonic()
            self._tell(encode(TapStats(self._request.tap, self._packets, 0)))
