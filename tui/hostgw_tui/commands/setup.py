"""`hostgw-tui setup`, `join`, `leave`, `attach` and `detach`: bare hosts become a host-gw network, step by step."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.live import Live
from hostgw.model.ip import Prefix, prefix
from hostgw.plans.model import Plan
from hostgw.plans.persist import OFFER, may_last
from hostgw.plans.setup import Wishes, attach_plan, detach_plan, join_plan, leave_plan, setup_plan, wishes
from hostgw.plans.setup.wishes import Nat
from hostgw.report.fix import plan_report
from hostgw_tui.commands.applying import carry_out
from hostgw_tui.commands.fix import permit, settle
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.options import again, one_host, running

NOTHING = "nothing is missing"


def run(args: argparse.Namespace) -> int:
    """Plan, show, ask, apply; then say what `check` finds."""
    permit(args)
    with running(args) as live:
        if not args.dry_run:
            settle(live)
        plan = PLANS[args.command](live, args)
        if plan.refused == NOTHING:
            lines = [f"{plan.title}: {NOTHING}", *(f"note: {text}" for text in plan.notes)]
            write(plan_report(plan), lines, args.json)
            return 0
        code = carry_out(live, plan, args)
        if not code and not args.dry_run and not args.json and may_last(plan):
            narrate(f"{OFFER}: `{again(args, 'persist')}` makes them last")
        if not code and not args.dry_run and not args.json:
            _say_what_is_left(live, plan, args.command)
        return code


def _say_what_is_left(live: Live, plan: Plan, command: str) -> None:
    if command == "leave":  # while the host is listed, what is found is that it left
        narrate("; ".join(plan.notes))
        return
    found = live.view().listed
    narrate(f"check finds {len(found)} more: run `hostgw-tui check`" if found else "check finds nothing wrong")


def _setup(live: Live, args: argparse.Namespace) -> Plan:
    view = live.view()
    docker = live.docker(restart=args.restart_docker)
    return setup_plan(view.fabric, view.mesh, _wishes(live, args), live.local, docker)


def _join(live: Live, args: argparse.Namespace) -> Plan:
    view, name = live.view(), one_host(live, args.name) or ""
    made = _wishes(live, args, external=(name,) if args.external else ())
    docker = live.docker(restart=args.restart_docker)
    return join_plan(view.fabric, view.mesh, made, name, live.local, docker)


def _leave(live: Live, args: argparse.Namespace) -> Plan:
    view = live.view()
    return leave_plan(view.fabric, view.mesh, one_host(live, args.name) or "", live.local)


def _attach(live: Live, args: argparse.Namespace) -> Plan:
    view = live.view()
    name = one_host(live, args.name) or ""
    if args.address and len(args.container) > 1:
        raise UsageError("--address is for one container", "", "Leave it out: each gets the next that is free.")
    return attach_plan(view.fabric, view.mesh, name, args.container, args.address or "", live.local)


def _detach(live: Live, args: argparse.Namespace) -> Plan:
    view = live.view()
    return detach_plan(view.fabric, view.mesh, one_host(live, args.name) or "", args.container, live.local)


PLANS: dict[str, Callable[[Live, argparse.Namespace], Plan]] = {
    "setup": _setup,
    "join": _join,
    "leave": _leave,
    "attach": _attach,
    "detach": _detach,
}


def _wishes(live: Live, args: argparse.Namespace, external: tuple[str, ...] = ()) -> Wishes:
    view = live.view()
    network = view.mesh.network
    if network is None:
        raise UsageError("the network is not known", "", "Say it: --network 10.239.0.0/16")
    told = dict(_told(text) for text in args.subnet or ()) | live.told_subnets
    outside = (*external, *(args.externals or ()))
    found = wishes(view.fabric, view.mesh, network, told, outside, args.bridge)
    return replace(found, nat=Nat[args.nat])


def _told(text: str) -> tuple[str, Prefix]:
    name, _, subnet = text.partition("=")
    try:
        return name, prefix(subnet)
    except ValueError:
        what = f"--subnet {clean(text, 80)} is none"
        raise UsageError(what, "", "Write it as vm1=10.239.0.0/24.") from None
