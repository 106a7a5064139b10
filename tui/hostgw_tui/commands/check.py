"""`hostgw-tui check`: what is wrong, for people and for machines."""

from __future__ import annotations

import argparse

from hostgw.live import Live
from hostgw.live.replay import Replay
from hostgw.report.check import check_report, check_text, exit_code
from hostgw_tui.commands.output import write
from hostgw_tui.options import reading


def run(args: argparse.Namespace) -> int:
    """Check once; the exit code says how it went."""
    with reading(args) as live:
        look_closer(live, args)
        report = check_report(live.view(), live.local)
    write(report, check_text(report), args.json)
    return exit_code(report)


def look_closer(live: Live | Replay, args: argparse.Namespace) -> None:
    """Send probes where that is asked for; else have counters witness what was found."""
    if args.probe:
        live.probe_all(args.probe_limit)
    else:
        live.witness()
