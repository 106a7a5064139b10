"""`tests.lab.watching` as a process of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hostgw.lab import Lab


@contextmanager
def watched(lab: Lab, *expression: str) -> Iterator[subprocess.Popen[str]]:
    """Capture at every tap of a lab; all of them are open."""
    argv = [sys.executable, "-m", "tests.lab.watching", lab.name, *expression]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().strip() == "ready"
            yield process
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(60)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what became of all packets so far."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return dict(json.loads(process.stdout.readline()))
