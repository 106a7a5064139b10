"""Replay: a recording in the place of hosts. It shows what was known at a moment; time goes on, back or not at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.checks.run import Checker
from hostgw.clean import clean
from hostgw.errors import CaptureError, UsageError
from hostgw.fabric import Fabric
from hostgw.inventory.inventory import Intent
from hostgw.live.collecting import collect_seldom
from hostgw.live.courtesy import Courtesy
from hostgw.live.differences import Event, History
from hostgw.live.replay_capture import ReplayCapture
from hostgw.live.setting_up import SettingUp
from hostgw.live.tracing import Tracing
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, maybe_prefix
from hostgw.model.path import End, Query
from hostgw.plans.build import plan
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.running import Run
from hostgw.plans.standing import Judged
from hostgw.recording.fold import S
from hostgw.recording.lines import SaidLine, Told
from hostgw.recording.reader import Recording
from hostgw.wire import ConntrackReply, Guarded, ProbeReply

PICTURES_S = 0.1
"""While time goes on, a picture is worked out so often at most."""
PASSED = 200
"""So many moments that a jump passes are looked at."""
ASKED = "this is a recording: no host can be asked"
CHANGED = "this is a recording: nothing can be changed"


@dataclass(frozen=True)
class Position:
    """Where a recording stands, in epoch nanoseconds."""

    now_ns: int
    begin_ns: int
    end_ns: int
    playing: bool
    speed: float = 1.0


class Replay:
    """An engine over a recording; any thread may call any method."""

    is_recording = True
    read_only = True
    watch_s = 0.0
    local: frozenset[str] = frozenset()

    def __init__(self, recording: Recording, *, loop: bool = False) -> None:
        """Stand at the beginning; `loop` begins anew at the end."""
        self.recording, self._loop = recording, loop
        self._courtesy = Courtesy()
        between = self._courtesy.give_way
        self._memory, self._checker = Memory(between), Checker(between)
        self._subscribers: list[Callable[[], None]] = []
        self._lock, self._wake = threading.RLock(), threading.Event()
        self._stopped, self._playing, self._speed = False, False, 1.0
        self._from_ns, self._since = recording.begin_ns, time.monotonic()
        self._index, self._jumped = 0, False
        self._said = [line for moment in recording.moments for line in moment.lines if isinstance(line, SaidLine)]
        self._history = History(between=between)
        self._captures = ReplayCapture(recording, self.now_ns)
        self._intents = _intents(recording.header.told)
        self._shown_mesh = Mesh()
        self._view = self._worked_out(0, 0)
        self._history.note(self._view, recording.begin_ns / S)
        self._thread = threading.Thread(target=self._run, name="hostgw-replay", daemon=True)
        self.setting_up = SettingUp(self.view, self._thought, dict, lambda _network: None)

    # ---- time ----

    def now_ns(self) -> int:
        """Return the time at which the recording stands."""
        gone = (time.monotonic() - self._since) * self._speed if self._playing else 0.0
        return min(self.recording.end_ns, self._from_ns + int(gone * S))

    def clock(self) -> float:
        """Return that time in seconds: the clock by which the hosts of its pictures were heard."""
        return self.now_ns() / S

    @property
    def position(self) -> Position:
        """Where it stands."""
        now, recording = self.now_ns(), self.recording
        return Position(now, recording.begin_ns, recording.end_ns, self._playing, self._speed)

    def play(self, playing: bool) -> None:
        """Let time go on, or stand still; at the end it begins anew."""
        with self._lock:
            now = self.now_ns()
            self._from_ns = self.recording.begin_ns if playing and now >= self.recording.end_ns else now
            self._since, self._playing = time.monotonic(), playing
            self._wake.set()

    def hurry(self, speed: float) -> None:
        """Let time go so many times as fast."""
        with self._lock:
            self._from_ns, self._since, self._speed = self.now_ns(), time.monotonic(), speed

    def seek(self, time_ns: int) -> None:
        """Go to a time, at most to an end."""
        with self._lock:
            self._from_ns = max(self.recording.begin_ns, min(self.recording.end_ns, time_ns))
            self._since, self._jumped = time.monotonic(), True
            self._wake.set()

    def step(self, by: int) -> None:
        """Stand still at the next moment, or the one before, at which something changed."""
        with self._lock:
            index = self.recording.notable(self.recording.index(self.now_ns()), by)
            self._playing, self._from_ns = False, self.recording.moments[index].time_ns
            self._wake.set()

    def to_end(self) -> None:
        """Stand at the end, without a thread."""
        self._index = len(self.recording.moments) - 1
        self._from_ns = self.recording.end_ns
        self._view = self._worked_out(self._index, 1)

    def view_at(self, time_ns: int) -> View:
        """Return the picture of another time."""
        state = self.recording.at(self.recording.index(time_ns))
        mesh = self._mesh(state.fabric, Memory())
        return View(state.fabric, mesh, Checker().run(state.fabric, mesh))

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(PICTURES_S if self._playing else None)
            self._wake.clear()
            self._turn_over()
            index = self.recording.index(self.now_ns())
            if index != self._index:
                self._go(index)
                for callback in self._subscribers:
                    callback()

    def _go(self, index: int) -> None:
        at = self.recording.moments[index].time_ns / S
        back, jumped = index < self._index, self._jumped
        self._jumped = False
        if jumped and not back:
            self._pass_by(index)
        self._captures.go(index)
        self._view = self._worked_out(index, self._view.number + 1)
        (self._history.back_to if back else self._history.note)(self._view, at)
        self._index = index

    def _pass_by(self, index: int) -> None:
        """Look at what lies between, as far as that is quick: what changed there is told with its own time."""
        between = (i for i in range(self._index + 1, index) if self.recording.moments[i].notable)
        for number in islice(between, PASSED):
            self._history.note(self._worked_out(number, self._view.number), self.recording.moments[number].time_ns / S)

    def _turn_over(self) -> None:
        """At the end, stand still or begin anew."""
        if self._playing and self.now_ns() >= self.recording.end_ns:
            self.play(self._loop)

    def _worked_out(self, index: int, number: int) -> View:
        """Return a picture; a mesh that is as before stays the same object, by which checks know what they know."""
        fabric, mesh = self.recording.at(index, self._courtesy.give_way).fabric, self._shown_mesh
        try:
            if (built := self._mesh(fabric, self._memory)) != mesh:
                mesh = self._shown_mesh = built
            return View(fabric, mesh, self._checker.run(fabric, mesh), number)
        except Exception as error:  # whatever a file says, the rest of it can be shown
            logging.getLogger(__name__).exception("checks of a recording failed")
            self.recording.damage = clean(f"checks failed: {error}", 200)
            return View(fabric, mesh, (), number)

    def _mesh(self, fabric: Fabric, memory: Memory) -> Mesh:
        told = self.recording.header.told
        return build(fabric, self._intents, maybe_prefix(told.network), told.complete, memory=memory)

    def _thought(self, fabric: Fabric, network: Prefix | None) -> Mesh:
        return build(fabric, self._intents, network, self.recording.header.told.complete)

    # ---- as an engine ----

    def start(self) -> None:
        """Begin to follow time, from now on."""
        collect_seldom()
        self._since = time.monotonic()
        self._thread.start()
        self._captures.go(self._index)

    def stop(self) -> None:
        """End the thread and the capture that is shown."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)
        self._captures.close()

    def view(self) -> View:
        """Return the picture of the moment."""
        return self._view

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have `callback` called whenever time has gone on."""
        self._subscribers.append(callback)

    @property
    def events(self) -> Sequence[Event]:
        """What changed up to now, as far as it was shown or jumped over, the oldest first."""
        return self._history.events

    @property
    def shown_capture(self) -> Capture | None:
        """The capture that ran at the moment, or last before it."""
        return self._captures.capture

    @property
    def record_error(self) -> str:
        """Why a line was left out, if one was."""
        return f"a line makes no sense and is left out: {self.recording.damage}" if self.recording.damage else ""

    @property
    def log(self) -> Sequence[str]:
        """The commands that had been run by then."""
        return tuple(line.text for line in self._said if line.time_ns <= self.now_ns())

    def plan(self, findings: Sequence[Finding]) -> Plan:
        """Return the plan that would mend findings."""
        return plan(findings, self._view.fabric, self._view.mesh)

    def witness(self) -> None:
        """Do nothing: nobody counts any more."""

    def probe_all(self, limit: int | None = None) -> None:
        """Refuse.

        Raises:
            UsageError: always.
        """
        raise UsageError(ASKED, "", "Leave --probe out: what probes found then is in the recording.")

    def give_way(self) -> None:
        """Have work in the background rest for a moment: somebody waits for the screen."""
        self._courtesy.ask()

    def look(self, counters: bool, host: str = "") -> None:
        """Do nothing: what was counted is in the recording."""

    def retry(self, host: str) -> None:
        """Do nothing."""

    def refresh(self) -> None:
        """Do nothing."""

    def ask_guards(self) -> None:
        """Do nothing: what hosts told of guards is in the recording."""

    def judged(self) -> tuple[Judged, ...]:
        """Return nothing: the journal is this machine's, the hosts may be anybody's."""
        return ()

    def undo_plan(self, journal_id: str | None = None) -> Plan:
        """Refuse."""
        raise UsageError(CHANGED)

    def undo_since(self, journal_id: str | None = None) -> Plan:
        """Refuse."""
        raise UsageError(CHANGED)

    def persist_plan(self, hosts: Iterable[str] = ()) -> Plan:
        """Refuse: it would have to read files."""
        raise UsageError(ASKED)

    def apply(self, wanted: Plan, /, run: Run | None = None, allow_management: bool = False) -> Future[Outcome]:
        """Refuse."""
        future: Future[Outcome] = Future()
        future.set_result(Outcome(Result.REFUSED, CHANGED))
        return future

    def watch(self, outcome: Outcome) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def settle(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def roll_back(self, host: str, guard: str) -> Future[Guarded]:
        """Refuse."""
        return _refused(CHANGED)

    def conntrack(self, host: str, address: str = "") -> Future[ConntrackReply]:
        """Refuse."""
        return _refused(ASKED)

    def probe(self, host: str, ns: int, destination: str, count: int = 3) -> Future[ProbeReply]:
        """Refuse."""
        return _refused(ASKED)

    def trace(self, source: End, destination: End, count: int = 1, query: Query | None = None) -> Future[Tracing]:
        """Refuse."""
        return _refused(ASKED)

    def capture(self, points: Sequence[TapPoint], expression: str = "") -> Capture:
        """Refuse: what was captured is shown by itself.

        Raises:
            CaptureError: always.
        """
        raise CaptureError("this is a recording", "it shows what was captured when it was made")


def _refused(why: str) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(UsageError(why))
    return future


def _intents(told: Told) -> dict[str, Intent]:
    found = {}
    for name, host in told.hosts.items():
        subnets = tuple(prefix for text in host.subnets if (prefix := maybe_prefix(text)) is not None)
        found[name] = Intent(subnets, host.underlay, host.role)
    return found
