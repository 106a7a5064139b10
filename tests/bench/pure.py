"""The pure parts on a fabric made by hand: mesh and checks of many hosts.

CPU beside time, for a machine that has other things to do: what the program can be blamed for is the former.
"""

from __future__ import annotations

import time

from hostgw.checks.run import Checker
from hostgw.fabric import Fabric
from hostgw.live.collecting import collect_seldom
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
from tests.bench.common import percentile, report, timed
from tests.fabrics import healthy, routes

HOSTS, CONTAINERS, EVENTS = 255, 254, 20


def main() -> None:
    collect_seldom()
    fabric = healthy(HOSTS, CONTAINERS)
    started, cpu = timed(), time.process_time()
    memory, checker = Memory(), Checker()
    mesh = build(fabric, memory=memory)
    checker.run(fabric, mesh)
    what = f"full mesh and check, {HOSTS} hosts x {HOSTS} routes x {CONTAINERS} containers"
    report(what, timed() - started, "s", "<= 1")
    report(f"CPU of a full mesh and check, {HOSTS} hosts", time.process_time() - cpu, "s")
    times, cpus = [], []
    for number in range(7, 7 + EVENTS):
        fabric = broken(fabric, number)
        started, cpu = timed(), time.process_time()
        built = build(fabric, memory=memory)
        mesh = mesh if built == mesh else built
        checker.run(fabric, mesh)
        times.append((timed() - started) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    report(f"mesh and check after one event, p50, {HOSTS} hosts", percentile(times, 0.5), "ms", "<= 20")
    report(f"CPU of mesh and check after one event, p50, {HOSTS} hosts", percentile(cpus, 0.5), "ms")


def broken(fabric: Fabric, number: int) -> Fabric:
    """Take a route off a host."""
    return routes(fabric, f"vm{number}", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])


if __name__ == "__main__":
    main()
