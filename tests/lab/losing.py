"""Captures at every tap of a lab's hosts and tells what became of each echo: `python -m tests.lab.losing LAB`.

It enters the operator's namespace. It says `ready` when all taps are open and the kernels tell of what they drop; for
each line that it reads it prints one line of JSON about all echoes so far, once the newest is old enough to be judged.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostgw.capture.frames import ECHO_REPLIES, ECHO_REQUESTS, ICMP
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.tap_points import TapState
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from hostgw.inventory.targets import parse_hosts
from hostgw.lab import enter_operator
from hostgw.live import Live
from hostgw.live.points import tap_points
from hostgw.live.reasons import likely
from hostgw.plans.journal import Journal
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse

WINDOW_NS = 1_000_000_000
PATIENCE_S = 60.0


def main(name: str) -> None:
    lab = enter_operator(name)
    with tempfile.TemporaryDirectory() as state:
        options = Options(ssh_config=lab.directory / "inside_ssh_config")
        hosts = parse_hosts(",".join(host.name for host in lab.hosts))
        live = Live(hosts, Refuse(), options, journal=Journal(Path(state)))
        live.start()
        try:
            until(lambda: live.view().settled)
            points = tap_points(live.view())
            capture = live.captures.start(points, "icmp or arp", settings=Settings(window_ns=WINDOW_NS))
            until(lambda: {tap.state for tap in capture.view(0).taps} == {TapState.OPEN})
            until(lambda: len(capture.blind) == len(hosts))
            tell("ready")
            for _ in sys.stdin:
                tell(json.dumps(report(live, capture)))
        finally:
            live.stop()


def report(live: Live, capture: Capture) -> dict[str, Any]:
    until(lambda: not any(capture.verdict(view) is Verdict.IN_FLIGHT for view in echoes(capture)))
    settled = time.monotonic() + 1.0  # a kernel tells of drops four times a second
    until(lambda: time.monotonic() > settled)
    points = {tap.tap: tap.point for tap in capture.view(0).taps}
    rows = []
    for view in echoes(capture):
        verdict = capture.verdict(view)
        lost = verdict in (Verdict.LOST, Verdict.UNANSWERED)
        rows.append(
            {
                "request": view.first.frame.kind in ECHO_REQUESTS,
                "sequence": view.first.frame.sequence,
                "verdict": verdict.value,
                "last": points[view.last.tap].name,
                "reason": likely(live.view(), view, points, capture).reason if lost else "",
                "error": bool(view.error),
            }
        )
    return {"blind": capture.blind, "echoes": rows}


def echoes(capture: Capture) -> Iterator[JourneyView]:
    for view in capture.view(5000).journeys:
        frame = view.first.frame
        if frame.protocol == ICMP and frame.kind in ECHO_REQUESTS + ECHO_REPLIES:
            yield view


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError("it did not come true")
        time.sleep(0.02)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
