"""`hostgw-tui inventory init`: write down what the hosts are."""

from __future__ import annotations

import argparse
import sys

from hostgw.errors import UsageError
from hostgw.report.inventory import hosts_toml
from hostgw_tui.commands.output import narrate
from hostgw_tui.commands.reached import reached
from hostgw_tui.commands.report import write_private
from hostgw_tui.options import reading


def run(args: argparse.Namespace) -> int:
    """Write a hosts.toml to a file or to stdout.

    Raises:
        UsageError: the file is there already.
    """
    if args.output and args.output.exists() and not args.force:
        raise UsageError(f"{args.output} is there already", "it is not written over", "--force does, -o names another.")
    with reading(args) as live:
        view = live.view()
        text = hosts_toml(view, live.clock())
    if args.output:
        write_private(args.output, text)
        narrate(f"wrote {args.output}; use it: hostgw-tui --inventory {args.output}")
    else:
        sys.stdout.write(text)
    return reached(view)
