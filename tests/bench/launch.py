"""Launch to complete picture, with `ssh HOST ip -j route` on the same hosts as the yardstick."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.common import cpu_s, operator, report, timed

GOALS = {2: "<= 0.6", 64: "<= 5"}


def main(name: str) -> None:
    with operator(name) as (lab, live):
        size = len(lab.hosts)
        config = str(lab.directory / "inside_ssh_config")
        started, cpu = timed(), cpu_s()
        live.start()
        live.wait(lambda view: view.settled, 120)
        took = timed() - started
        view = live.view()
        complete = sum(host.readable for host in view.fabric.hosts.values())
        report(f"launch to complete picture, {complete} of {size} hosts", took, "s", GOALS.get(size, ""))
        report(f"operator CPU per host, {size} hosts", (cpu_s() - cpu) * 1000 / size, "ms", "<= 30")
        report(f"findings on a healthy lab of {size}", len(view.listed), "", "0")
        hosts = "\n".join(host.name for host in lab.hosts)
        started = timed()
        argv = ["xargs", "-P", "16", "-I{}", "ssh", "-F", config, "{}", "ip -j route"]
        subprocess.run(argv, input=hosts, text=True, stdout=subprocess.DEVNULL, check=True)
        yardstick = timed() - started
        report(f"yardstick: xargs -P 16 ssh HOST ip -j route, {size} hosts", yardstick, "s")
        report(f"launch / yardstick, {size} hosts", took / yardstick, "x")


if __name__ == "__main__":
    main(sys.argv[1])
