"""Findings by code, severity and host."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric

from hostgw.metrics.families import gauge, label
from hostgw.model.finding import Finding

Series = tuple[str, str, str]


class Seen:
    """Which series were shown before: they go on as 0, so that an alert ends because it is over, not for want of data.

    They are no more than there are codes, severities and listed hosts.
    """

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._series: dict[Series, None] = {}

    def count(self, findings: Iterable[Finding]) -> dict[Series, int]:
        """Return how many findings there are of each series, those of former times included."""
        now = Counter((found.code, found.severity.value, found.host) for found in findings)
        with self._one:
            self._series.update(dict.fromkeys(now))
            return {series: now[series] for series in self._series}


def collect(findings: Iterable[Finding], seen: Seen) -> Iterator[Metric]:
    """Yield how many findings there are."""
    text = "Findings, notices included; 0 for what was found before and is gone."
    family = gauge("findings", text, "code", "severity", "host")
    for series, count in seen.count(findings).items():
        family.add_metric([label(word) for word in series], count)
    yield family
