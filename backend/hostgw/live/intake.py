"""From messages to views: one thread takes what the sessions bring, and publishes a new view when something changed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import IntEnum

from hostgw.checks.run import Checker
from hostgw.errors import ProtocolError
from hostgw.fabric import Fabric, Host, Sample, Snapshot, Tracked
from hostgw.live.courtesy import Courtesy
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.guard import Guard
from hostgw.model.host_state import HostState
from hostgw.model.probe import Probes
from hostgw.recording.tape import Tape
from hostgw.wire import Delta, Ready, Reply, Row, Section, Synced, rows

MESH_SECTIONS = frozenset(
    {
        Section.NAMESPACES,
        Section.LINKS,
        Section.ADDRESSES,
        Section.ROUTES,
        Section.FILTERS,
        Section.RULES,
        Section.SETTINGS,
    }
)
"""What ownership and expectations are read from; other sections leave the mesh as it is."""

Build = Callable[[Fabric], Mesh]
News = Callable[[Fabric], Fabric]


class Sampling(IntEnum):
    """Which samples of what hosts count are kept."""

    OFF = 0
    LATEST = 1
    """Those of the last two seconds or so."""
    WHOLE = 2
    """The first since it began, and the latest."""


WINDOW = 3
"""Samples are a second apart."""
PATIENCE = 4
"""While hosts are still to come, mesh and checks rest this many times as long as they took last.

