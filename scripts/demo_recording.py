"""Make the recording that `hostgw-tui --demo` shows, from a lab: a network that breaks twice and is mended."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from hostgw import lab as labs
from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.live.points import default_points
from hostgw.plans.journal import Journal
from hostgw.plans.model import Result
from hostgw.recording import lines
from hostgw.recording.lines import HostLine, Line, ReadyLine, Told
from hostgw.recording.tape import Tape
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import KnownOnly, Terminal

NAME = "demotape"
TARGET = Path(__file__).resolve().parent.parent / "tui" / "hostgw_tui" / "demo.jsonl.gz"
SECONDS = 30
KERNEL = "6.1.0-26-amd64"
PAUSE_S = 5.0
"""For whoever reads the screen."""


def ping(lab: Lab, source: str, target: str, count: int = 3) -> None:
    """Send echo requests from a container c1; they may be lost."""
    argv = [*lab.entry(source, "c1"), "ping", f"-c{count}", "-i0.3", "-W0.5", target]
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL)


def traffic(lab: Lab) -> None:
    """Send to a container of the same host, to those of others, and to the outside."""
    ping(lab, "vm1", "10.239.0.3", 1)
    ping(lab, "vm1", "10.239.1.2")
    ping(lab, "vm3", "10.239.1.2")
    ping(lab, "vm2", "192.0.2.9", 2)
    time.sleep(PAUSE_S)


def until(live: Live, code: str, there: bool = True) -> None:
    """Wait until a finding is there, or gone."""
    view = live.wait(lambda view: view.settled and any(f.code == code for f in view.listed) == there, SECONDS)
    if any(f.code == code for f in view.listed) != there:
        raise SystemExit(f"{code} never {'came' if there else 'went'}")


def tell(live: Live, lab: Lab) -> None:
    """Let happen what the recording shows."""
    traffic(lab)
    labs.break_(NAME, "R1")
    until(live, "route-missing")
    traffic(lab)
    labs.break_(NAME, "N1")
    until(live, "masquerade-between-containers")
    traffic(lab)
    outcome = live.apply(live.plan(live.view().listed)).result(SECONDS)
    if outcome.result is not Result.VERIFIED:
        raise SystemExit(f"the fix did not verify: {outcome.detail}")
    until(live, "route-missing", there=False)
    traffic(lab)


@contextmanager
def recorder(lab: Lab, path: Path) -> Iterator[Live]:
    """Yield an engine that records while hosts count and a capture runs."""
    enter_operator(NAME)
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    targets = parse_hosts(",".join(host.name for host in lab.hosts))
    tape = Tape(path, Told())
    live = Live(targets, KnownOnly(Terminal()), options, journal=Journal(path.parent), tape=tape)
    live.start()
    try:
        live.wait(lambda view: view.settled, SECONDS)
        live.look(True)
        time.sleep(3)
        live.captures.start(default_points(live.view()), "icmp or arp")
        yield live
        live.captures.stop()
    finally:
        live.stop()


def at_home(line: Line) -> Line:
    """Return a line without what it has of the machine on which the lab runs."""
    if isinstance(line, (ReadyLine, HostLine)) and line.facts:
        own = f"demo-{line.host}"
        facts = structs.replace(line.facts, kernel=KERNEL, machine=own, machine_id=own, agent_pid=4242)
        return structs.replace(line, facts=facts)
    return line


def main() -> None:
    """Make the file anew."""
    lab = labs.up(NAME, hosts=3, containers=2, external=True)
    try:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "tape"
            with recorder(lab, path) as live:
                tell(live, lab)
            kept = b"".join(lines.encode(at_home(lines.decode(raw))) for raw in path.read_bytes().splitlines())
    finally:
        labs.down(NAME)
    TARGET.write_bytes(gzip.compress(kept, 9, mtime=0))
    sys.stderr.write(f"{TARGET.name}: {len(kept):,} bytes, packed {TARGET.stat().st_size:,}\n")


if __name__ == "__main__":
    main()
