"""The command line. A command's module, and with it what it needs, is imported only when it runs."""

from __future__ import annotations

import argparse
import atexit
import logging
import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING

from hostgw import __version__
from hostgw_tui.parsers import build_parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostgw.errors import HostgwError

COMMANDS = {
    "check": "hostgw_tui.commands.check",
    "fix": "hostgw_tui.commands.fix",
    "undo": "hostgw_tui.commands.undo",
    "setup": "hostgw_tui.commands.setup",
    "join": "hostgw_tui.commands.setup",
    "leave": "hostgw_tui.commands.setup",
    "attach": "hostgw_tui.commands.setup",
    "detach": "hostgw_tui.commands.setup",
    "persist": "hostgw_tui.commands.persist",
    "routes": "hostgw_tui.commands.routes",
    "nat": "hostgw_tui.commands.nat",
    "capture": "hostgw_tui.commands.capture",
    "path": "hostgw_tui.commands.path",
    "trace": "hostgw_tui.commands.trace",
    "snapshot": "hostgw_tui.commands.snapshot",
    "report": "hostgw_tui.commands.report",
    "topology": "hostgw_tui.commands.topology",
    "watch": "hostgw_tui.commands.watch",
    "doctor": "hostgw_tui.commands.doctor",
    "completion": "hostgw_tui.commands.completion",
    "config": "hostgw_tui.commands.config",
    "inventory": "hostgw_tui.commands.inventory",
    "explain": "hostgw_tui.commands.explain",
    "schema": "hostgw_tui.commands.schema",
    "lab": "hostgw_tui.commands.lab",
    None: "hostgw_tui.commands.dashboard",
}
HOSTLESS = ("completion", "config", "explain", "schema")
LONGEST = 2000
EXIT_USAGE, EXIT_PARTIAL, EXIT_INTERRUPTED, EXIT_NO_READER = 2, 4, 130, 141


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    from hostgw.errors import HostError, HostgwError

    try:
        if not _streams():
            return EXIT_USAGE
        _leave_tidily(signal.SIGTERM, signal.SIGHUP)
        parser = build_parser()
        if "_ARGCOMPLETE" in os.environ:
            _offer_completions(parser)
        args = parser.parse_args(argv)
        complete(args)
        _log(args)
        command: Callable[[argparse.Namespace], int] = import_module(COMMANDS[args.command]).run
        code = command(args)
        sys.stdout.flush()
    except HostgwError as error:
        logging.getLogger("hostgw_tui").error("%s", error)
        sys.stderr.write(error_text(error))
        return EXIT_PARTIAL if isinstance(error, HostError) else EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        from hostgw_tui.commands.output import give_up

        give_up()
        return EXIT_NO_READER
    return code


def _log(args: argparse.Namespace) -> None:
    """Log into a file if one is named, else not at all."""
    from hostgw import logfile

    logfile.silent()
    if getattr(args, "log", None):
        logfile.start(args.log, logfile.Level(args.log_level or logfile.Level.INFO))
        log = logging.getLogger("hostgw_tui")
        of = next((f" of {each}" for each in (args.hosts, args.lab, args.inventory, args.replay) if each), "")
        log.info("hostgw-tui %s, %s%s", __version__, args.command or "dashboard", of)
        atexit.register(log.info, "ends")


def _offer_completions(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what may stand next, and end."""
    import argcomplete

    from hostgw_tui.completing import offer

    offer(parser)
    argcomplete.autocomplete(parser)


def complete(args: argparse.Namespace) -> None:
    """Take what is written down for what was not typed; commands without hosts do without."""
    from hostgw_tui.config.apply import apply

    if args.command not in HOSTLESS:
        apply(args, forgiving=args.command == "doctor")


def error_text(error: HostgwError) -> str:
    """Return an error as lines: what failed, the cause, what to do."""
    from hostgw.clean import clean

    where = f"{error.host}: " if error.host else ""
    lines = [f"error: {where}{error.what}"]
    lines += [f"cause: {error.cause}"] if error.cause else []
    lines += [f"remedy: {error.remedy}"] if error.remedy else []
    return "".join(f"{clean(line, LONGEST)}\n" for line in lines)


def _streams() -> bool:
    """Tell whether there is a stdout; another stream that is closed becomes /dev/null, lest a socket take its place."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for as long as we run
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    if sys.stdout is None:
        sys.stderr.write("error: stdout is closed\n")
    return sys.stdout is not None


def _leave_tidily(*numbers: signal.Signals) -> None:
    """Leave by way of every `finally` on these signals, so that agents end; what nohup ignores stays ignored."""
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
