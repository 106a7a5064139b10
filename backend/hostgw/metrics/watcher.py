"""The watcher itself: its version, what its checks cost, what its probes found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import InfoMetricFamily, Metric, SummaryMetricFamily

from hostgw import __version__
from hostgw.live.view import View
from hostgw.metrics.families import counter, gauge, label
from hostgw.probing.verdict import Verdict, verdict


def collect(view: View) -> Iterator[Metric]:
    """Yield the metrics of the watcher."""
    yield InfoMetricFamily("hostgw_build", "The version that runs.", {"version": __version__})
    yield gauge_of("settled", "1 once every host has given a whole picture or failed.", view.settled)
    pictures = counter("pictures", "Pictures made: each time that something was heard.")
    pictures.add_metric([], view.number)
    yield pictures
    text = "Working out what should be, and what is wrong, after something changed."
    yield SummaryMetricFamily("hostgw_check_duration_seconds", text, view.checks, view.checking_s)
    yield _probes(view)


def gauge_of(name: str, text: str, value: float) -> Metric:
    """Return a family with one value."""
    family = gauge(name, text)
    family.add_metric([], value)
    return family


def _probes(view: View) -> Metric:
    family = gauge("probes", "Probes of the last round by what came of them; none without --probe.", "host", "verdict")
    if view.fabric.probes:
        found = Counter((result.source.host, verdict(result)) for result in view.fabric.probes.results)
        for host in dict.fromkeys(host for host, _ in found):
            for each in Verdict:
                family.add_metric([label(host), each.value], found[host, each])
    return family
