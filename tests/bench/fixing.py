"""Fifty missing routes on five hosts, fixed by one key: guards, verification and confirms over new connections."""

from __future__ import annotations

import sys

from pyroute2 import NetNS

from hostgw.live import Live
from hostgw.model.finding import Finding
from hostgw.plans.model import Result
from tests.bench.common import operator, report, timed

HOSTS, ROUTES = 5, 10
CODES = ("route-missing", "routes-lost")


def main(name: str) -> None:
    with operator(name) as (lab, live):
        live.start()
        live.wait(lambda view: view.settled, 120)
        broken = [host.name for host in lab.shape.owners[:HOSTS]]
        gone = [host.subnet for host in lab.shape.owners[HOSTS : HOSTS + ROUTES]]
        for host in broken:
            with NetNS(str(lab.netns(host))) as kernel:
                for subnet in gone:
                    kernel.route("del", dst=subnet)
        wanted = HOSTS * len(gone)
        live.wait(lambda view: len(missing(live)) >= wanted, 30)
        plan = live.plan(missing(live))
        started = timed()
        outcome = live.apply(plan).result(120)
        seconds = timed() - started
        if outcome.result is not Result.VERIFIED or len(plan.steps) != wanted:
            raise RuntimeError(f"{len(plan.steps)} steps: {outcome}")
        report(f"{wanted} missing routes on {HOSTS} of {len(lab.hosts)} hosts fixed, confirmed", seconds, "s", "<= 5")


def missing(live: Live) -> list[Finding]:
    return [found for found in live.view().listed if found.code in CODES]


if __name__ == "__main__":
    main(sys.argv[1])
