"""The command line as argparse sees it. Imports nothing heavy, so that --help and --version answer at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hostgw import __version__
from hostgw.lab.parser import add_parser as add_lab
from hostgw_tui.path_parsers import add_paths
from hostgw_tui.setup_parsers import add_setup
from hostgw_tui.tour_parser import add_tour

LISTEN = "127.0.0.1:9188"
COMMAND_NAMES = (
    *("check", "fix", "undo", "setup", "join", "leave", "attach", "detach", "persist"),
    *("routes", "nat", "capture", "path", "trace", "snapshot", "report", "topology", "watch", "doctor", "config"),
    "inventory",
    *("completion", "explain", "schema", "lab"),
)
SCHEMA_NAMES = (
    *("check", "config", "doctor", "explain", "fix", "nat", "path", "routes", "topology", "trace", "undo-list"),
    *("undo-pending", "watch"),
)

T = TypeVar("T", int, float)

DESCRIPTION = """\
See, check and repair container networks that route in host-gw mode.

Without a command the dashboard opens:  hostgw-tui --hosts vm1,vm2
"""
EPILOG = """\
exit codes: 0 clean or done · 1 findings, or a change did not verify · 2 usage or settings · 3 no host could be
reached · 4 no findings, but some host could not be reached · 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """Takes no abbreviations: `--host` must never be read as `--hosts`. Subcommands inherit it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        "hostgw-tui", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"hostgw-tui {__version__}")
    _add_common(parser, top=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_probe(_common(commands, "check", "say what is wrong and how to mend it"))
    _add_fix(commands)
    _add_undo(commands)
    add_setup(commands, _common, _add_applying)
    _add_persist(commands)
    _with_host(_common(commands, "routes", "expected against actual routes"), "only this host")
    _with_host(_common(commands, "nat", "NAT rules, their counters and what they mean"), "only this host")
    _add_capture(commands)
    add_paths(commands, _common)
    snapshot = _common(commands, "snapshot", "write the state of all hosts to a file")
    snapshot.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file to write")
    _add_report(commands)
    _add_topology(commands)
    _add_watch(commands)
    _common(commands, "doctor", "what is missing, on this machine and on the hosts, and what to do about it")
    _add_config(commands)
    _add_inventory(commands)
    completion = commands.add_parser("completion", help="print what makes a shell complete our command lines")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
    _add_explain(commands)
    schema = commands.add_parser("schema", help="print the JSON schema of an output")
    schema.add_argument("name", choices=SCHEMA_NAMES, help="the output")
    add_tour(add_lab(commands))
    return parser


def _common(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    _add_common(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser, top: bool = False) -> None:
    """Add the options that say which hosts, and how to reach them.

    They may stand before or after the command; after it they only count when given.
    """
    none = None if top else argparse.SUPPRESS
    false = False if top else argparse.SUPPRESS
    group = parser.add_argument_group("hosts")
    group.add_argument("--hosts", metavar="LIST", default=none, help="vm1,user@10.0.0.5:2222,local")
    kinds = "hosts.toml, or JSON of 'kubectl get nodes' or 'ansible-inventory'"
    group.add_argument("--inventory", metavar="FILE", type=Path, default=none, help=kinds)
    template = "what ssh calls the hosts of an inventory: {name}, admin@{name}.example.org (their address)"
    group.add_argument("--ssh-name", metavar="TEMPLATE", default=none, help=template)
    named = "hosts of a lab (demo)"
    group.add_argument("--lab", metavar="NAME", nargs="?", const="demo", default=none, help=named)
    group.add_argument("--replay", metavar="FILE", type=Path, default=none, help="a recording instead of hosts")
    if top:
        group.add_argument("--demo", action="store_true", help="the recording that comes with the program")
        group.add_argument("--record", metavar="FILE", type=Path, help="record what the dashboard sees, to replay it")
    group.add_argument("--ssh-config", metavar="FILE", type=Path, default=none, help="instead of your ssh settings")
    ways = "by what hosts are reached (auto: paramiko, ssh for what only that can do: host certificates, security keys)"
    group.add_argument("--transport", choices=("auto", "paramiko", "ssh"), default=none, help=ways)
    group.add_argument("--network", metavar="PREFIX", default=none, help="the cluster network, 10.239.0.0/16")
    group.add_argument("--sudo", action="store_true", default=false, help="become root by sudo on the hosts")
    group.add_argument("--accept-new", action="store_true", default=false, help="accept keys of hosts not known yet")
    group.add_argument("--read-only", action="store_true", default=false, help="refuse every change")
    group.add_argument("--timeout", metavar="S", type=_seconds, default=none, help="wait so long for the hosts (30)")
    _add_log(group, none)
    parser.add_argument("--json", action="store_true", default=false, help="machine-readable output on stdout")


def _add_log(group: Any, none: object) -> None:
    group.add_argument("--log", metavar="FILE", type=Path, default=none, help="write what is done and what fails there")
    levels = ("debug", "info", "warning", "error")
    group.add_argument("--log-level", choices=levels, default=none, help="how much of it (info)")


def _add_config(commands: Any) -> None:
    what = commands.add_parser("config", help="settings that are written down once").add_subparsers(
        dest="what", metavar="WHAT", required=True
    )
    init = what.add_parser("init", help="write a config.toml that explains everything and sets nothing")
    init.add_argument("--force", action="store_true", help="also over one that is there")
    show = what.add_parser("show", help="print every setting and where it comes from")
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable")


def _add_inventory(commands: Any) -> None:
    what = commands.add_parser("inventory", help="write down what the hosts are meant to be").add_subparsers(
        dest="what", metavar="WHAT", required=True
    )
    init = _common(what, "init", "write a hosts.toml from what is found")
    init.add_argument("-o", "--output", metavar="FILE", type=Path, help="the file to write, instead of stdout")
    init.add_argument("--force", action="store_true", help="also over one that is there")


def _add_report(commands: Any) -> None:
    parser = _common(commands, "report", "the state of the network as a document for others")
    parser.add_argument("--format", choices=("markdown", "html", "json"), default="markdown", help="(markdown)")
    parser.add_argument("--mask", action="store_true", help="other names and addresses, each the same everywhere")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the file to write, instead of stdout")


def _add_topology(commands: Any) -> None:
    parser = _common(commands, "topology", "hosts, bridges, containers and routes as a picture; broken routes marked")
    parser.add_argument("--format", choices=("text", "dot", "svg", "json"), default="text", help="(text)")
    parser.add_argument("--mask", action="store_true", help="other names and addresses, each the same everywhere")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the file to write, instead of stdout")


def _add_fix(commands: Any) -> None:
    parser = _common(commands, "fix", "mend findings: preview, ask, apply, verify")
    parser.add_argument("--code", metavar="CODE", help="only findings of this code")
    _with_host(parser, "only findings on this host")
    _add_applying(parser, 15.0)
    _add_probe(parser)


def _add_applying(parser: argparse.ArgumentParser, watch: float) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="apply without asking (class 1 and 2)")
    allow = "also change what your own SSH connection stands on; --yes does not cover that"
    parser.add_argument("--allow-management-path", action="store_true", help=allow)
    after = (
        "a host takes a change back by itself unless it is confirmed within this time (default: 30, or 60 with that)"
    )
    parser.add_argument("--rollback-after", metavar="S", type=_seconds, help=after)
    look = f"look so long afterwards whether somebody undoes it (default: {watch:g})"
    parser.add_argument("--watch", metavar="S", type=_seconds_or_none, default=watch, help=look)


def _add_probe(parser: argparse.ArgumentParser) -> None:
    what = "send ARP and ICMP echo requests between containers and hosts too; nothing is changed, also with --read-only"
    parser.add_argument("--probe", action="store_true", help=what)
    limit = "at most so many pairs of hosts (all of 4 hosts, else 64 or one per host)"
    parser.add_argument("--probe-limit", metavar="N", type=_count, help=limit)


def _add_undo(commands: Any) -> None:
    parser = _common(commands, "undo", "take back the newest change, or the one with this id")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "id", nargs="?", metavar="ID", help="a journal entry (see --list), or a pending change (see --pending)"
    )
    since = "this journal entry and all later ones, the newest first, as one change"
    which.add_argument("--since", metavar="ID", help=since)
    which.add_argument("--all", action="store_true", help="every change that is not undone, as one change")
    listed = "print the journal; with hosts named, what can be undone as they are now, and why not what cannot"
    which.add_argument("--list", action="store_true", help=listed)
    pending = (
        "print the changes that wait to be confirmed on the hosts, whoever makes them, and how the last ones ended"
    )
    which.add_argument("--pending", action="store_true", help=pending)
    _add_applying(parser, 0.0)


def _add_persist(commands: Any) -> None:
    parser = _common(commands, "persist", "write what is there now into the hosts' files, so that a reboot keeps it")
    parser.add_argument("--host", metavar="HOST", action="append", help="only this host (may be repeated)")
    _add_applying(parser, 0.0)


def _add_capture(commands: Any) -> None:
    parser = _common(commands, "capture", "capture on several hosts at once")
    taps = "vm1:br0 vm2:eth0 vm1:c1:eth0 (default: bridges and NICs)"
    parser.add_argument("--tap", nargs="+", metavar="TAP", action="extend", help=taps)
    parser.add_argument("--filter", metavar="BPF", default="", help="a capture filter, e.g. icmp")
    parser.add_argument("-w", "--write", metavar="FILE", type=Path, help="write pcapng; Wireshark shows the tap names")
    limit = "stop after this long (default: until interrupted)"
    parser.add_argument("--seconds", metavar="S", type=_seconds, help=limit)
    parser.add_argument("--packets", metavar="N", type=_count, help="stop after this many frames")
    parser.add_argument("--rate", metavar="MB", type=_count, default=32, help="megabytes a second of a tap (32)")
    parser.add_argument("--bytes", metavar="MB", type=_count, default=1024, help="megabytes of a tap, then it closes")


def _add_watch(commands: Any) -> None:
    text = "stay until interrupted: tell what changes, and serve metrics for Prometheus; changes nothing on the hosts"
    parser = _common(commands, "watch", text)
    where = f"where metrics are served over HTTP, without a login ({LISTEN}); 'none': nowhere"
    parser.add_argument("--listen", metavar="ADDRESS:PORT", default=LISTEN, help=where)
    _add_probe(parser)
    parser.add_argument("--every", metavar="S", type=_seconds, help="with --probe: send probes so often (60)")


def _add_explain(commands: Any) -> None:
    parser = commands.add_parser("explain", help="say what a finding means, how it is told and what mends it")
    about = "a code, an entry of the catalogue or a finding's id (default: list all)"
    parser.add_argument("about", metavar="CODE", nargs="?", help=about)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


def _with_host(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--host", metavar="NAME", help=text)


def _seconds(text: str) -> float:
    return _number(text, float, "number of seconds")


def _seconds_or_none(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else _seconds(text)


def _count(text: str) -> int:
    return _number(text, int, "number")


def _number(text: str, kind: Callable[[str], T], what: str) -> T:
    try:
        value = kind(text)
    except ValueError:
        value = kind("0")
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no {what} above 0")
    return value
