"""`hostgw-tui fix`: preview, ask, apply, verify."""

from __future__ import annotations

import argparse
import difflib

from hostgw.checks.catalogue import CODES, FixClass
from hostgw.checks.probed import PROBED
from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.live import Live, View
from hostgw.model.finding import Finding
from hostgw.plans.model import Plan
from hostgw.plans.persist import OFFER, may_last
from hostgw.report.fix import plan_report, plan_text
from hostgw_tui.commands.applying import EXIT_NOT_VERIFIED, carry_out
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import again, one_host, running

MAX_ROUNDS = 4
"""Faults that hide one another deeper than this are left for the next run."""


def run(args: argparse.Namespace) -> int:
    """Mend what was found."""
    check_code(args.code)
    permit(args)
    with running(args) as live:
        if not args.dry_run:
            settle(live)
        if args.probe:
            live.probe_all(args.probe_limit)
        view, host = live.view(), one_host(live, args.host)
        wanted = _chosen(view, args.code, host)
        if not wanted:
            return _nothing(view, args)
        for _ in range(MAX_ROUNDS):
            code = _round(live, wanted, args)
            if code or args.dry_run or not (more := _uncovered(live, wanted, args.code, host)):
                return code
            if args.json:
                return EXIT_NOT_VERIFIED
            narrate(f"what was mended shows {len(more)} more")
            wanted = more
        return EXIT_NOT_VERIFIED


def settle(live: Live) -> None:
    """Say what became of changes that a former run left open."""
    for text in live.settle():
        narrate(text)


def _round(live: Live, wanted: list[Finding], args: argparse.Namespace) -> int:
    plan = live.plan(wanted)
    if plan.refused and not plan.steps and not args.json:
        return _refused(live, wanted)
    left = [f for f in wanted if not {f.id, *f.caused_by} & set(plan.findings)]
    code = carry_out(live, plan, args)
    if code == 0 and may_last(plan) and not (args.dry_run or args.json):
        narrate(f"{OFFER}: `{again(args, 'persist')}` makes them last")
    if left and not args.json:
        _explain(live, left)
    return code or (EXIT_NOT_VERIFIED if left and not args.dry_run else 0)


def _uncovered(live: Live, mended: list[Finding], code: str | None, host: str | None) -> list[Finding]:
    """Return findings that were hidden behind what is mended now, or came with it."""
    known = {found.id for found in mended}
    return [found for found in _chosen(live.view(), code, host) if found.id not in known]


def _chosen(view: View, code: str | None, host: str | None) -> list[Finding]:
    """Return what is to be mended: all that is listed; with a code also what is but a notice."""
    found = view.findings if code else view.listed
    return [f for f in found if code in (None, f.code) and host in (None, f.host)]


def check_code(code: str | None) -> None:
    """Raise UsageError when no finding can have this code."""
    if code is not None and code not in CODES:
        nearest = difflib.get_close_matches(code, CODES, 1)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"There are: {', '.join(CODES)}."
        raise UsageError(f"there is no code {clean(code, 80)}", "", hint)


def permit(args: argparse.Namespace) -> None:
    """Raise UsageError for a change in a read-only session, before any host is asked."""
    if args.read_only and not args.dry_run:
        raise UsageError("--read-only refuses every change", "", "With --dry-run the plan is shown.")


def _nothing(view: View, args: argparse.Namespace) -> int:
    if args.json:
        write(plan_report(Plan("nothing to mend", FixClass.ADVICE)), (), True)
    if view.fabric.readable:
        narrate("nothing to mend")
        if not args.probe and (args.code is None or args.code in PROBED):
            narrate("what only probes find (check --probe) was not looked for: add --probe")
    return reached(view)


def _refused(live: Live, wanted: list[Finding]) -> int:
    """Say of each root why no key mends it, and what could be done instead."""
    roots = [found for found in wanted if not found.caused_by] or wanted
    for found in roots:
        plan = live.plan([found])
        write(plan_report(plan), plan_text(plan), False)
    _explain(live, [found for found in wanted if found not in roots])
    return EXIT_NOT_VERIFIED


def _explain(live: Live, left: list[Finding]) -> None:
    for found in left:
        plan = live.plan([found])
        if found.caused_by:
            narrate(f"not mended: {found.summary}: it follows from {', '.join(found.caused_by)}")
            continue
        narrate(f"not mended: {found.summary}: {plan.refused}")
        for line in plan.alternatives:
            narrate(f"  instead: {line}")
