"""Live: everything that a dashboard or a command needs of a fleet of hosts."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from hostgw.capture.clocks import UNKNOWN, Clock
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.checks.witness import LEAST_S, WITNESSED
from hostgw.clean import clean
from hostgw.errors import CaptureError, HostError, HostgwError, UsageError
from hostgw.fabric import Fabric, Host
from hostgw.live.changing import LiveHosts
from hostgw.live.collecting import collect_seldom
from hostgw.live.counting import Counted, Counting
from hostgw.live.courtesy import Courtesy
from hostgw.live.differences import Event, History
from hostgw.live.files import read as read_files
from hostgw.live.flows import TrackedFlows, waiting
from hostgw.live.guarding import Guarding
from hostgw.live.intake import Intake, Sampling
from hostgw.live.probing import Round
from hostgw.live.setting_up import SettingUp
from hostgw.live.taps import Captures
from hostgw.live.tracing import Tracing, trace
from hostgw.live.view import FAILED, View
from hostgw.mesh import Intent, Mesh
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
from hostgw.model.finding import Finding
from hostgw.model.guard import Guard
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix
from hostgw.model.path import End, Query
from hostgw.plans.apply import apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Entry, Journal, operator_name
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.persist import paths, persist_plan
from hostgw.plans.running import Run
from hostgw.plans.setup.docker import DAEMON_JSON, Docker
from hostgw.plans.setup.wishes import by_docker
from hostgw.plans.standing import Judged, judged
from hostgw.plans.timing import Timing
from hostgw.plans.undo import undo_plan, undo_since
from hostgw.recording.tape import Tape
from hostgw.ssh.discreet import Discreet
from hostgw.ssh.options import Options
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import Prompter
from hostgw.ssh.session import Session
from hostgw.ssh.target import Target
from hostgw.wire import (
    Captured,
    Conntrack,
    ConntrackReply,
    FilesReply,
    Guarded,
    Look,
    Lookup,
    LookupReply,
    Pong,
    Probe,
    ProbeReply,
    ReadFiles,
    Ready,
    Refresh,
    Reply,
    Request,
    RollBack,
    Synced,
)

_LOG = logging.getLogger(__name__)
LOUD, QUIET = logging.WARNING, logging.INFO
LOG_LINES = 1000
ASK_S = 10.0
WITNESS_S = 3.0


@dataclass(frozen=True)
class Intention:
    """What the operator tells of the mesh; all of it may be left to discovery."""

    network: Prefix | None = None
    intents: Mapping[str, Intent] = field(default_factory=dict)
    complete: bool = False


class Live:
    """Keeps sessions to hosts, a view that follows them, and the journal; any thread may call any method."""

    is_recording = False

    def __init__(
        self,
        targets: Sequence[Target],
        prompter: Prompter,
        options: Options | None = None,
        intention: Intention | None = None,
        journal: Journal | None = None,
        timing: Timing | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.options = options or Options()
        self._intention = intention or Intention()
        self._journal = journal or Journal()
        self.timing = timing or Timing()
        self._courtesy = Courtesy()
        self._memory = Memory(self._courtesy.give_way)
        self.local = frozenset(target.name for target in targets if target.local)
        """Hosts that are this machine, reached without SSH."""
        self.remarks: tuple[str, ...] = ()
        """What of the inventory is not used, and why."""
        self.tape = tape
        """Where all of it is recorded."""
        self._intake = Intake(
            tuple(Host(t.name, address=t.host or t.name) for t in targets), self._mesh, tape, self._courtesy
        )
        pool, discreet = Pool(), Discreet(prompter)
        self._sessions = {t.name: Session(t, self.options, self, discreet, pool) for t in targets}
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._looked_at: frozenset[str] = frozenset()
        self._applying = threading.Lock()
        self._history = History(between=self._courtesy.give_way)
        self._intake.subscribe(lambda: self._history.note(self._intake.view(), time.time()))
        self._flows = TrackedFlows(self.ask, self._intake.view, self._intake.track)
        self._intake.subscribe(self._flows.news)
        self._guarding = Guarding(self.ask, self._intake.view, self._intake.guarded)
        self.setting_up = SettingUp(
            self._intake.view, self._thought, lambda: self.told_subnets, self.tell_network, self.local
        )
        self._counting = Counting(self.ask, self._intake.view)
        self.captures = Captures(self._send, lambda: self._intake.view().fabric, self.local, tape)

    # ---- life ----

    @property
    def read_only(self) -> bool:
        """No change is made, whatever is asked."""
        return self.options.read_only

    @property
    def watch_s(self) -> float:
        """How long `watch` looks."""
        return self.timing.watch_s

    def start(self) -> None:
        """Connect to every host."""
        collect_seldom()
        self._intake.start()
        self._flows.start()
        for session in self._sessions.values():
            session.start()

    def stop(self) -> None:
        """Close every connection, so that the agents end, and end the threads."""
        self.captures.stop()
        self._flows.stop()
        self._guarding.stop()
        closing = [threading.Thread(target=session.close) for session in self._sessions.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(6)
        self._intake.stop()
        if self.tape:
            self.tape.close()

    def retry(self, host: str) -> None:
        """Connect to a host again now."""
        self._sessions[host].retry()

    # ---- what is ----

    def view(self) -> View:
        """Return the current picture."""
        return self._intake.view()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from a thread of ours, whenever the view changed."""
        self._intake.subscribe(callback)

    def wait(self, ready: Callable[[View], bool], timeout: float) -> View:
        """Wait until `ready` of the view holds or `timeout` seconds are over; return the view then."""
        return self._intake.wait(ready, timeout)

    def wait_for_flows(self, timeout: float) -> View:
        """Wait until the tracked flows of every host that is up are known too, for at most `timeout` seconds."""
        return self._intake.wait(lambda view: not waiting(view), timeout)

    @property
    def log(self) -> Sequence[str]:
        """The commands that were run, oldest first."""
        return tuple(self._log)

    @property
    def events(self) -> Sequence[Event]:
        """What changed since all hosts were read, the oldest first."""
        return self._history.events

    def clock(self) -> float:
        """Return the time of the picture: now, in epoch seconds."""
        return time.time()

    @property
    def shown_capture(self) -> Capture | None:
        """None: a capture is shown when somebody starts it."""
        return None

    @property
    def record_error(self) -> str:
        """Why the recording ended, if it did."""
        return f"recording to {self.tape.path} ended: {self.tape.error}" if self.tape and self.tape.error else ""

    def give_way(self) -> None:
        """Have work in the background rest for a moment: somebody waits for the screen."""
        self._courtesy.ask()

    def look(self, counters: bool, host: str = "") -> None:
        """Have the hosts, or only this one, report counters each second, or no more."""
        names = frozenset({host} if host else self._sessions) if counters else frozenset()
        ended, self._looked_at = self._looked_at - names, names
        self._intake.sample(Sampling.LATEST if counters else Sampling.OFF)
        for state, hosts in ((False, ended), (True, names)):
            for up in (
                h.name for h in self.view().fabric.hosts.values() if h.state is HostState.UP and h.name in hosts
            ):
                self.tell(up, Look(state))

    def refresh(self) -> None:
        """Have the hosts dump everything again."""
        self._send_all(Refresh())

    @property
    def told_subnets(self) -> dict[str, Prefix]:
        """Return the subnets that the inventory gives hosts."""
        intents = self._intention.intents.items()
        return {name: intent.subnets[0] for name, intent in intents if intent.subnets}

    # ---- asking ----

    def conntrack(self, host: str, address: str = "", limit: int = 2000) -> Future[ConntrackReply]:
        """Ask for a host's tracked flows that involve `address` (empty: any)."""
        return cast("Future[ConntrackReply]", self.ask(host, lambda number: Conntrack(number, address, limit)))

    def files(self, host: str, paths: Iterable[str]) -> Future[FilesReply]:
        """Ask for configuration files of a host; of a path that ends in a slash, for those of the directory."""
        return cast("Future[FilesReply]", self.ask(host, lambda number: ReadFiles(number, tuple(paths))))

    def lookup(self, host: str, dst: str, source: str = "", iif: int = 0) -> Future[LookupReply]:
        """Ask a host's kernel for the route of a packet."""
        return cast("Future[LookupReply]", self.ask(host, lambda number: Lookup(number, dst, source, iif)))

    def probe(self, host: str, ns: int, destination: str, count: int = 3) -> Future[ProbeReply]:
        """Send echo requests from a namespace of a host."""
        return cast("Future[ProbeReply]", self.ask(host, lambda number: Probe(number, ns, destination, count)))

    def sample(self, hosts: Iterable[str]) -> None:
        """Have hosts report counters; what each counts first is compared with what comes last."""
        self._intake.sample(Sampling.WHOLE)
        for host in hosts:
            self.tell(host, Look(True))

    def count(self, timeout: float) -> Mapping[str, Counted]:
        """Return what hosts have counted by now, of those that are up and answer within so many seconds."""
        return self._counting.count(timeout)

    def witness(self) -> None:
        """Count for about a second on the hosts that have findings which a counter may witness."""
        hosts = {found.host for found in self.view().listed if found.code in WITNESSED}

        def counted(view: View) -> bool:
            found = (view.fabric.hosts[name] for name in hosts)
            return all(h.state is not HostState.UP or _seconds(h) >= LEAST_S for h in found)

        if hosts:
            self.sample(hosts)
            self.wait(counted, WITNESS_S)
            self._end_sampling(hosts)

    def probe_all(self, limit: int | None = None) -> None:
        """Send probes between the hosts, of many pairs at most `limit`; the next view has what came of them."""
        probes = Round(self, limit).run()
        self._end_sampling(self.view().fabric.hosts)
        self._intake.probed(probes)
        self.wait(lambda view: view.fabric.probes is probes, WITNESS_S)

    def _end_sampling(self, hosts: Iterable[str]) -> None:
        self._intake.hold()
        for host in hosts:
            self.tell(host, Look(False))

    def capture(self, points: Sequence[TapPoint], expression: str = "") -> Capture:
        """Start a capture; it ends the one before.

        Raises:
            CaptureError: the filter is wrong, or a tap would feed on our own SSH connection.
        """
        return self.captures.start(points, expression)

    def trace(self, source: End, destination: End, count: int = 1, query: Query | None = None) -> Future[Tracing]:
        """Send probes along their predicted way, and watch them at the taps; fails while another capture runs."""
        future: Future[Tracing] = Future()
        job = partial(trace, self, source, destination, count, query)
        threading.Thread(target=self._trace, args=(job, future), name="hostgw-trace", daemon=True).start()
        return future

    def _trace(self, job: Callable[[], Tracing], future: Future[Tracing]) -> None:
        try:
            if self.captures.running:
                raise CaptureError("a capture runs", "one at a time", "Stop it first, on Packets.")
            future.set_result(job())
        except Exception as error:  # whatever it is, somebody waits for the outcome
            future.set_exception(error)

    # ---- changing ----

    def plan(self, findings: Sequence[Finding]) -> Plan:
        """Return the plan that mends `findings`, from the current view."""
        view = self.view()
        return plan(findings, view.fabric, view.mesh, self.local)

    def persist_plan(self, hosts: Iterable[str] = ()) -> Plan:
        """Return the plan that makes lasting what hosts (all, when none is named) have now; their files are read."""
        view = self.view()
        names = tuple(hosts) or tuple(view.fabric.hosts)
        chosen = [view.fabric.hosts[name] for name in names]
        up = [host for host in chosen if host.readable and host.state is HostState.UP]
        held, failed = read_files(self.ask, up, lambda host: paths(host, view.mesh))
        away = {host.name: f"the host is not reached: {host.state.value}" for host in chosen if host not in up}
        made = persist_plan(view.fabric, view.mesh, held, view.findings, self.local)
        silent = tuple(f"{name}: its files could not be read: {why}" for name, why in (away | failed).items())
        return replace(made, notes=(*made.notes, *silent))

    def docker(self, restart: bool = False) -> Docker:
        """Return Docker's settings on the hosts where it makes a bridge of its own; they are read now."""
        found = [host for host in self.view().fabric.hosts.values() if host.state is HostState.UP and by_docker(host)]
        held, _ = read_files(self.ask, found, lambda host: (DAEMON_JSON,))
        told = {name: file for name, files in held.items() for file in files.all}
        return Docker(told, frozenset(name for name, files in held.items() if files.systemd), restart)

    def judged(self) -> tuple[Judged, ...]:
        """Return what of each entry of the journal is left to undo on these hosts, the newest first."""
        return judged(self._journal.entries(), self.view().fabric)

    def undo_plan(self, journal_id: str | None = None) -> Plan:
        """Return the plan that takes back a journal entry; the newest that is in force when no id is given."""
        return undo_plan(*self._recorded(journal_id), self.local)

    def undo_since(self, journal_id: str | None = None) -> Plan:
        """Return the one plan that takes back an entry and all later ones; all there are when no id is given."""
        return undo_since(*self._recorded(journal_id), self.local)

    def _recorded(self, journal_id: str | None) -> tuple[str | None, tuple[Entry, ...], Fabric, Mesh]:
        view, entries = self.view(), self._journal.entries()
        if journal_id is not None and all(entry.id != journal_id for entry in entries):
            raise UsageError(f"the journal has no entry {clean(journal_id, 20)}", remedy="'undo --list' shows them.")
        return journal_id, entries, view.fabric, view.mesh

    def apply(self, wanted: Plan, run: Run | None = None, allow_management: bool = False) -> Future[Outcome]:
        """Apply a plan in a thread of its own; one plan at a time. `run` tells how far it is and takes wishes.

        `allow_management` is the second, deliberate word that a plan with `Plan.management` needs.
        """
        future: Future[Outcome] = Future()
        self._intake.probed(None)
        if self.read_only:
            future.set_result(Outcome(Result.REFUSED, "this session is read-only"))
            return future
        arguments = (wanted, run or Run(), allow_management, future)
        threading.Thread(target=self._apply, args=arguments, name="hostgw-apply", daemon=True).start()
        return future

    def _apply(self, wanted: Plan, run: Run, allow_management: bool, future: Future[Outcome]) -> None:
        flows = lambda hosts: self._flows.ask(hosts)  # noqa: E731
        hosts = LiveHosts(self._sessions, self.ask, self.tell, self.view, self.wait, flows, operator_name())
        try:
            with self._applying:
                how = (self.timing, run, allow_management)
                outcome = apply(wanted, hosts, self._journal, self._note, *how)
                _LOG.info("%s: %s %s (journal %s)", wanted.title, outcome.result, outcome.detail, outcome.journal_id)
                future.set_result(outcome)
        except Exception as error:  # whatever it is, somebody waits for the outcome
            future.set_exception(error)
        finally:
            hosts.close()
            self.ask_guards()

    def watch(self, outcome: Outcome) -> tuple[str, ...]:
        """Look for a while whether somebody undoes what was confirmed; return a sentence for each host where it was."""
        entry = next((e for e in self._journal.entries() if e.id == outcome.journal_id), None)
        guards = {h: g for h, g in entry.guards.items() if h in outcome.changed} if entry else {}
        if said := self._guarding.watch(guards, self.timing.watch_s):
            self._journal.end(outcome.journal_id, replace(outcome, detail="; ".join(said)))
        return said

    def ask_guards(self) -> None:
        """Have the hosts tell of guarded changes; what they say comes into the view."""
        for host in self.view().fabric.hosts.values():
            if host.state is HostState.UP:
                self._guarding.ask(host.name)

    def guards(self) -> dict[str, tuple[Guard, ...]]:
        """Return what the hosts say of guarded changes: pending, or ended in the last minutes."""
        return self._guarding.of(host.name for host in self.view().fabric.hosts.values() if host.state is HostState.UP)

    def roll_back(self, host: str, guard: str) -> Future[Guarded]:
        """Have a pending change of anybody taken back now."""
        return cast("Future[Guarded]", self.ask(host, lambda number: RollBack(number, guard, operator_name())))

    def settle(self) -> tuple[str, ...]:
        """Ask the hosts how changes ended of which the journal does not know it; return a sentence for each."""
        return self._guarding.settle(self._journal)

    # ---- what sessions bring (Sink) ----

    def state(self, host: str, state: HostState, text: str, error: HostError | None) -> None:
        """Take the new state of a host."""
        _LOG.log(LOUD if state in FAILED else QUIET, "%s: %s %s", host, state.value, error or text)
        self.captures.state(host, state)
        self._intake.relocate(host, self._sessions[host].address)
        self._intake.state(host, state, clean(error.without_host if error else text, 400))

    def message(self, host: str, message: Reply) -> None:
        """Take a message of a host."""
        if isinstance(message, Pong):
            self._echo(host)
            return
        if isinstance(message, Ready):
            _LOG.info("%s: agent runs on Linux %s, Python %s", host, message.facts.kernel, message.facts.python)
            if host in self._looked_at:
                self.tell(host, Look(True))
        self.captures.message(host, message)
        self._intake.message(host, message)
        if isinstance(message, Synced):
            self.captures.greeted()
            self._guarding.ask(host)

    def _echo(self, host: str) -> None:
        if clock := self._sessions[host].clock:
            self._intake.echoed(host, clock.rtt_ns, clock.offset_ns)

    def frames(self, host: str, frames: list[Captured]) -> None:
        """Take captured frames."""
        clock = self._sessions[host].clock
        told = Clock(clock.offset_ns, clock.error_ns(time.monotonic_ns())) if clock else UNKNOWN
        self.captures.frames(host, frames, told)

    def _mesh(self, fabric: Fabric) -> Mesh:
        intention = self._intention
        return build(fabric, intention.intents, intention.network, intention.complete, memory=self._memory)

    def _thought(self, fabric: Fabric, network: Prefix | None) -> Mesh:
        """Return what should be if the network were this; what the last view worked out is left alone."""
        return build(fabric, self._intention.intents, network, self._intention.complete)

    def tell_network(self, network: Prefix) -> None:
        """Take a network as told from now on."""
        self._intention = replace(self._intention, network=network)
        self._intake.rebuild()

    def ask(self, host: str, make: Callable[[int], Request], timeout: float = ASK_S) -> Future[Reply]:
        """Send the request that `make` makes of an id; its reply, or an error, comes in the future."""
        try:
            return self._sessions[host].request(make, timeout)
        except HostgwError as error:  # who asks, waits for the future: there it finds the error
            failed: Future[Reply] = Future()
            failed.set_exception(error)
            return failed

    def _send(self, host: str, request: Request) -> None:
        self._sessions[host].send(request)

    def tell(self, host: str, request: Request) -> None:
        """Send to a host that may just have gone; it gets the same again when it is back."""
        try:
            self._sessions[host].send(request)
        except HostgwError as error:
            self._note(f"{time.strftime('%H:%M:%S')} {error}")

    def _note(self, text: str) -> None:
        _LOG.info("%s", text)
        self._log.append(text)
        if self.tape:
            self.tape.said(text)

    def _send_all(self, request: Request) -> None:
        for host in self.view().fabric.hosts.values():
            if host.state is HostState.UP:
                self.tell(host.name, request)


def _seconds(host: Host) -> float:
    """Return how far the samples of a host are apart."""
    return host.samples[-1].at - host.samples[0].at if host.samples else 0.0
