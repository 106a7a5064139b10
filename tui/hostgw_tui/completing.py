"""What a shell may offer where a word is a name of something: labs, faults, codes, hosts, containers, changes.

A completer is asked with what was typed so far. It reads files and never a host, and where there is nothing to offer
(no such lab, an inventory that cannot be read) it offers nothing: a shell has no place for an error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from hostgw.errors import HostgwError

Completer = Callable[..., list[str]]


def offer(parser: argparse.ArgumentParser) -> None:
    """Give every argument that is the name of something what completes it."""
    for action in _actions(parser):
        if completer := COMPLETERS.get((action.dest, str(action.metavar))):
            action.completer = completer  # type: ignore[attr-defined]


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # argparse has no other way to walk them; argcomplete does the same
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from _actions(choice)


def _quietly(names: Callable[[argparse.Namespace], list[str]]) -> Completer:
    """Return a completer as argcomplete calls it, that offers nothing where something is wrong."""

    def completer(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        with suppress(HostgwError, OSError):
            return names(parsed_args)
        return []

    return completer


def _labs(_: argparse.Namespace) -> list[str]:
    from hostgw.lab import names

    return names()


def _faults(args: argparse.Namespace) -> list[str]:
    from hostgw.lab import FAULTS

    return [*_labs(args), *(fault.id for fault in FAULTS)]


def _variants(_: argparse.Namespace) -> list[str]:
    from hostgw.lab import VARIANTS

    return list(VARIANTS)


def _codes(_: argparse.Namespace) -> list[str]:
    from hostgw.checks.catalogue import CODES

    return list(CODES)


def _explained(args: argparse.Namespace) -> list[str]:
    from hostgw.checks.catalogue import ENTRIES

    return [*_codes(args), *ENTRIES]


def _hosts(args: argparse.Namespace) -> list[str]:
    """Return the hosts that the options before name; a name of its own (`lab exec`) is that of a lab."""
    from hostgw.inventory.files import load
    from hostgw.inventory.targets import parse_hosts

    if args.hosts:
        return [target.name for target in parse_hosts(args.hosts)]
    if args.inventory:
        return [target.name for target in load(args.inventory).targets]
    return [host.name for host in _lab_hosts(args.lab)] if args.lab else []


def _lab_hosts(name: str) -> tuple[Any, ...]:
    from hostgw.lab import load

    return load(name).hosts


def _ends(args: argparse.Namespace) -> list[str]:
    """Return hosts, and the containers of a lab, which alone are known without asking hosts."""
    if args.hosts or not args.lab:
        return _hosts(args)
    return [end for host in _lab_hosts(args.lab) for end in (host.name, *(f"{host.name}:{c}" for c in host.containers))]


def _places(args: argparse.Namespace) -> list[str]:
    hosts = _lab_hosts(args.name)
    inside = (place for host in hosts for place in (host.name, *(f"{host.name}/{c}" for c in host.containers)))
    return [*inside, "gateway", "outside", "operator", "switch"]


def _changes(_: argparse.Namespace) -> list[str]:
    from hostgw.plans.journal import Journal

    return [entry.id for entry in reversed(Journal().entries())]


COMPLETERS: dict[tuple[str, str], Completer] = {
    ("lab", "NAME"): _quietly(_labs),
    ("name", "NAME"): _quietly(_labs),
    ("words", "[NAME] ID"): _quietly(_faults),
    ("variant", "V"): _quietly(_variants),
    ("code", "CODE"): _quietly(_codes),
    ("about", "CODE"): _quietly(_explained),
    ("host", "NAME"): _quietly(_hosts),
    ("host", "HOST"): _quietly(_hosts),
    ("name", "HOST"): _quietly(_hosts),
    ("externals", "HOST"): _quietly(_hosts),
    ("source", "SRC"): _quietly(_ends),
    ("destination", "DST"): _quietly(_ends),
    ("place", "HOST[/CONTAINER]"): _quietly(_places),
    ("id", "ID"): _quietly(_changes),
    ("since", "ID"): _quietly(_changes),
}
"""By the name under which an argument is parsed, and what help calls it."""
