"""The command line of paths: `path` predicts, `trace` sends a probe and compares."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hostgw_tui.path.packet import MOST_PORT, MOST_PROBES, MOST_SIZE

if TYPE_CHECKING:
    from hostgw.model.path import Query

Common = Callable[[Any, str, str], argparse.ArgumentParser]


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
    sizes = f"bytes behind the header of icmp or udp, at most {MOST_SIZE}: predicts what an MTU does to it"
    parser.add_argument("--size", metavar="BYTES", type=_size, default=0, help=sizes)
    parser.add_argument("--df", action="store_true", help="set DF: routers must not fragment the packet")


def query(args: argparse.Namespace) -> Query:
    """Return what kind of packet the options name.

    Raises:
        UsageError: a protocol with ports, and no port; a size for one that has none.
    """
    from hostgw.errors import UsageError
    from hostgw_tui.path.packet import packet

    try:
        return packet(args.protocol, args.port, args.size, whole=args.df)
    except ValueError as error:
        raise UsageError(f"--protocol {args.protocol}: {error}", "", "") from None


def _port(text: str) -> int:
    return _number(text, MOST_PORT)


def _probes(text: str) -> int:
    return _number(text, MOST_PROBES)


def _size(text: str) -> int:
    return _number(text, MOST_SIZE)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:9]) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {most}")
    return int(text)
