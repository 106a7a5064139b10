"""`hostgw-tui explain`: what the catalogue says of a code, an entry or a finding; needs no hosts."""

from __future__ import annotations

import argparse
import shutil

from hostgw.report.explain import explain_report
from hostgw.report.explain_text import explain_text
from hostgw_tui.commands.output import write

WIDEST = 120
"""Columns beyond which lines are hard to read."""


def run(args: argparse.Namespace) -> int:
    """Print it, wrapped to the width of the terminal."""
    report = explain_report(args.about or "")
    width = min(shutil.get_terminal_size().columns, WIDEST)
    write(report, explain_text(report, width), args.json)
    return 0
