"""A route changes in a host's kernel: how long until the finding is there, or gone, in memory."""

from __future__ import annotations

import sys

from pyroute2 import NetNS

from hostgw.live import Live
from tests.bench.common import operator, percentile, report, timed

CHANGES = 100
FINDING = "route-missing/vm1/10.239.1.0/24"
ROUTE = {"dst": "10.239.1.0/24", "gateway": "10.5.7.61", "proto": 4}


def main(name: str) -> None:
    with operator(name) as (lab, live):
        live.start()
        live.wait(lambda view: view.settled, 120)
        path = lab.netns("vm1")
        kernel = NetNS(str(path))
        try:
            times = [
                seconds for _ in range(CHANGES) for seconds in (once(live, kernel, True), once(live, kernel, False))
            ]
        finally:
            kernel.close()
        size = len(lab.hosts)
        report(f"change to finding in memory, p50, {size} hosts", percentile(times, 0.5) * 1000, "ms")
        report(f"change to finding in memory, p95, {size} hosts", percentile(times, 0.95) * 1000, "ms", "<= 20")


def once(live: Live, kernel: NetNS, broken: bool) -> float:
    started = timed()
    kernel.route("del" if broken else "add", **ROUTE)
    view = live.wait(lambda view: any(f.id == FINDING for f in view.findings) == broken, 30)
    if any(f.id == FINDING for f in view.findings) != broken:
        raise RuntimeError(f"the finding did not {'come' if broken else 'go'} within 30 s")
    return timed() - started


if __name__ == "__main__":
    main(sys.argv[1])
