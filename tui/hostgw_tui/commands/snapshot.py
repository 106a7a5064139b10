"""`hostgw-tui snapshot`: write what the hosts say to a file."""

from __future__ import annotations

import argparse

from hostgw.report.snapshot import write_snapshot
from hostgw_tui.commands.output import narrate
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import reading


def run(args: argparse.Namespace) -> int:
    """Write a snapshot."""
    with reading(args) as live:
        view = live.view()
    write_snapshot(view.fabric, args.output)
    narrate(f"wrote {args.output}")
    return reached(view)
