"""`hostgw-tui lab`: the lab's own commands, and `lab tour`, which needs the live engine above them."""

from __future__ import annotations

import argparse

from hostgw.lab import command


def run(args: argparse.Namespace) -> int:
    """Carry out a command of the lab; return its exit code."""
    if args.lab_command != "tour":
        return command.run(args)
    from hostgw_tui.commands import tour

    return tour.run(args)
