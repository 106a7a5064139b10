"""Probes as data and as text."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.live.view import View
from hostgw.model.probe import ProbeResult
from hostgw.probing.verdict import Verdict, line, verdict
from hostgw.report.model import CheckReport, ProbeReport

SHOWN = 8
"""Odd probes that are told one by one."""


def probe_reports(view: View) -> tuple[ProbeReport, ...]:
    """Return what came of the probes that a view knows."""
    return tuple(_probe(result) for result in view.fabric.probes.results) if view.fabric.probes else ()


def not_probed(view: View) -> tuple[str, ...]:
    """Return what was left out of the probes."""
    return view.fabric.probes.skipped if view.fabric.probes else ()


def _probe(result: ProbeResult) -> ProbeReport:
    return ProbeReport(
        source=str(result.source),
        source_address=result.source.address,
        destination=str(result.destination),
        destination_address=result.destination.address,
        sent=result.sent,
        received=result.received,
        ttl=result.ttl,
        observed_source=result.observed_source,
        observed_ttl=result.observed_ttl,
        size=result.size,
        largest=result.largest,
        verdict=verdict(result).value,
        detail=line(result),
        requested_at=result.requested_at,
        replied_at=result.replied_at,
    )


def probe_lines(report: CheckReport) -> Iterator[str]:
    """Yield how the probes went: a line for all, and one for each that is odd."""
    if not report.probes and not report.not_probed:
        return
    yield ""
    odd = [probe for probe in report.probes if probe.verdict != Verdict.ANSWERED.value]
    answered = sum(probe.received > 0 for probe in report.probes)
    sizes = [probe.largest for probe in report.probes if probe.size]
    large = f", up to {min(sizes)} bytes" if sizes and not odd else ""
    well = ", sources and hops as expected" if report.probes and not odd else ""
    yield f"probes: {answered} of {len(report.probes)} answered{well}{large}"
    yield from (f"  {probe.detail}" for probe in odd[:SHOWN])
    if len(odd) > SHOWN:
        yield f"  and {len(odd) - SHOWN} more"
    yield from (f"  {line}" for line in report.not_probed)
