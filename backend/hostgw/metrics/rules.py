"""Rules of iptables with their counters: those that decide about packets of containers, no others.

A rule matters when it stands where forwarded packets pass (FORWARD, POSTROUTING, or a chain of ours) and names the
network or a container subnet. At most `MOST_RULES` of a host are shown. Rules of native nftables are not: they need no
counters, and seldom have some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric

from hostgw.live.counting import Counted
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.metrics.families import counter, label, number
from hostgw.model.ip import maybe_prefix
from hostgw.model.iptables import FilterRule, parse_rule

MOST_RULES: Final = 64
_CHAINS: Final = re.compile(r"\[\d+:\d+\] -A (?:FORWARD|POSTROUTING|HOSTGW-\S+) ")
LABELS: Final = ("host", "backend", "table", "chain", "rule")

Row = tuple[str, str, str, str, str]


def collect(view: View, counted: Mapping[str, Counted]) -> Iterator[Metric]:
    """Yield what rules have counted."""
    where = "rules in FORWARD, POSTROUTING and HOSTGW-* that name the network or a container subnet"
    packets = counter("rule_packets", f"Packets that matched: {where}.", *LABELS)
    size = counter("rule_bytes", f"Bytes that matched: {where}.", *LABELS)
    for host, each in counted.items():
        for row, (of_packets, of_bytes) in rows(host, each, view.mesh).items():
            packets.add_metric(row, number(of_packets))
            size.add_metric(row, number(of_bytes))
    yield from (packets, size)


def rows(host: str, counted: Counted, mesh: Mesh) -> dict[Row, tuple[int, int]]:
    """Return packets and bytes of the rules that matter; those of a chain that read alike are taken together."""
    found: dict[Row, tuple[int, int]] = {}
    for backend, table, rule in _rules(counted):
        if not _names_ours(rule, mesh):
            continue
        text = rule.text.removeprefix(f"-A {rule.chain} ")
        row = (label(host), backend, label(table), label(rule.chain), label(text))
        if row in found or len(found) < MOST_RULES:
            packets, size = found.get(row, (0, 0))
            found[row] = packets + rule.packets, size + rule.bytes
    return found


def _rules(counted: Counted) -> Iterator[tuple[str, str, FilterRule]]:
    """Yield backend, table and rule; lines elsewhere are not parsed, for there may be many thousand."""
    for saved in counted.filters:
        table = ""
        for line in saved.text.splitlines() if saved.backend in ("nft", "legacy") else ():
            if line.startswith("*"):
                table = line[1:].strip()
            elif _CHAINS.match(line) and (rule := _parsed(line)):
                yield saved.backend, table, rule


def _parsed(line: str) -> FilterRule | None:
    try:
        return parse_rule(line)
    except ValueError:  # whatever a host says: its other rules are none the worse, and the checks tell of it
        return None


def _names_ours(rule: FilterRule, mesh: Mesh) -> bool:
    options = (rule.option("-s"), rule.option("-d"))
    named = [p for option in options if option and option.values and (p := maybe_prefix(option.values[0]))]
    return any(p == mesh.network or p in mesh.owners for p in named)
