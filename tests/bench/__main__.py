"""Run every benchmark, print a table, write bench-results.json."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from hostgw import lab as labs

RESULTS = Path("bench-results.json")
SIZES = (2, 16, 64)
ENOUGH = 15
"""Hosts that the benchmark of fixing needs."""
ALONE = ("pure", "correlating", "dissecting", "dashboard")
"""Benchmarks that need no lab."""
Row = dict[str, str | float]


def measure(module: str, lab: str) -> list[Row]:
    """Run one benchmark in a process of its own: it enters the lab's operator namespace."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", lab], stdout=subprocess.PIPE, text=True, check=True, timeout=600
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def bench(sizes: tuple[int, ...]) -> list[Row]:
    """Return all figures."""
    rows: list[Row] = []
    for size in sizes:
        name = f"b{os.getpid()}x{size}"
        started = time.monotonic()
        labs.up(name, hosts=size, containers=2)
        try:
            rows.append({"what": f"lab up, {size} hosts", "value": time.monotonic() - started, "unit": "s"})
            rows += measure("launch", name)
            rows += measure("capturing", name) if size == sizes[0] else []
            if size == sizes[min(1, len(sizes) - 1)]:
                rows += measure("events", name)
                rows += measure("idle", name)
                rows += measure("fixing", name) if size > ENOUGH else []
        finally:
            labs.down(name)
    return rows + [row for each in ALONE for row in measure(each, "-")]


def table(rows: list[Row]) -> str:
    """Return the figures as lines for people."""
    lines = []
    for row in rows:
        goal = f"   goal {row['goal']}" if "goal" in row else ""
        lines.append(f"{row['what']:<62} {float(row['value']):>12.3f} {row['unit']}{goal}")
    return "\n".join(lines)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser("tests.bench")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="hosts in the labs (2,16,64)")
    sizes = tuple(int(size) for size in parser.parse_args().sizes.split(","))
    rows = bench(sizes)
    sys.stdout.write(table(rows) + "\n")
    RESULTS.write_text(json.dumps({"when": time.time(), "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
