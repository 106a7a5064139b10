"""The pure parts on a fabric made by hand: mesh and checks of many hosts."""

from __future__ import annotations

from hostgw.checks.run import Checker
from hostgw.live.collecting import collect_seldom
from hostgw.mesh import Memory, build
from tests.bench.common import report, timed
from tests.fabrics import healthy, routes

HOSTS, CONTAINERS = 255, 254


def main() -> None:
    collect_seldom()
    fabric = healthy(HOSTS, CONTAINERS)
    started = timed()
    memory = Memory()
    mesh = build(fabric, memory=memory)
    checker = Checker()
    checker.run(fabric, mesh)
    what = f"full mesh and check, {HOSTS} hosts x {HOSTS} routes x {CONTAINERS} containers"
    report(what, timed() - started, "s", "<= 1")
    fabric = routes(fabric, "vm7", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    started = timed()
    built = build(fabric, memory=memory)
    checker.run(fabric, mesh if built == mesh else built)
    report(f"mesh and check after one event, {HOSTS} hosts", (timed() - started) * 1000, "ms", "<= 20")


if __name__ == "__main__":
    main()
