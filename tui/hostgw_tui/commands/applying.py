"""Show a plan on the command line, ask, apply it under guard, and tell how it goes."""

from __future__ import annotations

import argparse
import sys
import threading
from concurrent.futures import TimeoutError as NotYet

from hostgw.live import Live
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.running import Phase, Run
from hostgw.report.fix import plan_report, plan_text
from hostgw_tui.commands.output import narrate, write

EXIT_NOT_VERIFIED, EXIT_NOT_ASKED, EXIT_INTERRUPTED = 1, 2, 130
MORE_S = 60.0
SLICE_S = 0.2


def carry_out(live: Live, plan: Plan, args: argparse.Namespace) -> int:
    """Show a plan, ask where there is somebody to ask, apply it; return the exit code."""
    if plan.refused or args.dry_run:
        write(plan_report(plan), plan_text(plan), args.json)
        return EXIT_NOT_VERIFIED if plan.refused else 0
    if not args.json:
        write(plan_report(plan), plan_text(plan), False)
    if not _allowed(plan, args):
        if args.json:
            write(plan_report(plan), (), True)
        return EXIT_NOT_ASKED
    outcome, stopped = _applied(live, plan, args)
    put_back = _watched(live, outcome, args)
    write(plan_report(plan, outcome, put_back), _outcome_lines(plan, outcome), args.json)
    if stopped and outcome.result is not Result.VERIFIED:
        return EXIT_INTERRUPTED
    return 0 if outcome.result is Result.VERIFIED and not put_back else EXIT_NOT_VERIFIED


def _allowed(plan: Plan, args: argparse.Namespace) -> bool:
    if plan.management and not args.allow_management_path:
        narrate(f"not applied: {plan.management[0]}; --allow-management-path allows that, with a longer timer")
        return False
    return args.yes or _agreed(args)


def _agreed(args: argparse.Namespace) -> bool:
    if args.json or not _somebody_there():
        narrate("not applied: nobody to ask; --yes applies")
        return False
    sys.stderr.write("apply? [y/N] ")
    sys.stderr.flush()
    agreed = sys.stdin.readline().strip().lower() in ("y", "yes")
    if not agreed:
        narrate("not applied")
    return agreed


def _somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


# ---- while it is applied ----


def _applied(live: Live, plan: Plan, args: argparse.Namespace) -> tuple[Outcome, bool]:
    """Wait for the end; return it, and whether it was asked to stop.

    ^C takes everything back at once, `+` and Enter give a minute more.
    """
    teller = _Teller(quiet=args.json)
    run = Run(lambda: teller.tell(run))
    future = live.apply(plan, run, args.allow_management_path)
    if _somebody_there() and not args.json:
        threading.Thread(target=_listen, args=(run,), daemon=True).start()
    while True:
        try:
            return future.result(SLICE_S), run.wants_back
        except NotYet:
            if future.done():
                raise
        except KeyboardInterrupt:
            narrate("taking it back …")
            run.roll_back()


class _Teller:
    """Narrates how far each host is, each phase once."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._told: dict[str, Phase] = {}
        self._lock = threading.Lock()

    def tell(self, run: Run) -> None:
        with self._lock:
            for host, stage in run.stages.items():
                if self._told.get(host) is not stage.phase and not self._quiet:
                    self._told[host] = stage.phase
                    narrate(f"{host}: {stage.phase.value}{_how_long(run, host)}")


def _how_long(run: Run, host: str) -> str:
    from time import monotonic

    stage = run.stages[host]
    if stage.phase is not Phase.VERIFYING:
        return ""
    keys = "; ^C takes it back now, + and Enter give a minute more" if _somebody_there() else ""
    return f" (taken back in {stage.left_s(monotonic()):.0f} s unless it is confirmed{keys})"


def _listen(run: Run) -> None:
    for line in sys.stdin:
        if line.strip() == "+":
            run.extend(MORE_S)
            narrate(f"{MORE_S:.0f} s more")


def _watched(live: Live, outcome: Outcome, args: argparse.Namespace) -> tuple[str, ...]:
    seconds = live.timing.watch_s
    if outcome.result is not Result.VERIFIED or not seconds:
        return ()
    if not args.json:
        narrate(f"confirmed; looking for {seconds:g} s whether somebody undoes it (^C ends that)")
    try:
        put_back = live.watch(outcome)
    except KeyboardInterrupt:
        return ()
    for text in put_back:
        narrate(text)
    return put_back


def _outcome_lines(plan: Plan, outcome: Outcome) -> list[str]:
    where = f"{outcome.host}: " if outcome.host else ""
    undo = _way_back(plan, outcome) if outcome.result is Result.VERIFIED and not plan.undoes else ""
    return [f"{outcome.result.value}: {where}{outcome.detail}{undo}"]


def _way_back(plan: Plan, outcome: Outcome) -> str:
    """Say what undo would take back: flows that were forgotten, for one, do not come back."""
    for_good = [step.summary for step in plan.steps if not step.reversible]
    if len(for_good) == len(plan.steps):
        return " (it cannot be taken back)"
    but = f", but not this: {', '.join(dict.fromkeys(for_good))}" if for_good else ""
    return f" (undo {outcome.journal_id} takes it back{but})"
