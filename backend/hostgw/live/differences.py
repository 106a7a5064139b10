"""What changed from one picture to another, as short sentences: the news of a fabric, and two times laid side by side.

A host whose snapshot is the same object has not changed, nor a section whose table is; so a walk over the news of one
event is short, however large the fabric.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from hostgw.fabric import Host, NamespaceState
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.model.host import Namespace
from hostgw.model.kernel import Address, Filter, Link, Route, Sysctl
from hostgw.paths.words import route_text
from hostgw.wire import Row, Section

MOST = 20
"""Sentences of one section; what is more is counted."""
KEPT = 1_000
_COUNTERS = re.compile(r"^\[\d+:\d+\] | \[\d+:\d+\]$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came (``+``), went (``-``) or is another now (``~``)."""

    host: str
    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """A difference, and when it was noticed, in seconds by the clock of the pictures."""

    at: float
    what: Difference


def differences(before: View, after: View, between: Callable[[], None] = lambda: None) -> Iterator[Difference]:
    """Yield what changed: first the findings, then hosts in their order; `between` them others may go first."""
    yield from _findings(before, after)
    for name in {**before.fabric.hosts, **after.fabric.hosts}:
        between()
        was, now = before.fabric.hosts.get(name), after.fabric.hosts.get(name)
        if was is None or now is None:
            yield Difference(name, "+" if now else "-", "host")
        elif was is not now:
            yield from _host(was, now)


def _findings(before: View, after: View) -> Iterator[Difference]:
    if before.findings is after.findings:
        return
    was, now = ({found.id: found for found in view.listed} for view in (before, after))
    for sign, some, others in (("+", now, was), ("-", was, now)):
        for found in some.values():
            if found.id not in others:
                yield Difference(found.host, sign, finding_text(found))


def finding_text(found: Finding) -> str:
    """Return how a finding is named among differences."""
    return f"{found.severity.value} {found.code}: {found.summary}"


def _host(was: Host, now: Host) -> Iterator[Difference]:
    if was.state is not now.state:
        why = f": {now.error}" if now.error else ""
        yield Difference(now.name, "~", f"{was.state.value} → {now.state.value}{why}")
    if not (was.readable and now.readable) or was.snapshot is now.snapshot:
        return
    for section, told in _SECTIONS.items():
        old, new = was.root, now.root
        if old.table(section) is not new.table(section):
            yield from _bounded(now.name, _signed(told(old, new), told(new, old)))


def _signed(was: Iterable[str], now: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield texts that came or went; one that stands for a thing which is another now begins as the old one did."""
    old, new = Counter(was), Counter(now)
    gone, come = list((old - new).elements()), list((new - old).elements())
    for text in gone:
        head, _, tail = text.partition(": ")
        other = next((each for each in come if tail and each.partition(": ")[0] == head), None)
        if other is None:
            yield "-", text
        else:
            come.remove(other)
            yield "~", f"{text} → {other.partition(': ')[2]}"
    yield from (("+", text) for text in come)


def _bounded(host: str, found: Iterator[tuple[str, str]]) -> Iterator[Difference]:
    yield from (Difference(host, sign, text) for sign, text in islice(found, MOST))
    if more := sum(1 for _ in found):
        yield Difference(host, "~", f"… and {more} more of the kind")


def _rows(state: NamespaceState, section: Section) -> Iterable[Row]:
    return state.table(section).values()


def _routes(state: NamespaceState, _other: NamespaceState) -> Iterator[str]:
    return (f"route {route_text(cast('Route', row), state)}" for row in _rows(state, Section.ROUTES))


def _links(state: NamespaceState, _other: NamespaceState) -> Iterator[str]:
    for row in cast("Iterable[Link]", _rows(state, Section.LINKS)):
        on = "up" if row.up and row.carrier else "no carrier" if row.up else "down"
        master = f", on {state.name_of(row.master)}" if row.master else ""
        yield f"link {row.name}: {on}, mtu {row.mtu}, {row.mac}{master}"


def _addresses(state: NamespaceState, _other: NamespaceState) -> Iterator[str]:
    rows = cast("Iterable[Address]", _rows(state, Section.ADDRESSES))
    return (f"address {row.address}/{row.length} on {state.name_of(row.index)}" for row in rows)


def _containers(state: NamespaceState, _other: NamespaceState) -> Iterator[str]:
    rows = cast("Iterable[Namespace]", _rows(state, Section.NAMESPACES))
    return (f"container {row.name}" for row in rows if row.id)


def _rules(state: NamespaceState, _other: NamespaceState) -> Iterator[str]:
    for row in cast("Iterable[Filter]", _rows(state, Section.FILTERS)):
        for line in row.text.splitlines():
            if line and not line.startswith(("#", "*")) and line != "COMMIT":
                yield _chain(row.backend, line) or f"rule ({row.backend}) {_COUNTERS.sub('', line)[:160]}"


def _chain(backend: str, line: str) -> str:
    """Return a chain as iptables-save lists it (``:FORWARD DROP [0:0]``) in words; empty for any other line."""
    name, _, policy = _COUNTERS.sub("", line).removeprefix(":").partition(" ")
    return f"chain ({backend}) {name[:80]}: policy {policy[:20] or '-'}" if line.startswith(":") else ""


def _sysctls(state: NamespaceState, other: NamespaceState) -> Iterator[str]:
    """Yield settings; those of a device that came or went with all of its own are no news beside it."""
    known = {_device(row) for row in cast("Iterable[Sysctl]", _rows(other, Section.SYSCTLS))}
    for row in cast("Iterable[Sysctl]", _rows(state, Section.SYSCTLS)):
        if _device(row) in known or not _device(row):
            yield f"{row.path}: {row.value}"


def _device(row: Sysctl) -> str:
    """Return of which device a setting is (``net/ipv4/conf/eth0``); empty for one of the whole namespace."""
    directory = row.path.rpartition("/")[0]
    return directory if "/conf/" in directory or "/neigh/" in directory else ""


_SECTIONS: dict[Section, Callable[[NamespaceState, NamespaceState], Iterator[str]]] = {
    Section.ROUTES: _routes,
    Section.LINKS: _links,
    Section.ADDRESSES: _addresses,
    Section.NAMESPACES: _containers,
    Section.FILTERS: _rules,
    Section.SYSCTLS: _sysctls,
}


class History:
    """The newest events, from the first whole picture on."""

    def __init__(self, keep: int = KEPT, between: Callable[[], None] = lambda: None) -> None:
        self._between = between
        self._events: deque[Event] = deque(maxlen=keep)
        self._last: View | None = None

    @property
    def events(self) -> Sequence[Event]:
        """The events, the oldest first."""
        return tuple(self._events)

    def note(self, view: View, at: float) -> None:
        """Take the next picture. How hosts come at first is no news."""
        last, self._last = self._last, view
        if last is not None and last.settled and last is not view:
            self._events.extend(Event(at, found) for found in differences(last, view, self._between))

    def back_to(self, view: View, at: float) -> None:
        """Go on from an earlier picture: what came later has not happened."""
        while self._events and self._events[-1].at > at:
            self._events.pop()
        self._last = view
