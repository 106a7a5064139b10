"""`hostgw-tui doctor`: look at this machine and the hosts, and say what is missing."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.report.doctor import Machine, doctor_code, doctor_report, doctor_text
from hostgw_tui.commands.output import write
from hostgw_tui.config.load import NAME, directory, read
from hostgw_tui.options import running

PATIENCE_S = 10.0
TOOLS = {"ssh": ("ssh", "-V"), "tshark": ("tshark", "--version")}
KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
_VERSION = re.compile(r"\d+\.\d+[\w.]*")


def run(args: argparse.Namespace) -> int:
    """Look, and tell; without hosts, of this machine alone."""
    fabric = _hosts(args)
    report = doctor_report(_machine(), fabric)
    write(report, doctor_text(report), args.json)
    return doctor_code(report, fabric.hosts.values() if fabric else ())


def _hosts(args: argparse.Namespace) -> Fabric | None:
    if not (args.hosts or args.inventory or args.lab or args.replay):
        return None
    with running(args) as live:
        return live.view().fabric


def _machine() -> Machine:
    ssh = Path.home() / ".ssh"
    path, trouble = directory() / NAME, {}
    try:
        read(path)
    except UsageError as error:
        trouble["settings"] = clean(f"{error.what}: {error.cause}", 300)
    return Machine(
        python=sys.version_info[:2],
        tools={name: _version(argv) for name, argv in TOOLS.items()},
        agent_keys=_agent_keys(),
        key_files=sum((ssh / name).is_file() for name in KEYS),
        known_hosts=(ssh / "known_hosts").is_file(),
        terminal=tuple(shutil.get_terminal_size()) if sys.stdout.isatty() else None,  # type: ignore[arg-type]
        term=clean(os.environ.get("TERM", ""), 40),
        utf8=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        settings=str(path) if path.is_file() else "",
        trouble=trouble,
    )


def _version(argv: tuple[str, ...]) -> str:
    """Return the version that a program tells of itself; empty when it is not there or says nothing."""
    said = _said(argv)
    found = _VERSION.search(said)
    return clean(found[0], 40) if found else clean(said.partition("\n")[0], 60)


def _agent_keys() -> int:
    if not os.environ.get("SSH_AUTH_SOCK"):
        return -1
    said = _said(("ssh-add", "-l"))
    return sum(line[:1].isdigit() for line in said.splitlines())


def _said(argv: tuple[str, ...]) -> str:
    """Return what a program of this machine prints; empty when it cannot be run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout or done.stderr
