"""`hostgw-tui nat`: NAT rules with counters and what they mean."""

from __future__ import annotations

import argparse

from hostgw.live.legacy_witness import disagreement
from hostgw.live.view import View
from hostgw.model.iptables import parse
from hostgw.report.nat import nat_report, nat_text
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import one_host, reading


def _second_witness(view: View, name: str) -> None:
    """On this machine, have python-iptables read the legacy tables too, and say where it disagrees."""
    held = view.fabric.hosts[name].root.filters.get("legacy")
    if held and (problem := disagreement(parse(held.text, "legacy"))):
        narrate(f"{name}: {problem}")


def run(args: argparse.Namespace) -> int:
    """Print the rules."""
    with reading(args) as live:
        view, host = live.view(), one_host(live, args.host)
        for name in live.local:
            _second_witness(view, name)
    report = nat_report(view, host)
    write(report, nat_text(report), args.json)
    return reached(view)
