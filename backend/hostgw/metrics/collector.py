"""What Prometheus asks when it scrapes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from hostgw.live.counting import Counted
from hostgw.live.view import View
from hostgw.metrics import devices, findings, hosts, rules, watcher

COUNT_S: Final = 3.0
"""How long hosts may take to say what they have counted: well below the 10 s that Prometheus waits for all of it."""


class Source(Protocol):
    """What the metrics are read from: `hostgw.live.Live`."""

    def view(self) -> View:
        """Return the current picture."""

    def count(self, timeout: float) -> Mapping[str, Counted]:
        """Return what hosts have counted by now, of those that answer within so many seconds."""


class Fleet(Collector):
    """The metrics of all hosts; any thread may collect."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._seen = findings.Seen()

    def collect(self) -> Iterator[Metric]:
        """Have the hosts count, then yield everything from one view."""
        counted = self._source.count(COUNT_S)
        yield from self._families(self._source.view(), counted)

    def describe(self) -> Iterator[Metric]:
        """Yield the families without a sample of any host: the registry wants their names, and no host is asked."""
        yield from self._families(View(), {})

    def _families(self, view: View, counted: Mapping[str, Counted]) -> Iterator[Metric]:
        yield from watcher.collect(view)
        yield from findings.collect(view.findings, self._seen)
        yield from hosts.collect(view, self._clock())
        yield from devices.collect(view, counted)
        yield from rules.collect(view, counted)


def registry(source: Source) -> CollectorRegistry:
    """Return a registry that holds the metrics of `source` and nothing else."""
    made = CollectorRegistry()
    made.register(Fleet(source))
    return made
