"""No command: open the dashboard. What it is made of is imported while the terminal already shows something."""

from __future__ import annotations

import argparse
import os
import sys

from hostgw.errors import UsageError
from hostgw_tui.opening import opening

UNFINISHED = (
    "left while a change was under way on {hosts}: what was made and not confirmed, the host takes back by itself; "
    "'hostgw-tui undo --pending' tells, 'hostgw-tui check' shows what is there"
)


def run(args: argparse.Namespace) -> int:
    """Open the dashboard; return its exit code.

    Raises:
        UsageError: there is no terminal that could show it, or the options are wrong.
    """
    _command_first(args)
    if args.json:
        raise UsageError("--json needs a command", "the dashboard has no such output", "hostgw-tui check --json")
    _need_terminal()
    with opening("reading the recording" if args.replay else "starting"):
        from hostgw_tui.departure import Departure
        from hostgw_tui.showing import ready

        app = ready(args)
    with Departure(app.leave, lambda: app.engine.stop(), sys.stdin.fileno()):
        app.run()
        left = app.applying.unfinished if app.applying else ()
    if app.failed:
        raise app.failed
    if left:
        sys.stderr.write(f"{UNFINISHED.format(hosts=', '.join(left))}\n")
    return app.return_code or 0


def _need_terminal() -> None:
    remedy = "Open a terminal for the dashboard, or use a command: 'hostgw-tui check --json' needs none."
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal", "stdin or stdout is not one", remedy)
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("the dashboard needs a terminal that can be drawn on", "TERM is unset or dumb", remedy)


def _command_first(args: argparse.Namespace) -> None:
    """Refuse where --lab took a command for the name of a lab."""
    from hostgw.lab import names
    from hostgw_tui.parsers import COMMAND_NAMES

    if args.command is None and args.lab in COMMAND_NAMES and args.lab not in names():
        remedy = f"Put the command first: hostgw-tui {args.lab} --lab"
        raise UsageError(f"there is no lab {args.lab}, and no command", "", remedy)
