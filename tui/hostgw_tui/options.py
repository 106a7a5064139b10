"""What the options that every command takes mean: which hosts, how to reach them, what is known of them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.inventory.inventory import Inventory
from hostgw.live import Live
from hostgw.live.engine import Intention
from hostgw.live.replay import Replay
from hostgw.model.ip import Prefix, prefix
from hostgw.plans.timing import Timing
from hostgw.recording.lines import Told, ToldHost
from hostgw.recording.reader import read
from hostgw.recording.tape import Tape
from hostgw.ssh.beyond import Choice
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import AcceptNew, KnownOnly, Prompter, Terminal
from hostgw_tui.commands.output import narrate
from hostgw_tui.listing import inventory

FLOWS_S = 3.0
"""How long a command waits for what the hosts track, at most."""


def live(args: argparse.Namespace, prompter: Prompter, listed: Inventory | None = None) -> Live:
    """Return the engine for the hosts that the options name, not started yet; `listed` are those, if known already.

    Raises:
        UsageError: the options are wrong, or name a recording.
    """
    if args.replay:
        commands = "Recordings are shown by the dashboard, and by check, routes, nat, path and snapshot."
        raise UsageError("--replay names no hosts that can be asked", "this command needs some", commands)
    if args.ssh_config and not args.ssh_config.is_file():
        raise UsageError(f"there is no file {args.ssh_config}", "", "--ssh-config names OpenSSH client settings.")
    listed = listed or inventory(args)
    options = Options(
        ssh_config=args.ssh_config,
        transport=Choice(args.transport or Choice.AUTO),
        accept_new=args.accept_new,
        sudo=args.sudo,
        read_only=args.read_only,
    )
    intention = Intention(_network(args) or listed.network, listed.intents, listed.complete)
    tape = Tape(args.record, told(intention)) if getattr(args, "record", None) else None
    engine = Live(listed.targets, prompter, options, intention, timing=_timing(args), tape=tape)
    engine.remarks = listed.notes
    return engine


def told(intention: Intention) -> Told:
    """Return what a recording keeps of what was told of the network."""
    hosts = {
        name: ToldHost(tuple(map(str, intent.subnets)), intent.underlay, intent.role)
        for name, intent in intention.intents.items()
    }
    return Told(str(intention.network or ""), intention.complete, hosts)


def replay(args: argparse.Namespace) -> Replay:
    """Return the recording that the options name.

    Raises:
        UsageError: it cannot be read, or hosts are named beside it.
    """
    given = [name for name in ("hosts", "inventory", "lab", "record") if getattr(args, name, None)]
    if given:
        raise UsageError(f"--{given[0]} and a recording exclude each other", "a recording has its own hosts")
    return Replay(read(args.replay))


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[Live | Replay]:
    """Yield what can be read: hosts that have answered or failed, or a recording at its end."""
    if not args.replay:
        with running(args) as engine:
            yield engine
        return
    shown = replay(args)
    shown.to_end()
    yield shown


def _timing(args: argparse.Namespace) -> Timing:
    """Return how long guards wait, where a command has options for it."""
    usual = Timing()
    after: float | None = getattr(args, "rollback_after", None)
    times = {"ttl_s": after or usual.ttl_s, "management_ttl_s": after or usual.management_ttl_s}
    return Timing(**times, watch_s=getattr(args, "watch", usual.watch_s))


def again(args: argparse.Namespace, command: str) -> str:
    """Return a command line for another command on the same hosts, as far as that takes no secrets."""
    named = (("lab", args.lab), ("hosts", args.hosts), ("inventory", args.inventory), ("network", args.network))
    told = [word for name, value in named if value for word in (f"--{name}", str(value))]
    told += ["--ssh-config", str(args.ssh_config)] if args.ssh_config and not args.lab else []
    ways = (("ssh-name", args.ssh_name), ("transport", args.transport))
    told += [word for name, value in ways if value for word in (f"--{name}", value)]
    return shlex.join(["hostgw-tui", *told, *(["--sudo"] if args.sudo else []), command])


def one_host(live: Live | Replay, name: str | None) -> str | None:
    """Return what --host says.

    Raises:
        UsageError: no host of that name is listed.
    """
    listed = live.view().fabric.hosts
    if name is not None and name not in listed:
        raise UsageError(f"there is no host {clean(name, 80)}", "", f"There are: {', '.join(listed)}.")
    return name


def _network(args: argparse.Namespace) -> Prefix | None:
    try:
        return prefix(args.network) if args.network else None
    except ValueError as error:
        raise UsageError(f"--network {clean(args.network, 80)} is no IPv4 prefix", str(error)) from None


def prompter(args: argparse.Namespace) -> Prompter:
    """Return who is asked on the command line: the terminal for secrets; new host keys only by --accept-new."""
    return AcceptNew(Terminal()) if args.accept_new else KnownOnly(Terminal())


@contextmanager
def running(args: argparse.Namespace) -> Iterator[Live]:
    """Yield an engine whose hosts have answered or failed; it is stopped at the end."""
    engine = live(args, prompter(args))
    for text in engine.remarks:
        narrate(text)
    with started(engine, args):
        yield engine


@contextmanager
def started(engine: Live, args: argparse.Namespace) -> Iterator[None]:
    """Start an engine and wait until its hosts have answered or failed; it is stopped at the end."""
    try:
        engine.start()
        engine.wait(lambda view: view.settled, args.timeout)
        engine.wait_for_flows(min(args.timeout, FLOWS_S))
        yield
    finally:
        engine.stop()
