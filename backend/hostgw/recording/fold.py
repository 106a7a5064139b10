"""From lines to the fabric that they describe. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hostgw.errors import ProtocolError
from hostgw.fabric import Fabric, Host, Sample, Snapshot
from hostgw.recording.lines import (
    DeltaLine,
    GuardsLine,
    HeardLine,
    HostLine,
    Line,
    ProbesLine,
    ReadyLine,
    SyncedLine,
    TrackedLine,
)
from hostgw.wire import Section

SAMPLES = 3
"""Of each host's counters, a second apart; enough for a rate."""
S = 1_000_000_000


@dataclass(frozen=True)
class State:
    """What is known at a moment of a recording."""

    fabric: Fabric = field(default_factory=Fabric)
    incoming: Mapping[str, Snapshot] = field(default_factory=dict)
    """Pictures that are not complete yet; what was known before is shown so long."""


def folded(state: State, line: Line) -> State:
    """Return what is known after a line; lines that say nothing of the hosts change nothing.

    Raises:
        KeyError: it speaks of a host that no line has introduced.
        ProtocolError: its rows are malformed, or out of turn.
    """
    fold = _FOLDS.get(type(line))
    return fold(state, line) if fold else state


def _host(state: State, line: HostLine) -> State:
    known = state.fabric.hosts.get(line.host, Host(line.host))
    if line.facts:
        known = replace(known, snapshot=Snapshot(line.facts, complete=True), changed_at=line.time_ns / S)
    address = line.address or known.address
    host = replace(known, state=line.state, error=line.error, address=address)
    return replace(state, fabric=state.fabric.with_host(host))


def _ready(state: State, line: ReadyLine) -> State:
    return replace(state, incoming={**state.incoming, line.host: Snapshot(line.facts)})


def _synced(state: State, line: SyncedLine) -> State:
    host = state.fabric.hosts[line.host]
    incoming = dict(state.incoming)
    coming = incoming.pop(line.host, None)
    snapshot = coming.synced() if coming else host.snapshot
    known = replace(host, snapshot=snapshot, rounds=host.rounds + 1, changed_at=line.time_ns / S)
    return State(state.fabric.with_host(known), incoming)


def _delta(state: State, line: DeltaLine) -> State:
    if coming := state.incoming.get(line.host):
        return replace(state, incoming={**state.incoming, line.host: coming.with_delta(line.delta, line.host)})
    host = state.fabric.hosts[line.host]
    if host.snapshot is None:
        raise ProtocolError("state of a host that has given none", host=line.host)
    known = replace(host, snapshot=host.snapshot.with_delta(line.delta, host.name), changed_at=line.time_ns / S)
    counted = line.delta.section is Section.FILTERS and line.delta.full  # they come last of what is sent of counters
    return replace(state, fabric=state.fabric.with_host(_sampled(known) if counted else known))


def _sampled(host: Host) -> Host:
    sample = Sample(host.changed_at, host.root.snmp, host.root.filters)
    return replace(host, samples=(*host.samples[-(SAMPLES - 1) :], sample))


def _heard(state: State, line: HeardLine) -> State:
    return _with(state, line, rtt_ns=line.rtt_ns, clock_offset_ns=line.clock_offset_ns)


def _tracked(state: State, line: TrackedLine) -> State:
    return _with(state, line, tracked=line.tracked)


def _guards(state: State, line: GuardsLine) -> State:
    return _with(state, line, guards=line.guards)


def _probes(state: State, line: ProbesLine) -> State:
    return replace(state, fabric=replace(state.fabric, probes=line.probes))


def _with(state: State, line: HeardLine | TrackedLine | GuardsLine, **fields: Any) -> State:
    host = replace(state.fabric.hosts[line.host], changed_at=line.time_ns / S, **fields)
    return replace(state, fabric=state.fabric.with_host(host))


_FOLDS: dict[type, Callable[[State, Any], State]] = {
    HostLine: _host,
    ReadyLine: _ready,
    SyncedLine: _synced,
    DeltaLine: _delta,
    HeardLine: _heard,
    TrackedLine: _tracked,
    GuardsLine: _guards,
    ProbesLine: _probes,
}
