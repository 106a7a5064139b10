"""ifupdown: a script that runs whenever an interface comes up.

Not a stanza below interfaces.d: that is read only where /etc/network/interfaces says so, and a second stanza for the
NIC is an error in older versions. Scripts in if-up.d run in all of them (interfaces(5)); the name has no dot, for
run-parts(8) passes over such names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostgw.plans.persist.model import MARK, NAME, Draft, Files, Wanted
from hostgw.plans.persist.scripts import commands

MANAGER = "ifupdown"
INTERFACES, MORE, SCRIPTS = "/etc/network/interfaces", "/etc/network/interfaces.d/", "/etc/network/if-up.d/"
OURS = f"{SCRIPTS}{NAME}"
EXECUTABLE = 0o755


def configures(device: str, files: Files) -> bool:
    """Tell whether there is a stanza for a device."""
    texts = [files.text(INTERFACES) or "", *(file.text or "" for file in files.under(MORE))]
    return any(re.search(rf"^\s*iface\s+{re.escape(device)}\s", text, re.MULTILINE) for text in texts)


def drafts(wanted: Wanted, files: Files) -> Iterator[Draft]:
    """Yield the script."""
    text = script(wanted) if wanted.anything or wanted.rules else None
    if change := files.change(OURS, text, EXECUTABLE):
        mends = ("routes-not-persistent",) if wanted.ways else ()
        yield Draft(change, f"ifupdown runs it when {wanted.nic.name} comes up", mends)


def script(wanted: Wanted) -> str:
    """Return the script; that one of its commands fails must not keep the interface down."""
    head = f"# {MARK}: what this host's containers and those of others need, when {wanted.nic.name} comes up."
    only = f'[ "$IFACE" = "{wanted.nic.name}" ] || exit 0'
    return "\n".join(["#!/bin/sh", head, only, *commands(wanted), "exit 0", ""])
