"""The agent's life: greet, watch, answer, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, Iterator, Optional

from hostgw.agent import filters
from hostgw.agent.arms import Arms
from hostgw.agent.containers import Watches
from hostgw.agent.drops import Drops
from hostgw.agent.facts import facts
from hostgw.agent.poller import Poller, Source
from hostgw.agent.probe import Probes
from hostgw.agent.requests import Requests
from hostgw.agent.stream import Gone, Input, Output
from hostgw.agent.taps import Taps

Row = Dict[str, Any]
LOOK_S = 1.0
TAPS_S = 0.25
MAX_ERRORS = 100
DEFAULTS = {"heartbeat_s": 30.0, "reconcile_s": 30.0, "poll_s": 2.0}
SHORTEST = {"heartbeat_s": 0.1, "reconcile_s": 0.1, "poll_s": 0.05}


def run(stdin_fd: int, stdout_fd: int, ssh_connection: str) -> int:
    """Serve an operator until it goes away; return the exit code."""
    agent = Agent(stdin_fd, stdout_fd)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, agent.leave)
    _be_the_first_to_die()
    try:
        agent.output.message({"type": "ready", "facts": facts(ssh_connection)})
        agent.loop()
    except Gone as error:
        with suppress(OSError):
            sys.stderr.write(f"agent ends: {error}\n")
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        agent.close()
    return 0


def _be_the_first_to_die() -> None:
    """When memory runs out, the workload matters more than we do."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")