Every host that comes changes the mesh, and with it what is true of all that came before. Other news do not wait.
"""


class Concern(IntEnum):
    """What has to be worked out again after some news."""

    NOTHING = 0
    FINDINGS = 1
    MESH = 2


class Intake:
    """Holds the current view; `put` may be called from any thread, subscribers are called from the intake's own."""

    def __init__(
        self, hosts: tuple[Host, ...], build: Build, tape: Tape | None = None, courtesy: Courtesy | None = None
    ) -> None:
        fabric = Fabric({host.name: host for host in hosts})
        self._view = View(fabric, build(fabric))
        self._build, self._tape = build, tape
        self._checker = Checker((courtesy or Courtesy()).give_way)
        self._queue: deque[tuple[News, Concern, bool]] = deque()
        self._wake = threading.Condition()
        self._changed = threading.Condition()
        self._incoming: dict[str, Snapshot] = {}
        self._synced: set[str] = set()
        self._stopped = False
        self._owed = Concern.NOTHING
        """What news that are in the view ask for, and was not worked out yet."""
        self._pressing = False
        """Some of it is not about hosts that come for the first time, and somebody may wait for it."""
        self._rest_until = 0.0
        self._sampling = Sampling.OFF
        self._subscribers: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="hostgw-intake", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the last view stays readable."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from the intake's thread, whenever the view changed."""
        self._subscribers.append(callback)

    def view(self) -> View:
        """Return the current view."""
        return self._view

    def wait(self, ready: Callable[[View], bool], timeout: float) -> View:
        """Wait until `ready` of the view holds or `timeout` seconds are over; return the view then."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not ready(self._view) and not self._stopped:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        return self._view

    def message(self, host: str, message: Reply) -> None:
        """Take a message of a host's agent, in the thread of its session.

        After a greeting the old picture stays until the new one is complete: a host that comes back changes nothing
        but what has changed.

        Raises:
            ProtocolError: it is malformed or out of turn.
        """
        if self._tape:
            self._tape.message(host, message)
        if isinstance(message, Ready):
            self._incoming[host] = Snapshot(message.facts)
        elif isinstance(message, Delta):
            self._delta(host, message)
        elif isinstance(message, Synced):
            self._whole(host)

    def _whole(self, host: str) -> None:
        if (snapshot := self._incoming.pop(host, None)) is not None:
            arrival = host not in self._synced
            self._synced.add(host)
            self._put(lambda fabric: _heard(fabric, host, snapshot=snapshot.synced()), Concern.MESH, arrival)
        self._put(lambda fabric: _with(fabric, host, rounds=fabric.hosts[host].rounds + 1), Concern.NOTHING)

    def _delta(self, host: str, delta: Delta) -> None:
        """Decode in the session's own thread, so that what is malformed ends that session."""
        put = rows(delta, host)
        if (coming := self._incoming.get(host)) is not None:
            self._incoming[host] = coming.with_rows(delta, put)
        elif host not in self._synced:
            raise ProtocolError("state before the greeting", host=host)
        else:
            concern = Concern.MESH if delta.section in MESH_SECTIONS else Concern.FINDINGS
            self._put(lambda fabric: self._with_delta(fabric, host, delta, put), concern)

    def _with_delta(self, fabric: Fabric, host: str, delta: Delta, put: Iterable[Row]) -> Fabric:
        fabric = _with_delta(fabric, host, delta, put)
        counted = delta.section is Section.FILTERS and delta.full  # they come last of what is sent of counters
        return _with_sample(fabric, host, self._sampling) if counted and self._sampling else fabric

    def state(self, host: str, state: HostState, error: str) -> None:
        """Take a change of a host's reachability."""
        if self._tape:
            self._tape.state(host, state, error)
        self._put(lambda fabric: _with(fabric, host, state=state, error=error), Concern.MESH, host not in self._synced)

    def relocate(self, host: str, address: str) -> None:
        """Take where a host is reached: with it, peers' routes tell what a host that is down owns."""
        if self._tape:
            self._tape.address(host, address)
        if self._view.fabric.hosts[host].address != address:
            self._put(lambda fabric: _with(fabric, host, address=address), Concern.MESH, host not in self._synced)

    def echoed(self, host: str, rtt_ns: int, clock_offset_ns: int) -> None:
        """Take round trip and clock of a host."""
        if self._tape:
            self._tape.heard(host, rtt_ns, clock_offset_ns)
        news = {"rtt_ns": rtt_ns, "clock_offset_ns": clock_offset_ns}
        self._put(lambda fabric: _heard(fabric, host, **news), Concern.NOTHING)

    def guarded(self, host: str, guards: tuple[Guard, ...]) -> None:
        """Take what a host told of guarded changes."""
        if self._tape:
            self._tape.guards(host, guards)
        self._put(lambda fabric: _heard(fabric, host, guards=guards), Concern.NOTHING)

    def track(self, host: str, tracked: Tracked) -> None:
        """Take what a host told of its tracked flows."""
        if self._tape:
            self._tape.tracked(host, tracked)
        self._put(lambda fabric: _heard(fabric, host, tracked=tracked), Concern.FINDINGS)

    def sample(self, sampling: Sampling) -> None:
        """Forget the samples of all hosts, and keep new ones in this way."""
        self._sampling = sampling
        self._put(_without_samples, Concern.FINDINGS)

    def hold(self) -> None:
        """Keep the samples as they are."""
        self._sampling = Sampling.OFF

    def rebuild(self) -> None:
        """Work the mesh out again: something else is told of it."""
        self._put(lambda fabric: fabric, Concern.MESH)

    def probed(self, probes: Probes | None) -> None:
        """Take what active checks found; None when it is true no more."""
        if probes is not self._view.fabric.probes:
            if self._tape:
                self._tape.probes(probes)
            self._put(lambda fabric: replace(fabric, probes=probes), Concern.FINDINGS)

    def _put(self, news: News, concern: Concern, arrival: bool = False) -> None:
        with self._wake:
            self._queue.append((news, concern, arrival))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopped and self._rest() != 0.0:
                    self._wake.wait(self._rest())
                if self._stopped:
                    return
                taken = list(self._queue)
                self._queue.clear()
            self._publish(taken)

    def _rest(self) -> float | None:
        """Return for how long what is owed may wait for more news; None when nothing is."""
        return max(0.0, self._rest_until - time.monotonic()) if self._owed else None

    def _publish(self, taken: list[tuple[News, Concern, bool]]) -> None:
        view = self._view
        fabric = view.fabric
        for news, concern, arrival in taken:
            fabric = news(fabric)
            self._owed = max(self._owed, concern)
            self._pressing |= concern is not Concern.NOTHING and not arrival
        view = replace(view, fabric=fabric, number=view.number + 1)
        if self._owed and (self._pressing or view.settled or self._rest() == 0.0):
            view = self._worked_out(view)
        with self._changed:
            self._view = view
            self._changed.notify_all()
        for callback in self._subscribers:
            callback()

    def _worked_out(self, view: View) -> View:
        """Return the view with the mesh and the findings of its fabric."""
        began, owed, mesh = time.monotonic(), self._owed, view.mesh
        self._owed, self._pressing = Concern.NOTHING, False
        try:
            if owed is Concern.MESH and (built := self._build(view.fabric)) != mesh:
                mesh = built
            findings = self._checker.run(view.fabric, mesh)
            spent = view.checking_s + time.monotonic() - began
            return replace(view, mesh=mesh, findings=findings, checks=view.checks + 1, checking_s=spent)
        except Exception:
            # Whatever a host says must not stop the picture of the others; the old findings stay, and the log has it.
            logging.getLogger(__name__).exception("mesh or checks failed")
            return replace(view, mesh=mesh)
        finally:
            now = time.monotonic()
            self._rest_until = now + PATIENCE * (now - began)


def _with(fabric: Fabric, name: str, **fields: object) -> Fabric:
    return fabric.with_host(replace(fabric.hosts[name], **fields))  # type: ignore[arg-type]


def _heard(fabric: Fabric, name: str, **fields: object) -> Fabric:
    """What the host itself said, and so a sign of life."""
    return _with(fabric, name, changed_at=time.monotonic(), **fields)


def _with_delta(fabric: Fabric, name: str, delta: Delta, put: Iterable[Row]) -> Fabric:
    snapshot = fabric.hosts[name].snapshot
    return _heard(fabric, name, snapshot=snapshot.with_rows(delta, put)) if snapshot else fabric


def _with_sample(fabric: Fabric, name: str, sampling: Sampling) -> Fabric:
    """Note what a host has counted by now."""
    host = fabric.hosts[name]
    sample = Sample(time.monotonic(), host.root.snmp, host.root.filters)
    held = host.samples[:1] if sampling is Sampling.WHOLE else host.samples[-(WINDOW - 1) :]
    return fabric.with_host(replace(host, samples=(*held, sample)))


def _without_samples(fabric: Fabric) -> Fabric:
    for host in fabric.hosts.values():
        if host.samples:
            fabric = fabric.with_host(replace(host, samples=()))
    return fabric
