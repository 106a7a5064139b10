"""The command `hostgw-tui lab ...` as argparse sees it; imports nothing heavy."""

from __future__ import annotations

import argparse
from typing import Any

DEFAULT = "demo"
"""The lab that is meant when none is named."""
VARIANT_NAMES = (
    *("plain", "legacy", "nft", "none", "flannel", "docker", "vagrant", "lan-bridge", "bond", "bare"),
    *("practice", "dual-stack"),
)
"""Those of `hostgw.lab.variants`, which is not imported for a help text."""


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
    parser.add_argument("--variant", default="plain", metavar="V", help=f"one of: {', '.join(VARIANT_NAMES)}")


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
