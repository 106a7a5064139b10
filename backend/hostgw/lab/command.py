"""The command `hostgw-tui lab ...`: data on stdout, narration on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hostgw.errors import LabError
from hostgw.lab import store
from hostgw.lab.lab import load
from hostgw.lab.life import down, need_root, up
from hostgw.lab.parser import DEFAULT
from hostgw.lab.reach import connect
from hostgw.lab.sshconf import ssh_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def run(args: argparse.Namespace) -> int:
    """Carry out what was parsed; return the exit code. Raises LabError."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "up": _up,
        "down": _down,
        "heal": _heal,
        "list": _list,
        "faults": _faults,
        "break": _break,
        "exec": _exec,
        "connect": _connect,
        "ssh-config": _ssh_config,
    }
    if args.lab_command != "faults":
        need_root()
    return actions[args.lab_command](args)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _up(args: argparse.Namespace) -> int:
    begin = time.monotonic()
    lab = up(args.name, args.hosts, args.containers, args.external, args.variant)
    _say(f"lab {lab.name}: {len(lab.hosts)} hosts in {time.monotonic() - begin:.1f} s")
    _say(f"look at it: hostgw-tui --lab {lab.name}    remove it: hostgw-tui lab down {lab.name}")
    return 0


def _down(args: argparse.Namespace) -> int:
    down(args.name)
    _say(f"lab {args.name} is gone")
    return 0


def _heal(args: argparse.Namespace) -> int:
    from hostgw.lab.healing import heal  # brings pyroute2 in

    found = heal(args.name)
    _say(f"healed: {', '.join(found)}" if found else "nothing differed")
    return 0


def _list(_: argparse.Namespace) -> int:
    for name in store.names():
        _print(_line(name))
    return 0


def _line(name: str) -> str:
    try:
        saved = store.saved(name)
    except LabError:
        return f"{name}\tunreadable"
    living = sum(init.alive for init in store.inits(name).values())
    state = "up" if saved.complete else "half-made"
    return f"{name}\t{state}\t{living}/{len(saved.shape.all_hosts)} hosts\t{saved.shape.variant}"


def _faults(_: argparse.Namespace) -> int:
    from hostgw.lab.table import FAULTS

    for fault in FAULTS:
        _print(f"{fault.id}\t{fault.host}\t{fault.title}\t{', '.join(each.code for each in fault.expected)}")
    return 0


def _break(args: argparse.Namespace) -> int:
    from hostgw.lab.faults import break_

    if len(args.words) > 2:
        raise LabError("too many words", remedy="hostgw-tui lab break [NAME] ID")
    name = args.words[0] if len(args.words) == 2 else DEFAULT
    fault = break_(name, args.words[-1])
    _say(f"{fault.id} on {fault.host}: {fault.title}")
    return 0


def _exec(args: argparse.Namespace) -> int:
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        raise LabError("no command given", remedy="hostgw-tui lab exec HOST[/CONTAINER] -- ARGV")
    host, _, container = args.place.partition("/")
    if host in store.names() and args.name not in store.names():
        raise LabError(f"{host} is a lab, not a host", remedy=f"hostgw-tui lab exec --name {host} HOST -- ARGV")
    code = load(args.name).exec(host, argv, container or None, check=False).returncode
    return code if code >= 0 else 128 - code


def _connect(args: argparse.Namespace) -> int:
    connect(args.name, args.host, args.port)
    return 0


def _ssh_config(args: argparse.Namespace) -> int:
    sys.stdout.write(ssh_config(args.name))
    return 0
