"""The command line of `lab tour`, hung below the lab's own commands."""

from __future__ import annotations

import argparse
from typing import Any

from hostgw.lab.parser import DEFAULT


def add_tour(commands: Any) -> None:
    """Add `tour` to the subcommands of `lab`."""
    what = "lessons on a lab that runs: each part of a host-gw network by a live probe, and a fault to try"
    tour: argparse.ArgumentParser = commands.add_parser("tour", help=what)
    tour.add_argument("name", nargs="?", default=DEFAULT, metavar="NAME", help=f"the lab (default {DEFAULT})")
    which = tour.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="print everything without waiting for enter")
    which.add_argument("--lesson", type=int, metavar="N", help="only this lesson")
    which.add_argument("--list", action="store_true", help="list the lessons")
