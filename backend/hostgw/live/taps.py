"""Captures of an engine: each gets the frames of its own taps, and our SSH connections to leave out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from hostgw.capture.bpf import FourTuple
from hostgw.capture.clocks import UNKNOWN, Clock
from hostgw.capture.dissect import Dissector
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture, Record
from hostgw.capture.view import Settings
from hostgw.errors import HostgwError
from hostgw.fabric import Fabric, Host
from hostgw.model.host_state import HostState
from hostgw.recording.tape import FrameTape, Tape
from hostgw.wire import Captured, Drops, Request, Tap, TapClosed, TapReady, TapStats, Untap

_LOG = logging.getLogger(__name__)
Send = Callable[[str, Request], None]


class Captures:
    """The one capture that runs at a time; a new one ends the old."""

    def __init__(
        self, send: Send, fabric: Callable[[], Fabric], local: frozenset[str], tape: Tape | None = None
    ) -> None:
        self._send, self._fabric, self._local, self._tape = send, fabric, local, tape
        self._taping: FrameTape | None = None
        self._clocks: dict[str, Clock] = {}
        self._lock = threading.Lock()
        self._running: Capture | None = None
        self._numbers: dict[str, int] = {}

    @property
    def running(self) -> bool:
        """A capture runs: some tap of it is not closed."""
        return self._running is not None and self._running.running

    def start(
        self,
        points: Sequence[TapPoint],
        expression: str = "",
        record: Record | None = None,
        settings: Settings | None = None,
    ) -> Capture:
        """Open taps and decode from now on.

        Raises:
            CaptureError: the filter is wrong, or a tap would feed on our own SSH connection.
        """
        self.stop()
        wanted = (settings or Settings())._replace(expression=expression)
        clock = lambda host: self._clocks.get(host, UNKNOWN)  # noqa: E731
        if self._tape and record is None:
            record = self._taping = self._tape.capture(points, expression)
        capture = Capture(self._ask, self._sessions(), wanted, clock, Dissector(), record, time.time_ns, self._numbers)
        with self._lock:
            self._running = capture
        _LOG.info("capture at %d taps%s", len(points), f", filter {expression}" if expression else "")
        capture.start()
        try:
            capture.add(points)
        except HostgwError:
            self.stop()
            raise
        return capture

    def stop(self) -> None:
        """Close the taps and end the running capture, if there is one."""
        with self._lock:
            capture, self._running = self._running, None
        if capture is not None:
            capture.close()
            lost = sum(status.drops + status.limited + status.overflow for status in capture.view(1).taps)
            _LOG.log(logging.WARNING if lost else logging.INFO, "capture ended, %d frames lost at taps", lost)
        if self._taping is not None:
            self._taping.close()
            self._taping = None

    def message(self, host: str, message: object) -> None:
        """Take what a host says of a tap."""
        if self._running is not None and isinstance(message, (TapReady, TapStats, TapClosed)):
            self._running.feed(host, message)
        elif self._running is not None and isinstance(message, Drops):
            self._running.dropped(host, message)
            if self._taping:
                self._taping.dropped(host, message, self._clocks.get(host, UNKNOWN).offset_ns)

    def frames(self, host: str, frames: list[Captured], clock: Clock) -> None:
        """Take captured frames, and what the host's clock is like by now."""
        self._clocks[host] = clock
        if self._running is not None:
            self._running.feed(host, frames)

    def state(self, host: str, state: HostState) -> None:
        """Note that a host went: its taps went with it."""
        if self._running is not None and state not in (HostState.UP, HostState.CONNECTING):
            self._running.lost(host, f"host is {state.value}")

    def greeted(self) -> None:
        """A host is connected anew: its new SSH connection must be left out everywhere."""
        if self._running is not None:
            self._running.rearm(self._sessions())

    def _ask(self, host: str, request: Tap | Untap) -> None:
        """Send to a host; one that has gone needs no Untap, and a Tap that fails shows as never ready."""
        with suppress(HostgwError):
            self._send(host, request)

    def _sessions(self) -> dict[str, list[FourTuple] | None]:
        return {host.name: self._session(host) for host in self._fabric().hosts.values()}

    def _session(self, host: Host) -> list[FourTuple] | None:
        if host.name in self._local:
            return []
        connection = host.snapshot.facts.ssh_connection if host.snapshot else ()
        if len(connection) != 4:
            return None
        client, client_port, server, server_port = connection
        return [FourTuple(client, int(client_port), server, int(server_port))]
