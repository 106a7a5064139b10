"""`hostgw-tui undo`: take changes back, also those of an earlier run, also those of others that are pending."""

from __future__ import annotations

import argparse

from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.report.fix import guards_report, guards_text, journal_report, journal_text
from hostgw_tui.commands.applying import EXIT_NOT_VERIFIED, carry_out
from hostgw_tui.commands.fix import permit, settle
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.options import running


def run(args: argparse.Namespace) -> int:
    """Undo, or list what could be undone."""
    if args.list:
        report = journal_report(Journal().entries())
        write(report, journal_text(report), args.json)
        return 0
    if args.pending:
        with running(args) as live:
            pending = guards_report(live.guards())
            write(pending, guards_text(pending), args.json)
        return 0
    permit(args)
    with running(args) as live:
        if not args.dry_run:
            settle(live)
        if args.all:
            return _all(live, args)
        if args.id and (places := _pending(live, args.id)):
            return _end(live, args.id, places)
        return carry_out(live, live.undo_plan(args.id), args)


def _all(live: Live, args: argparse.Namespace) -> int:
    undoable = live.undoable()
    if not undoable:
        narrate("nothing to undo")
    for entry in undoable:
        if code := carry_out(live, live.undo_plan(entry.id), args):
            return code
    return 0


def _pending(live: Live, guard: str) -> list[str]:
    """Return the hosts on which a change of this name is pending."""
    return [host for host, found in live.guards().items() if any(g.id == guard and g.state.pending for g in found)]


def _end(live: Live, guard: str, hosts: list[str]) -> int:
    """Take a pending change back now, whoever made it."""
    failed = 0
    for host in hosts:
        reply = live.roll_back(host, guard).result()
        narrate(f"{host}: {'taken back' if reply.done else f'NOT taken back wholly: {reply.detail}'}")
        failed += not reply.done
    return EXIT_NOT_VERIFIED if failed else 0
