"""The command line of the configurator."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Common = Callable[[Any, str, str], argparse.ArgumentParser]
Applying = Callable[[argparse.ArgumentParser, float], None]


def add_setup(commands: Any, common: Common, applying: Applying) -> None:
    """Add `setup`, `join`, `leave`, `attach` and `detach`."""
    setup = common(commands, "setup", "make a host-gw network of the listed hosts: only what is missing is made")
    join = common(commands, "join", "take one more host in: it gets what it needs, the others a route to it")
    leave = common(commands, "leave", "take a host out: nobody routes to it any more; its bridge stays")
    attach = common(commands, "attach", "hang a network namespace on the bridge of a host")
    detach = common(commands, "detach", "take a network namespace off its bridge")
    for parser in (join, leave, attach, detach):
        parser.add_argument("name", metavar="HOST", help="one of the listed hosts")
    for parser in (setup, join):
        _add_wishes(parser)
    join.add_argument("--external", action="store_true", help="HOST owns no subnet: it only gets routes to all of them")
    named = "as `ip netns` lists it, or the path of a namespace"
    attach.add_argument("container", metavar="NAME", nargs="+", help=named)
    detach.add_argument("container", metavar="NAME", help=named)
    attach.add_argument("--address", metavar="ADDRESS", help="of the container (default: the next that is free)")
    for parser in (setup, join, leave, attach, detach):
        applying(parser, 0.0)


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    told = "the subnet of a host, vm1=10.239.0.0/24 (default: what it owns, else the next free /24 of the network)"
    parser.add_argument("--subnet", metavar="HOST=PREFIX", action="append", help=told)
    outside = "a listed host that owns no subnet (may be repeated)"
    parser.add_argument("--external-host", metavar="HOST", action="append", dest="externals", help=outside)
    parser.add_argument("--bridge", metavar="NAME", default="br0", help="of new bridges (br0)")
    restart = "restart Docker where its bridge gets another address: its containers stop, unless live-restore is on"
    parser.add_argument("--restart-docker", action="store_true", help=restart)
    parser.set_defaults(nat="NEW")
    rules = parser.add_mutually_exclusive_group()
    without = "no NAT rules: containers reach no outside by this host"
    rules.add_argument("--no-nat", action="store_const", dest="nat", const="NONE", help=without)
    added = "NAT rules also where a network stands already, and nothing masquerades"
    rules.add_argument("--nat", action="store_const", dest="nat", const="ALL", help=added)
