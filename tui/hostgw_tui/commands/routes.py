"""`hostgw-tui routes`: expected against actual."""

from __future__ import annotations

import argparse

from hostgw.report.routes import routes_report, routes_text
from hostgw_tui.commands.output import write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import one_host, reading


def run(args: argparse.Namespace) -> int:
    """Print the routes."""
    with reading(args) as live:
        view, host = live.view(), one_host(live, args.host)
    report = routes_report(view, host)
    write(report, routes_text(report), args.json)
    return reached(view)
