"""`hostgw-tui undo`: take changes back, also those of an earlier run, also those of others that are pending."""

from __future__ import annotations

import argparse

from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.plans.standing import judged
from hostgw.report.fix import guards_report, guards_text, journal_report, journal_text, plan_report
from hostgw_tui.commands.applying import EXIT_NOT_VERIFIED, carry_out
from hostgw_tui.commands.fix import permit, settle
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import running


def run(args: argparse.Namespace) -> int:
    """Undo, or list what could be undone."""
    if args.list:
        return _list(args)
    if args.pending:
        with running(args) as live:
            pending = guards_report(live.guards())
            write(pending, guards_text(pending), args.json)
        return 0
    permit(args)
    with running(args) as live:
        if not args.dry_run:
            settle(live)
        if args.all or args.since:
            return _since(live, args)
        if args.id and (places := _pending(live, args.id)):
            return _end(live, args.id, places)
        return carry_out(live, live.undo_plan(args.id), args)


def _list(args: argparse.Namespace) -> int:
    """Print the journal: alone, or compared with how the named hosts are now."""
    if not any((args.hosts, args.inventory, args.lab)):
        report = journal_report(judged(Journal().entries(), None))
        write(report, journal_text(report), args.json)
        return 0
    with running(args) as live:
        report = journal_report(live.judged())
        write(report, journal_text(report), args.json)
        return reached(live.view())


def _since(live: Live, args: argparse.Namespace) -> int:
    """Take back an entry and all later ones as one change; all of them without an entry."""
    plan = live.undo_since(args.since)
    if plan.undoes:
        return carry_out(live, plan, args)
    narrate("nothing to undo")
    if args.json:
        write(plan_report(plan), (), True)
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
