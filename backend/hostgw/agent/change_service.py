"""A daemon, restarted: when a change is made, and again when it is taken back, after what it reads was put back."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Dict

from hostgw.agent import filters
from hostgw.agent.files import RUNS
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
SERVICES = ("docker",)
LONGEST_S = 40.0
"""The shadow waits for two of them: one that fails, and the one that puts back."""


def restart(watch: Watch, change: Row, _before: Any, _after: Any) -> None:
    """Restart the service, and wait until it says that it is there.

    Raises:
        ValueError: it is none that we restart, no systemd runs here, or it does not come up.
    """
    service = change["service"]
    if watch.ns != 0 or service not in SERVICES:
        raise ValueError(f"{service!r} is no service that is restarted here")
    program = filters.tool("systemctl")
    if program is None or not os.path.isdir(RUNS):
        raise ValueError(f"no systemd here that restarts {service}")
    try:
        done = subprocess.run(
            [program, "restart", service],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=LONGEST_S,
            env={"PATH": filters.PATH, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{service} did not come up within {LONGEST_S:.0f} s") from None
    if done.returncode != 0:
        complaint = done.stderr.decode("utf-8", "backslashreplace").strip()[:300]
        raise ValueError(f"{service} was not restarted: {complaint or done.returncode}")
