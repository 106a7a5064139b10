"""Hosts: how they are reached, what they hold, and whether their routes are as they should be."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from hostgw.checks.judge import doubtful, judge
from hostgw.checks.standing import FINE
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.metrics.families import counter, gauge, label, number
from hostgw.model.host_state import HostState


def collect(view: View, now: float) -> Iterator[Metric]:
    """Yield the metrics of every listed host; `now` is the operator's monotonic clock."""
    hosts = tuple(view.fabric.hosts.values())
    yield from _reached(hosts)
    yield from _heard([host for host in hosts if host.changed_at], now)
    yield from _echoed([host for host in hosts if host.rtt_ns])
    yield from _routes([host for host in hosts if host.readable], view.mesh)
    containers = gauge("containers", "Network namespaces of containers on the host.", "host")
    for host in view.fabric.readable:
        containers.add_metric([label(host.name)], len(host.snapshot.containers) if host.snapshot else 0)
    yield containers


def _reached(hosts: tuple[Host, ...]) -> Iterator[Metric]:
    up = gauge("host_up", "1 while the host is connected and its agent speaks.", "host")
    state = gauge("host_state", "1 for the state that the host is in, 0 for the others.", "host", "state")
    reconnects = counter("reconnects", "How often the host came back after its connection was lost.", "host")
    for host in hosts:
        name = label(host.name)
        up.add_metric([name], host.state is HostState.UP)
        reconnects.add_metric([name], max(0, host.rounds - 1))
        for each in HostState:
            state.add_metric([name, each.value], host.state is each)
    yield from (up, state, reconnects)


def _heard(hosts: list[Host], now: float) -> Iterator[Metric]:
    age = gauge("snapshot_age_seconds", "Since the host was last heard of: its picture is no older.", "host")
    for host in hosts:
        age.add_metric([label(host.name)], max(0.0, now - host.changed_at))
    yield age


def _echoed(hosts: list[Host]) -> Iterator[Metric]:
    trip = gauge("round_trip_seconds", "Round trip to the agent over SSH, the least of late.", "host")
    offset = gauge(
        "clock_offset_seconds", "The host's clock minus the watcher's; right to half the round trip.", "host"
    )
    for host in hosts:
        trip.add_metric([label(host.name)], host.rtt_ns / 1e9)
        offset.add_metric([label(host.name)], number(host.clock_offset_ns) / 1e9)
    yield from (trip, offset)


def _routes(hosts: list[Host], mesh: Mesh) -> Iterator[Metric]:
    expected = gauge("routes_expected", "Routes to the subnets of other hosts that the host needs.", "host")
    present = gauge("routes_present", "Those of them that are there and lead the right way.", "host")
    for host in hosts:
        needed = len(mesh.expected_of(host.name))
        wrong = sum(judge(host, each, mesh).standing not in FINE for each in doubtful(host, mesh))
        expected.add_metric([label(host.name)], needed)
        present.add_metric([label(host.name)], needed - wrong)
    yield from (expected, present)
