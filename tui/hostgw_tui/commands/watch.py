"""`hostgw-tui watch`: stay, tell what changes, serve metrics; a watcher never changes a host."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.live import Live
from hostgw.live.view import FAILED, View
from hostgw.metrics.collector import registry
from hostgw.metrics.server import endpoint, serving
from hostgw.report.model import WatchReport
from hostgw.report.watch import Teller, watch_text
from hostgw.ssh.session import TRANSIENT
from hostgw_tui.bell import Bell
from hostgw_tui.commands.output import give_up, narrate, write_event
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import live, prompter, started

GAP_S = 0.5
"""From the first sign of a change to a look at what became of it: most of what is but on its way is over by then."""
EVERY_S = 60.0
AGAIN_S = 300.0
"""How often hosts are tried that sessions leave alone, such as one that refused the key; no account shall be locked."""


def run(args: argparse.Namespace) -> int:
    """Watch until a signal or until nobody reads; an orderly end by SIGTERM is 0.

    Raises:
        UsageError: the options are wrong, or there is no listening where they say.
        BrokenPipeError: nobody reads.
    """
    if args.every is not None and not args.probe:
        raise UsageError("--every needs --probe", "changes are told as they come; only probes are sent now and then")
    args.read_only = True
    with _ended_in_order(), _engine(args) as engine:
        reached(engine.view())
        _follow(engine, Teller(engine), args)
    return 0


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Have SIGTERM, which service managers send, end the command as something that is done."""
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def _engine(args: argparse.Namespace) -> Iterator[Live]:
    """Yield an engine whose hosts have answered or failed; its metrics are served from before it connects."""
    where = endpoint(args.listen)
    engine = live(args, prompter(args))
    if where is None:
        with started(engine, args):
            yield engine
        return
    with serving(registry(engine), where) as taken:
        narrate(f"metrics: http://{taken}/metrics")
        if not where.is_loopback:
            narrate(f"anybody who reaches {taken} reads the metrics: hosts, rules and findings; there is no login")
        with started(engine, args):
            yield engine


def _follow(engine: Live, teller: Teller, args: argparse.Namespace) -> None:
    """Tell the state, then every change."""
    if args.probe:
        engine.probe_all(args.probe_limit)
        threading.Thread(target=_probe, args=(engine, args), name="hostgw-prober", daemon=True).start()
    _tell(teller.start(engine.view()), args)
    again = time.monotonic() + AGAIN_S
    bell = Bell()
    engine.subscribe(bell.ring)
    bell.ring()  # for what changed since the view of the start
    while True:
        bell.wait(max(0.0, again - time.monotonic()))
        time.sleep(GAP_S)
        view = engine.view()
        for report in teller.changes(view):
            _tell(report, args)
        if time.monotonic() >= again:
            _try_again(engine, view)
            again = time.monotonic() + AGAIN_S


def _tell(report: WatchReport, args: argparse.Namespace) -> None:
    try:
        write_event(report, watch_text(report), args.json)
    except (SystemExit, KeyboardInterrupt):  # whoever reads is slow: the rest must not hold up the end
        give_up()
        raise


def _try_again(engine: Live, view: View) -> None:
    for host in view.fabric.hosts.values():
        if host.state in FAILED - TRANSIENT:
            engine.retry(host.name)


def _probe(engine: Live, args: argparse.Namespace) -> None:
    """Send probes now and then; a round that fails is told, and the next one comes."""
    while True:
        time.sleep(args.every or EVERY_S)
        try:
            engine.probe_all(args.probe_limit)
        except Exception as error:  # whatever it is, the watch goes on
            narrate(f"probes: {type(error).__name__}: {clean(str(error), 200)}")
