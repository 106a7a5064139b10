"""Devices of the hosts: bridges and NICs, with what went through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric

from hostgw.fabric import Host
from hostgw.live.counting import Counted, counted_devices
from hostgw.live.view import View
from hostgw.metrics.families import counter, gauge, label, number
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Counters

TOTALS: Final = (
    ("receive_bytes", "rx_bytes", "Bytes received."),
    ("transmit_bytes", "tx_bytes", "Bytes sent."),
    ("receive_packets", "rx_packets", "Packets received."),
    ("transmit_packets", "tx_packets", "Packets sent."),
    ("receive_errors", "rx_errors", "Packets received that were broken."),
    ("transmit_errors", "tx_errors", "Packets that could not be sent."),
    ("receive_drops", "rx_dropped", "Packets received and dropped by the device."),
    ("transmit_drops", "tx_dropped", "Packets dropped by the device before they were sent."),
)
"""Name, field of `Counters`, text."""


def collect(view: View, counted: Mapping[str, Counted]) -> Iterator[Metric]:
    """Yield whether devices of hosts that are up carry packets, and the totals of those that were counted."""
    up = gauge("link_up", "1 while a bridge or NIC is up and has a carrier.", "host", "interface")
    rows: list[tuple[list[str], Counters]] = []
    for host in view.fabric.readable:
        if host.state is HostState.UP:
            _add(host, view, counted.get(host.name, Counted()), up, rows)
    yield up
    for name, field, text in TOTALS:
        family = counter(f"link_{name}", f"{text} Bridges and NICs only, no ports of bridges.", "host", "interface")
        for labels, row in rows:
            family.add_metric(labels, number(getattr(row, field)))
        yield family


def _add(host: Host, view: View, counted: Counted, up: Metric, rows: list[tuple[list[str], Counters]]) -> None:
    names: set[str] = set()
    for link in counted_devices(host, view.mesh):
        name = label(link.name)
        if name in names:  # cut alike: one series must not come twice
            continue
        names.add(name)
        up.add_sample(up.name, {"host": label(host.name), "interface": name}, float(link.up and link.carrier))
        if row := counted.devices.get(link.index):
            rows.append(([label(host.name), name], row))
