"""Run the dashboard over a fake: ``python -m tests.tui.demo WHAT``.

WHAT: missing, faults, healthy, causes, connecting, broken or a number of hosts.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hostgw.fabric import Fabric
from hostgw_tui.app import HostgwApp
from tests.fabrics import healthy
from tests.tui.fake import CLOCK, FakeEngine, broken, connecting, counters, many_faults, one_missing, related, settled


def fabric(name: str) -> Fabric:
    made = {"missing": one_missing, "faults": many_faults, "connecting": connecting, "broken": broken}
    if name.isdigit():
        return one_missing(int(name))
    return made[name]() if name in made else settled(healthy(3))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        chosen = sys.argv[1] if len(sys.argv) > 1 else "missing"
        shown = counters(fabric(chosen), 1000) if chosen != "connecting" else connecting()
        engine = FakeEngine(shown, Path(directory), extra=related() if chosen == "causes" else ())
        app = HostgwApp(engine, clock=lambda: CLOCK, ascii="--ascii" in sys.argv)
        app.run()
        sys.exit(app.return_code or 0)
