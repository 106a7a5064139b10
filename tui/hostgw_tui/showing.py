"""The dashboard over what the options name, ready to be painted; what feeds it is made when it has been."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, cast

from hostgw.fabric import Host
from hostgw.inventory.inventory import Inventory
from hostgw_tui import actions
from hostgw_tui.coming import Coming, Made
from hostgw_tui.config.keys import remapped
from hostgw_tui.config.load import NAME, directory
from hostgw_tui.config.model import Theme
from hostgw_tui.listing import inventory
from hostgw_tui.prompts import DialogPrompter

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp
    from hostgw_tui.engine import Engine

RECORDED = "A recording, playing: '.' goes to the next change, space stands still, '?' tells the other keys."
LOOKS = {Theme.DARK: "hostgw-dark", Theme.LIGHT: "hostgw-light", Theme.ANSI: "ansi-dark"}


def ready(args: argparse.Namespace) -> HostgwApp:
    """Return the dashboard; nothing is connected yet.

    Raises:
        UsageError: the options are wrong.
    """
    actions.replace_all(remapped(actions.ACTIONS, args.config.keys, str(directory() / NAME)))
    prompter = DialogPrompter()
    listed = None if args.replay else inventory(args)  # of a lab, this thread enters the namespace: others inherit it
    from hostgw_tui.app import HostgwApp  # makes its bindings of the actions

    hosts = [Host(target.name, address=target.host or target.name) for target in listed.targets] if listed else []
    engine = cast("Engine", Coming(partial(_made, args, prompter, listed), hosts))
    shown = partial(HostgwApp, title=_title(args), lab=args.lab or "", fps=args.config.fps)
    app = shown(engine, prompter, ascii=args.config.ascii or _ascii_only(), look=LOOKS[args.config.theme])
    app.stops_at_finding = bool(args.demo)
    return app


def _made(args: argparse.Namespace, prompter: DialogPrompter, listed: Inventory | None) -> Made:
    from hostgw.ssh.prompter import AcceptNew
    from hostgw_tui.options import live, replay

    if listed is None:
        shown = replay(args)
        shown.play(True)
        return Made(shown, shown.clock, hint=RECORDED)
    engine = live(args, AcceptNew(prompter) if args.accept_new else prompter, listed)
    return Made(engine, engine.clock, engine.remarks)


def _title(args: argparse.Namespace) -> str:
    if args.demo:
        return "demo"
    if args.record:
        return "● recording"
    return f"lab {args.lab}" if args.lab else ""


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
