"""No command: open the dashboard."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial

from hostgw.errors import UsageError
from hostgw.live.replay import Replay
from hostgw.ssh.prompter import AcceptNew
from hostgw_tui import actions
from hostgw_tui.config.keys import remapped
from hostgw_tui.config.load import NAME, directory
from hostgw_tui.config.model import Theme
from hostgw_tui.options import command_first, live, replay

FPS_OVER_SSH = 4
LOOKS = {Theme.DARK: "hostgw-dark", Theme.LIGHT: "hostgw-light", Theme.ANSI: "ansi-dark"}


def run(args: argparse.Namespace) -> int:
    """Open the dashboard; return its exit code.

    Raises:
        UsageError: there is no terminal that could show it, or the options are wrong.
    """
    command_first(args)
    if args.json:
        raise UsageError("--json needs a command", "the dashboard has no such output", "hostgw-tui check --json")
    _need_terminal()
    actions.replace_all(remapped(actions.ACTIONS, args.config.keys, str(directory() / NAME)))
    from hostgw_tui.app import HostgwApp
    from hostgw_tui.departure import Departure
    from hostgw_tui.prompts import DialogPrompter

    prompter = DialogPrompter()
    engine = _replay(args) or live(args, AcceptNew(prompter) if args.accept_new else prompter)
    clock = engine.clock if isinstance(engine, Replay) else time.monotonic
    shown = partial(HostgwApp, title=_title(args), lab=args.lab or "", fps=_fps(args.config.fps))
    look, ascii_only = LOOKS[args.config.theme], args.config.ascii or _ascii_only()
    app = shown(engine, prompter, ascii=ascii_only, look=look, clock=clock, wall_clock=engine.clock)
    with Departure(app.leave, engine.stop, sys.stdin.fileno()):
        app.run()
    return app.return_code or 0


def _replay(args: argparse.Namespace) -> Replay | None:
    """Return the recording to show, playing; None when hosts are to be shown."""
    if not args.replay:
        return None
    shown = replay(args)
    shown.play(True)
    return shown


def _title(args: argparse.Namespace) -> str:
    if args.demo:
        return "demo"
    if args.record:
        return "● recording"
    return f"lab {args.lab}" if args.lab else ""


def _fps(most: int) -> int:
    return min(most, FPS_OVER_SSH) if os.environ.get("SSH_CONNECTION") else most


def _need_terminal() -> None:
    remedy = "Open a terminal for the dashboard, or use a command: 'hostgw-tui check --json' needs none."
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal", "stdin or stdout is not one", remedy)
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("the dashboard needs a terminal that can be drawn on", "TERM is unset or dumb", remedy)


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
