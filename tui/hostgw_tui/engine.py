"""What the dashboard needs of whatever feeds it: `hostgw.live.Live`, or a fake in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # an app is painted before all of this is imported
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from hostgw.capture.tap_points import TapPoint
    from hostgw.capture.taps import Capture
    from hostgw.live.differences import Event
    from hostgw.live.setting_up import SettingUp
    from hostgw.live.tracing import Tracing
    from hostgw.live.view import View
    from hostgw.model.finding import Finding
    from hostgw.model.path import End, Query
    from hostgw.plans.model import Outcome, Plan
    from hostgw.plans.running import Run
    from hostgw.plans.standing import Judged
    from hostgw.wire import ConntrackReply, Guarded, ProbeReply


class Engine(Protocol):
    """Keeps views current and carries out what is asked; any thread may call any method."""

    @property
    def read_only(self) -> bool:
        """No change is made, whatever is asked."""

    @property
    def is_recording(self) -> bool:
        """It is a `Replay`: time can be moved, and no host asked."""

    @property
    def log(self) -> Sequence[str]:
        """The commands that were run, oldest first."""

    @property
    def watch_s(self) -> float:
        """How long `watch` looks."""

    @property
    def setting_up(self) -> SettingUp:
        """The configurator."""

    def view(self) -> View:
        """Return the current picture."""

    @property
    def shown_capture(self) -> Capture | None:
        """A capture that nobody has to start: that of a recording."""

    @property
    def record_error(self) -> str:
        """Why a recording ended early, or lacks a line; empty when it is as it should be."""

    @property
    def events(self) -> Sequence[Event]:
        """What changed, the oldest first; times are epoch seconds."""

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have `callback` called from some thread whenever the view changed."""

    def start(self) -> None:
        """Connect."""

    def stop(self) -> None:
        """Close every connection."""

    def give_way(self) -> None:
        """Have work in the background rest for a moment: somebody waits for the screen."""

    def look(self, counters: bool, host: str = "") -> None:
        """Have the hosts, or only this one, report counters, or no more."""

    def retry(self, host: str) -> None:
        """Connect to a host again now."""

    def refresh(self) -> None:
        """Have the hosts dump everything again."""

    def plan(self, findings: Sequence[Finding]) -> Plan:
        """Return the plan that mends findings."""

    def judged(self) -> tuple[Judged, ...]:
        """Return what of each entry of the journal is left to undo, the newest first."""

    def undo_plan(self, journal_id: str | None = None) -> Plan:
        """Return the plan that takes back a journal entry, by default the newest."""

    def undo_since(self, journal_id: str | None = None) -> Plan:
        """Return the plan that takes back a journal entry and all later ones, by default all."""

    def ask_guards(self) -> None:
        """Have the hosts tell of guarded changes; what they say comes into the view."""

    def roll_back(self, host: str, guard: str) -> Future[Guarded]:
        """Have a pending change of anybody taken back now."""

    def persist_plan(self, hosts: Sequence[str] = ()) -> Plan:
        """Read the files of hosts and return the plan that makes lasting what they have now; blocks."""

    def apply(self, wanted: Plan, /, run: Run | None = None, allow_management: bool = False) -> Future[Outcome]:
        """Apply under guard, verify, confirm, write the journal."""

    def watch(self, outcome: Outcome) -> tuple[str, ...]:
        """Look for a while whether somebody undoes it; blocks."""

    def settle(self) -> tuple[str, ...]:
        """Ask how changes of former runs ended; blocks."""

    def conntrack(self, host: str, address: str = "") -> Future[ConntrackReply]:
        """Ask for tracked flows."""

    def probe(self, host: str, ns: int, destination: str, count: int = 3) -> Future[ProbeReply]:
        """Send echo requests from a namespace of a host."""

    def probe_all(self, limit: int | None = None) -> None:
        """Send probes between all hosts; the next view has what came of them; blocks."""

    def trace(self, source: End, destination: End, count: int = 1, query: Query | None = None) -> Future[Tracing]:
        """Send probes along their predicted way, and watch them at the taps."""

    def capture(self, points: Sequence[TapPoint], expression: str = "") -> Capture:
        """Start a capture."""
