"""Captures at every tap of a lab's hosts and tells what became of packets: `python -m tests.lab.watching LAB [BPF]`.

It enters the operator's namespace. It says `ready` when all taps are open and the kernels tell of what they drop; for
each line that it reads it prints one line of JSON about all packets so far, once the newest can be judged.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostgw.capture.describe import address, mac
from hostgw.capture.journeys import JourneyView, Sighting, Verdict
from hostgw.capture.tap_points import TapPoint, TapState
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
PATIENCE_S, MOST = 60.0, 20_000


def main(name: str, expression: str = "icmp or arp") -> None:
    lab = enter_operator(name)
    with tempfile.TemporaryDirectory() as state:
        options = Options(ssh_config=lab.directory / "inside_ssh_config")
        hosts = parse_hosts(",".join(host.name for host in lab.hosts))
        live = Live(hosts, Refuse(), options, journal=Journal(Path(state)))
        live.start()
        try:
            until(lambda: live.view().settled)
            points = tap_points(live.view())
            capture = live.captures.start(points, expression, settings=Settings(window_ns=WINDOW_NS))
            until(lambda: {tap.state for tap in capture.view(0).taps} == {TapState.OPEN})
            until(lambda: len(capture.blind) == len(hosts))
            tell("ready")
            for _ in sys.stdin:
                tell(json.dumps(report(live, capture)))
        finally:
            live.stop()


def report(live: Live, capture: Capture) -> dict[str, Any]:
    until(lambda: not any(capture.verdict(view) is Verdict.IN_FLIGHT for view in capture.view(MOST).journeys))
    settled = time.monotonic() + 1.0  # a kernel tells of drops four times a second
    until(lambda: time.monotonic() > settled)
    points = {tap.tap: tap.point for tap in capture.view(0).taps}
    drops = sum(tap.drops + tap.limited + tap.overflow for tap in capture.view(0).taps)
    rows = [row(live, capture, view, points) for view in capture.view(MOST).journeys]
    return {"blind": capture.blind, "drops": drops, "packets": rows}


def row(live: Live, capture: Capture, view: JourneyView, points: dict[int, TapPoint]) -> dict[str, Any]:
    verdict, frame = capture.verdict(view), view.first.frame
    lost = verdict in (Verdict.LOST, Verdict.UNANSWERED)
    return {
        "ethertype": frame.ethertype,
        "protocol": frame.protocol,
        "kind": frame.kind,
        "sequence": frame.sequence,
        "ports": [frame.source_port, frame.destination_port],
        "verdict": verdict.value,
        "last": points[view.last.tap].name,
        "reason": likely(live.view(), view, points, capture).reason if lost else "",
        "links": [view.number, view.request, view.reply, view.error],
        "ambiguous": view.ambiguous,
        "sightings": [seen(sighting, points[sighting.tap].name) for sighting in view.sightings],
    }


def seen(sighting: Sighting, name: str) -> list[Any]:
    """Return tap, direction, MACs, addresses, TTL, ports, ICMP id."""
    frame = sighting.frame
    ends = [address(end, frame.version) for end in (frame.source, frame.destination)]
    macs = [mac(frame.source_mac), mac(frame.destination_mac)]
    ports = [frame.source_port, frame.destination_port, frame.icmp_id]
    return [name, "out" if sighting.outbound else "in", *macs, *ends, frame.ttl, *ports]


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
    main(*sys.argv[1:])
