"""The dashboard over what the options name, ready to run."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import NamedTuple

from hostgw.live.engine import Live
from hostgw.live.replay import Replay
from hostgw.ssh.prompter import AcceptNew
from hostgw_tui import actions
from hostgw_tui.config.keys import remapped
from hostgw_tui.config.load import NAME, directory
from hostgw_tui.config.model import Theme
from hostgw_tui.options import live, replay
from hostgw_tui.prompts import DialogPrompter
from hostgw_tui.shell import Shell

LOOKS = {Theme.DARK: "hostgw-dark", Theme.LIGHT: "hostgw-light", Theme.ANSI: "ansi-dark"}


class Ready(NamedTuple):
    """An app that has not begun, and what feeds it."""

    app: Shell
    engine: Live | Replay


def ready(args: argparse.Namespace) -> Ready:
    """Return the dashboard; nothing is connected yet.

    Raises:
        UsageError: the options are wrong.
    """
    actions.replace_all(remapped(actions.ACTIONS, args.config.keys, str(directory() / NAME)))
    from hostgw_tui.app import HostgwApp  # makes its bindings of the actions

    prompter = DialogPrompter()
    engine = _replay(args) or live(args, AcceptNew(prompter) if args.accept_new else prompter)
    clock = engine.clock if isinstance(engine, Replay) else time.monotonic
    shown = partial(HostgwApp, title=_title(args), lab=args.lab or "", fps=args.config.fps)
    look, ascii_only = LOOKS[args.config.theme], args.config.ascii or _ascii_only()
    app = shown(engine, prompter, ascii=ascii_only, look=look, clock=clock, wall_clock=engine.clock)
    app.remarks = engine.remarks if isinstance(engine, Live) else ()
    return Ready(app, engine)


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


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
