"""A unit of systemd that runs once at boot, where no program of the host configures what is needed.

It is wanted by a drop-in of multi-user.target rather than by a link in multi-user.target.wants: a drop-in is a plain
file, which can be compared and put back like any other (systemd.unit(5)).
"""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.plans.persist.model import MARK, NAME, Draft, Files, Wanted
from hostgw.plans.persist.scripts import commands

UNIT = f"/etc/systemd/system/{NAME}.service"
WANTED = f"/etc/systemd/system/multi-user.target.d/90-{NAME}.conf"


def drafts(wanted: Wanted, files: Files) -> Iterator[Draft]:
    """Yield the unit and what starts it; nothing, or their end, where nothing is wanted of them."""
    needed = wanted.anything or bool(wanted.rules)
    if change := files.change(UNIT, unit_text(wanted) if needed else None):
        mends = ("routes-not-persistent",) if wanted.ways else ()
        yield Draft(change, "a unit of systemd sets it at boot" if needed else "the unit is not needed any more", mends)
    if change := files.change(WANTED, wanted_text() if needed else None):
        yield Draft(change, "multi-user.target starts the unit" if needed else "and nothing starts it")


def unit_text(wanted: Wanted) -> str:
    """Return the unit; a command that fails does not keep the others from being run."""
    lines = (f"ExecStart=-/bin/sh -c {_quoted(line)}" for line in commands(wanted))
    return "\n".join(
        [
            f"# {MARK}: what this host's containers and those of others need.",
            *("[Unit]", "Description=Host-gw network of containers", "Wants=network-online.target"),
            *("After=network-online.target", ""),
            *("[Service]", "Type=oneshot", "RemainAfterExit=yes", *lines, ""),
        ]
    )


def _quoted(line: str) -> str:
    """Return a word as systemd.service(5) takes it: ``%`` and ``$`` stand for themselves when doubled."""
    text = line.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'


def wanted_text() -> str:
    """Return the drop-in that starts the unit at boot."""
    return f"# {MARK}: starts {NAME}.service at boot.\n[Unit]\nWants={NAME}.service\n"
