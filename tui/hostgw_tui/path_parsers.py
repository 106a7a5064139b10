"""The command line of paths: `path` predicts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Common = Callable[[Any, str, str], argparse.ArgumentParser]
MOST = 65535


def add_paths(commands: Any, common: Common) -> None:
    """Add `path`."""
    path = common(commands, "path", "predict the way of a packet and of its answer, tap by tap; nothing is sent")
    _add_ends(path)


def _add_ends(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", help="a listed host (vm1), a container (vm1:c1) or its address")
    parser.add_argument("destination", metavar="DST", help="the same, or any IPv4 address")
    kinds = ("icmp", "udp", "tcp")
    parser.add_argument("--protocol", choices=kinds, default="icmp", help="of the packet (icmp: an echo request)")
    parser.add_argument("--port", metavar="N", type=_port, default=0, help="the destination port of udp and tcp")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)
