"""Metric families by the names that users see."""

from __future__ import annotations

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from hostgw.clean import clean

LONGEST = 160
"""Characters of a label's value."""
LARGEST = 1 << 64
"""What a kernel counts to, and more than any clock shows: a host that says more must not spoil what others say."""


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """Return an empty family of values that go up and down."""
    return GaugeMetricFamily(f"hostgw_{name}", text, labels=labels)


def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    """Return an empty family of totals; the library adds ``_total`` to the name."""
    return CounterMetricFamily(f"hostgw_{name}", text, labels=labels)


def label(value: str) -> str:
    """Return a text of a host or a file as the value of a label."""
    return str(clean(value, LONGEST))


def number(value: int) -> int:
    """Return a number of a host within what a sample can hold."""
    return max(-LARGEST, min(value, LARGEST))
