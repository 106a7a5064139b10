"""The command `hostgw-tui lab ...`: data on stdout, narration on stderr."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from hostgw.errors import LabError
from hostgw.lab import store
from hostgw.lab.lab import load
from hostgw.lab.life import down, need_root, up
from hostgw.lab.reach import connect
from hostgw.lab.sshconf import ssh_config
from hostgw.lab.variants import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT = "demo"
"""The lab that is meant when none is named."""


def add_parser(subparsers: Any) -> Any:
    """Add `lab` and its own subcommands to the program's parser; return where further subcommands are added."""
    lab = subparsers.add_parser("lab", help="hosts, containers and faults in namespaces of this machine")
    commands = lab.add_subparsers(dest="lab_command", metavar="COMMAND", required=True)
    _add_up(commands)
    _add_named(commands, "down", "remove a lab and everything in it")
    _add_named(commands, "heal", "put a lab back to the state in which it was built")
    _add_named(commands, "ssh-config", "print OpenSSH settings for the hosts of a lab")
    commands.add_parser("list", help="list the labs that stand")
    commands.add_parser("faults", help="list the faults that `lab break` knows")
    breaking = commands.add_parser("break", help="bring a fault about", usage="%(prog)s [-h] [NAME] ID")
    breaking.add_argument("words", nargs="+", metavar="[NAME] ID", help="lab, then fault: `demo R1`, or `R1`")
    _add_exec(commands)
    _add_connect(commands)
    return commands


def _add_up(commands: Any) -> None:
    parser = _add_named(commands, "up", "build a lab")
    parser.add_argument("--hosts", type=int, default=2, metavar="N", help="hosts (default 2)")
    parser.add_argument("--containers", type=int, default=2, metavar="N", help="containers per host (default 2)")
    parser.add_argument("--external", action="store_true", help="add ext1, a machine without containers")
    parser.add_argument("--variant", default="plain", metavar="V", help=f"one of: {', '.join(VARIANTS)}")


def _add_named(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.add_argument("name", nargs="?", default=DEFAULT, metavar="NAME", help=f"the lab (default {DEFAULT})")
    return parser


def _add_exec(commands: Any) -> None:
    parser = commands.add_parser("exec", help="run a command on a host or in a container; returns its exit code")
    parser.add_argument("--name", default=DEFAULT, metavar="NAME", help=f"the lab (default {DEFAULT})")
    parser.add_argument("place", metavar="HOST[/CONTAINER]", help="vm1, vm1/c1, gateway, outside, operator, switch")
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- ARGV", help="the command")


def _add_connect(commands: Any) -> None:
    parser = commands.add_parser("connect", help="stdin and stdout over TCP to a host (a ProxyCommand for ssh)")
    parser.add_argument("name", metavar="NAME", help="the lab")
    parser.add_argument("host", metavar="HOST", help="host name or address in the lab")
    parser.add_argument("port", type=int, metavar="PORT", help="TCP port")


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
    code = load(args.name).exec(host, argv, container or None, check=False).returncode
    return code if code >= 0 else 128 - code


def _connect(args: argparse.Namespace) -> int:
    connect(args.name, args.host, args.port)
    return 0


def _ssh_config(args: argparse.Namespace) -> int:
    sys.stdout.write(ssh_config(args.name))
    return 0
