"""`hostgw-tui persist`: what the hosts have now is written where they configure their network, so that it lasts."""

from __future__ import annotations

import argparse

from hostgw.plans.persist import NOTHING
from hostgw.report.fix import plan_report
from hostgw_tui.commands.applying import carry_out
from hostgw_tui.commands.fix import permit, settle
from hostgw_tui.commands.output import write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import one_host, running


def run(args: argparse.Namespace) -> int:
    """Read the files, show what would differ, ask, write under guard."""
    permit(args)
    with running(args) as live:
        if not args.dry_run:
            settle(live)
        hosts = [name for name in (one_host(live, told) for told in args.host or ()) if name]
        plan = live.persist_plan(hosts)
        if plan.refused == NOTHING:
            lines = [f"{plan.title}: {NOTHING}", *(f"note: {text}" for text in plan.notes)]
            write(plan_report(plan), lines, args.json)
            return reached(live.view())
        return carry_out(live, plan, args)
