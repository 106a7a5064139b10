"""`watch`: what is new in a view, as data and as text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hostgw.live import Live
from hostgw.live.view import View
from hostgw.model.finding import Finding, Severity
from hostgw.model.host_state import HostState
from hostgw.report.check import check_report, check_text, finding_report
from hostgw.report.model import SCHEMA, FindingReport, WatchEvent, WatchReport


@dataclass(frozen=True)
class Told:
    """What was told last: the state of each host, and each finding."""

    states: Mapping[str, HostState] = field(default_factory=dict)
    findings: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """One thing that changed on a host: a finding, or the state of the host itself."""

    event: WatchEvent
    host: str
    finding: Finding | None = None
    state: HostState | None = None
    error: str = ""


def told_of(view: View) -> Told:
    """Return what a report of a whole view tells."""
    states = {host.name: host.state for host in view.fabric.hosts.values()}
    return Told(states, {found.id: found for found in view.listed})


def news(told: Told, view: View) -> tuple[Told, tuple[News, ...]]:
    """Return what is told after this view, and what is new in it: hosts first, then what went, changed and appeared.

    Counters and probes in the evidence move all the time: a finding has changed when anything else has. One that has
    become but worth knowing has changed, too; a new one of that kind is not told.
    """
    states, of_hosts = _states(told, view)
    now = {f.id: f for f in view.findings if f.severity is not Severity.NOTICE or f.id in told.findings}
    gone = [News(WatchEvent.GONE, f.host, f) for i, f in told.findings.items() if i not in now]
    known = [f for i, f in now.items() if i in told.findings and _substance(f) != _substance(told.findings[i])]
    changed = [News(WatchEvent.CHANGED, f.host, f) for f in known]
    appeared = [News(WatchEvent.APPEARED, f.host, f) for i, f in now.items() if i not in told.findings]
    return Told(states, now), (*of_hosts, *gone, *changed, *appeared)


def _states(told: Told, view: View) -> tuple[dict[str, HostState], list[News]]:
    """Return the states and what of them is new; that a lost host is tried once more is no news."""
    states, found = dict(told.states), []
    for host in view.fabric.hosts.values():
        if host.state not in (HostState.CONNECTING, states.get(host.name)):
            states[host.name] = host.state
            found.append(News(WatchEvent.HOST, host.name, state=host.state, error=host.error))
    return states, found


def _substance(found: Finding) -> tuple[object, ...]:
    return found.entry, found.severity, found.summary, found.effect, found.caused_by


class Teller:
    """Makes reports of views; keeps how each finding was told, for it is told so once more when it is gone."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._told = Told()
        self._reports: dict[str, FindingReport] = {}

    def start(self, view: View) -> WatchReport:
        """Return the report that all later ones go on from."""
        self._told, picture = told_of(view), check_report(view, self._live.local)
        self._reports = {each.id: each for each in picture.findings}
        return WatchReport(SCHEMA, _now(), WatchEvent.START, picture=picture)

    def changes(self, view: View) -> Iterator[WatchReport]:
        """Yield a report of each thing that changed since the last view."""
        self._told, found = news(self._told, view)
        for each in found:
            finding = self._report(each.event, each.finding, view) if each.finding else None
            yield WatchReport(SCHEMA, _now(), each.event, each.host, each.state, each.error or None, finding)

    def _report(self, event: WatchEvent, found: Finding, view: View) -> FindingReport:
        if event is WatchEvent.GONE:
            return self._reports.pop(found.id)
        self._reports[found.id] = made = finding_report(found, view, self._live.local)
        return made


def _now() -> datetime:
    return datetime.now(UTC)


SIGNS = {WatchEvent.APPEARED: "+", WatchEvent.CHANGED: "~", WatchEvent.GONE: "-"}


def watch_text(report: WatchReport) -> Iterator[str]:
    """Yield the lines of a report for people; times are local."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", report.time.astimezone().timetuple())
    if report.picture:
        yield when
        yield from check_text(report.picture)
        yield ""
    elif report.finding:
        found = report.finding
        what = f"{found.severity.value} {found.code} ({found.entry}) on {found.host}: {found.summary}"
        yield f"{when} {SIGNS[report.event]} {report.event.value}: {what}"
    else:
        state = report.state.value if report.state else ""
        yield f"{when}   {report.host}: {state}{f': {report.error}' if report.error else ''}"