class Agent:
    """Everything that one run holds: streams, watches, taps, timers."""

    def __init__(self, stdin_fd: int, stdout_fd: int) -> None:
        self.input, self.output = Input(stdin_fd), Output(stdout_fd)
        self.watches: Optional[Watches] = None
        self.taps = Taps(self.output.frame, self.output.message)
        self.drops = Drops(self.output.message)
        self.probes = Probes(self.output.message)
        self.arms = Arms(self.output.message)
        self.read_only = False
        self._requests = Requests(self)
        self._poller = Poller(self.output)
        self._settings = dict(DEFAULTS)
        self._timers: Dict[str, float] = {}
        self._heard = time.monotonic()
        self.synced = False
        self._errors = 0
        self._leaving = ""
        self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    # ---- life ----

    def begin(self, settings: Row) -> None:
        """Start to watch, as the operator's first request asks."""
        for name, least in SHORTEST.items():
            self._settings[name] = max(least, float(settings.get(name, DEFAULTS[name])))
        self.read_only = bool(settings.get("read_only", False))
        self.watches = Watches(self.output.message)
        self._timers = {"reconcile": self._after("reconcile_s"), "poll": self._after("poll_s")}

    def leave(self, number: int, _frame: Any) -> None:
        """End soon because of a signal: to raise here could hit the middle of anything; guards go on by themselves."""
        self._leaving = f"signal {number}"
        os.write(self._wake[1], b"x")

    def close(self) -> None:
        """End captures and children, close sockets."""
        with suppress(Gone, OSError):
            self.taps.close_all()
        self.drops.close()
        self.probes.close()
        self.arms.close()
        if self.watches:
            self.watches.close()
        self._poller.close()

    def loop(self) -> None:
        """Serve until the operator goes.

        Raises:
            Gone: it went.
        """
        while not self._leaving:
            for handler in self._poller.wait(self._sources(), self._patience()):
                self._guarded(handler)
            self._guarded(self._work)
            if time.monotonic() - self._heard > self._settings["heartbeat_s"]:
                raise Gone("nothing heard from the operator")
            if self.output.stalled_s > self._settings["heartbeat_s"]:
                raise Gone("the operator does not read")
        raise Gone(self._leaving)

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do something; an error that nobody expected is told, and does not end everything else."""
        try:
            action()
        except Gone:
            raise
        except Exception as error:
            self._errors += 1
            detail = f"{type(error).__name__}: {error}"[:400]
            if self._errors > MAX_ERRORS:
                raise Gone(f"too many errors, the last: {detail}") from error
            self.output.message({"type": "failure", "id": 0, "detail": detail})

    # ---- what to wait for ----

    def _sources(self) -> Iterator[Source]:
        yield self._wake[0], self, self._awake
        yield self.input.fd, self.input, self._listen
        if self.watches:
            yield self.watches.events.fileno(), self.watches.events, self._hear
            yield self.watches.nft_events.fileno(), self.watches.nft_events, self._hear_nft
        for fd, tap in self.taps.fds().items():
            yield fd, tap, partial(self.taps.on_readable, fd)
        for fd in self.drops.fds():
            yield fd, self.drops, self.drops.on_readable
        for fd, request in self.arms.fds().items():
            yield fd, request, partial(self._armed, fd)
        for fd, probe in self.probes.fds().items():
            yield fd, probe, partial(self.probes.on_readable, fd)

    def _patience(self) -> float:
        """Return how long nothing needs to be done."""
        times = [self._heard + self._settings["heartbeat_s"] + 0.01, *self._timers.values()]
        times += [due for due in (self.probes.next_due(), self._due()) if due is not None]
        if self.taps.fds():
            times.append(time.monotonic() + TAPS_S)
        return max(0.0, min(times) - time.monotonic())

    def _due(self) -> Optional[float]:
        return self.watches.next_due() if self.watches and not self.output.behind else None

    # ---- what to do ----

    def _awake(self) -> None:
        """See that a signal came: the loop looks at `_leaving`."""
        os.read(self._wake[0], 64)

    def _listen(self) -> None:
        for request in self.input.read():
            self._heard = time.monotonic()
            self._requests.handle(request)

    def _hear(self) -> None:
        if self.watches and not self.watches.hear(time.monotonic()):
            self.output.message({"type": "resync", "reason": "the kernel dropped events"})

    def _armed(self, fd: int) -> None:
        if self.watches:
            self.watches.mark_all()
        self.arms.on_readable(fd)

    def _hear_nft(self) -> None:
        if self.watches:
            self.watches.hear_nft(time.monotonic())

    def _work(self) -> None:
        now = time.monotonic()
        if self.watches and not self.output.behind:
            self.watches.refresh(now)
            if not self.synced and self.watches.complete:
                self.synced = True
                self.output.message({"type": "synced"})
        for name in [name for name, when in self._timers.items() if when <= now]:
            TIMERS[name](self)
        self.taps.tick(now)
        self.drops.want(bool(self.taps.fds()))
        self.probes.tick(now)

    def reconcile(self) -> None:
        """Read everything, in case an event was missed by all."""
        self._timers["reconcile"] = self._after("reconcile_s")
        self._errors = 0
        if self.watches:
            self.watches.mark_all()

    def poll(self) -> None:
        """Read what has no events."""
        self._timers["poll"] = self._after("poll_s")
        if self.watches:
            legacy = ("filters",) if filters.legacy_tables() else ()
            self.watches.host.mark(("sysctls", "namespaces", "settings", *legacy), 0.0)

    def look(self, counters: bool) -> None:
        """Send counters each second from now on, or no more."""
        self._timers.pop("look", None)
        if counters:
            self._timers["look"] = 0.0

    def send_counters(self) -> None:
        """Send the counters of devices, protocols and rules."""
        self._timers["look"] = time.monotonic() + LOOK_S
        if self.watches is None or self.output.behind:
            return
        for section in ("counters", "snmp"):
            self.watches.host.refresh_section(section)
        self.watches.host.resend("filters")

    def _after(self, setting: str) -> float:
        return time.monotonic() + self._settings[setting]


TIMERS: Dict[str, Callable[[Agent], None]] = {
    "reconcile": Agent.reconcile,
    "poll": Agent.poll,
    "look": Agent.send_counters,
}
