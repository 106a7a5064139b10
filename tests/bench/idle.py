"""What it costs when nothing happens: the dashboard in a terminal, and the agents."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time

from tests.bench.common import agents, cpu_s, report, rss_mb

SETTLE_S, MEASURE_S = 8.0, 10.0


def main(name: str) -> None:
    before = set(agents())
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.execv(sys.executable, [sys.executable, "-m", "hostgw_tui", "--lab", name])  # noqa: S606 - our own program, in the terminal
    try:
        drain(terminal, SETTLE_S)
        ours = [agent for agent in agents() if agent not in before]
        cpus = {process: cpu_s(process) for process in (pid, *ours)}
        started = time.monotonic()
        drain(terminal, MEASURE_S)
        took = time.monotonic() - started
        used = {process: (cpu_s(process) - then) / took * 100 for process, then in cpus.items()}
        report(f"idle dashboard, {len(ours)} hosts", used[pid], "% of a core", "<= 10 (255 hosts)")
        report(f"memory of the dashboard, {len(ours)} hosts", rss_mb(pid), "MB")
        report("idle agent, mean", sum(used[a] for a in ours) / max(len(ours), 1), "% of a core", "<= 0.2")
        report("memory of an agent, most", max((rss_mb(agent) for agent in ours), default=0.0), "MB", "<= 30")
    finally:
        os.kill(pid, signal.SIGTERM)
        drain(terminal, 2.0)
        os.waitpid(pid, 0)
        os.close(terminal)


def drain(terminal: int, seconds: float) -> None:
    """Read what the dashboard draws, so that it never waits for us."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                if not os.read(terminal, 1 << 16):
                    return
            except OSError:
                return


if __name__ == "__main__":
    main(sys.argv[1])
