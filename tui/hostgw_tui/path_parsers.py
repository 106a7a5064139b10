"""The command line of paths: `path` predicts, `trace` sends a probe and compares."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hostgw.model.path import Query

Common = Callable[[Any, str, str], argparse.ArgumentParser]
MOST_PORT, MOST_PROBES = 65535, 20


def add_paths(commands: Any, common: Common) -> None:
    """Add `path` and `trace`."""
    path = common(commands, "path", "predict the way of a packet and of its answer, tap by tap; nothing is sent")
    trace = common(commands, "trace", "send probes, and compare their way at every tap with the predicted one")
    for parser in (path, trace):
        _add_ends(parser)
    trace.add_argument("--count", metavar="N", type=_probes, default=1, help=f"how many, at most {MOST_PROBES} (1)")


def _add_ends(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", help="a listed host (vm1), a container (vm1:c1) or its address")
    parser.add_argument("destination", metavar="DST", help="the same, or any IPv4 address")
    kinds = ("icmp", "udp", "tcp")
    parser.add_argument("--protocol", choices=kinds, default="icmp", help="of the packet (icmp: an echo request)")
    parser.add_argument("--port", metavar="N", type=_port, default=0, help="the destination port of udp and tcp")


def query(args: argparse.Namespace) -> Query:
    """Return what kind of packet the options name.

    Raises:
        UsageError: a protocol with ports, and no port.
    """
    from hostgw.errors import UsageError
    from hostgw.model.path import Query

    if args.protocol != "icmp" and not args.port:
        raise UsageError(f"--protocol {args.protocol} needs --port", "", "Say which: --port 80.")
    return Query(args.protocol, args.port)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)


def _probes(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST_PROBES:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {MOST_PROBES}")
    return int(text)
