"""Predictions beside what really happens, on a lab: run as `python -m tests.lab.wayfarer LAB SRC:DST ...`.

Prints one JSON line for each pair: what was predicted, what was seen. It enters the lab's operator namespace.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.live.tracing import Tracing, trace
from hostgw.model.path import Leg, Outcome
from hostgw.paths.predict import find_end
from hostgw.plans.journal import Journal
from hostgw.report.trace import reason, trace_text
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse


def wayfared(lab: Lab, *pairs: str) -> list[dict[str, Any]]:
    """Have another process, which may enter namespaces, send a probe for each pair; return what it tells."""
    argv = [sys.executable, "-m", "tests.lab.wayfarer", lab.name, *pairs]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["pair"] for row in found] == list(pairs)
    return found


def told(found: Tracing) -> dict[str, Any]:
    each = found.probes[0] if found.probes else None
    return {
        "works": found.prediction.works,
        "outcome": found.prediction.forward.outcome.value,
        "reason": found.prediction.forward.reason,
        "back": found.prediction.back.outcome.value if found.prediction.back else "",
        "unsure": next((leg.reason for leg in _legs(found) if leg.outcome is Outcome.UNKNOWN), ""),
        "verdict": each.verdict.value if each else None,
        "predicted": each.predicted if each else found.never_left,
        "why": reason(found, each) if each else found.prediction.forward.reason,
        "clocks": _clocks(found),
        "text": "\n".join(trace_text(found, str)),
    }


def _legs(found: Tracing) -> list[Leg]:
    return [leg for leg in (found.prediction.forward, found.prediction.back) if leg]


def _clocks(found: Tracing) -> list[tuple[int, int, int]]:
    """Tell of each sighting how far its shown time is from the kernel's, beside the first one's; all share one clock.

    With it the error shown, and that of the SSH echoes.
    """
    capture, rows = found.capture, []
    for each in found.probes[:1]:
        views = [view for view in (each.request, each.reply) if view]
        kept = {s.serial: s for view in views if (as_told := capture.journey(view.number)) for s in as_told.sightings}
        kernel = {s.serial: capture._clocks._raw(s, found.points[s.tap].host) for s in kept.values()}
        start = each.request.first
        for seen in (s for view in views for s in view.sightings):
            apart = (seen.time_ns - kernel[seen.serial]) - (start.time_ns - kernel[start.serial])
            echoes = [capture._clocks._applied(found.points[s.tap].host, s.serial).error_ns for s in (start, seen)]
            home = found.points[seen.tap].host == found.points[start.tap].host
            rows.append((apart, each.timing.error_ns(seen.tap), 0 if home else sum(echoes)))
    return rows


def traced(live: Live, source: str, destination: str) -> dict[str, Any]:
    view = live.view()
    ends = (find_end(view.fabric, view.mesh, text) for text in (source, destination))
    return told(trace(live, *ends))


def main(name: str, pairs: list[str]) -> None:
    lab = enter_operator(name)
    hosts = ",".join(host.name for host in lab.hosts)
    with tempfile.TemporaryDirectory() as state:
        options = Options(ssh_config=lab.directory / "inside_ssh_config")
        live = Live(parse_hosts(hosts), Refuse(), options, journal=Journal(Path(state)))
        live.start()
        try:
            live.wait(lambda view: view.settled, 30)
            for pair in pairs:
                source, destination = pair.split(">")
                sys.stdout.write(json.dumps({"pair": pair, **traced(live, source, destination)}) + "\n")
        finally:
            live.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
