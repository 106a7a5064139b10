"""Hostile text in every field that a host can choose, on every screen of the real program in a real terminal."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from hostgw.model.host_state import HostState
from hostgw.recording.lines import Told
from hostgw.recording.tape import Tape
from hostgw.wire import Ready, Row, Section, Synced
from tests.fabrics import delta, healthy
from tests.lab.terminal import Terminal, running

NASTY = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e[red]x[/red]\x1b]52;c;UFdORUQ=\x07\r\n\u200b"
"""Sets the title, wipes the screen, colours, turns text round, is markup, writes the clipboard, breaks the line."""
VALIDATED = {
    "address",
    "dst",
    "gateway",
    "src",
    "via",
    "peer",
    "broadcast",
    "type",
    "state",
    "kind",
    "scope",
    "protocol",
    "backend",
}
"""Fields that are refused, or read as words, where they hold anything else."""
FORBIDDEN = re.compile(
    rb"\x1b\]0;[^\x1b\x07]*PWNED|\x1b\]52;[^\x1b\x07]*UFdORUQ=|\xc2\x9b|\xe2\x80\xae|\xe2\x80\x8b|\x1b\[2J\xc2",
    re.DOTALL,
)
SCREENS = "123456"
MOMENT_S = 0.4


def nasty(row: Row) -> Row:
    """Return a row whose free texts end in what nobody wants in his terminal."""
    fields: dict[str, Any] = {
        name: f"{value}{NASTY}"
        for name in row.__struct_fields__
        if isinstance(value := getattr(row, name), str) and name not in VALIDATED
    }
    return structs.replace(row, **fields)


def recorded(path: Path) -> None:
    """Record three hosts whose rows, facts and errors are hostile."""
    tape = Tape(path, Told("10.239.0.0/16"))
    for host in healthy(3).hosts.values():
        assert host.snapshot
        facts = structs.replace(host.snapshot.facts, hostname=NASTY, kernel=NASTY, python=NASTY, missing=(NASTY,) * 3)
        name = f"{host.name}{NASTY if host.name == 'vm3' else ''}"
        tape.state(name, HostState.UP)
        tape.message(name, Ready(facts))
        for ns, state in host.snapshot.states.items():
            for section, table in state.tables.items():
                rows = table.values() if section is Section.SYSCTLS else map(nasty, table.values())
                tape.message(name, delta(section, rows, ns))
        tape.message(name, Synced())
    tape.state("away", HostState.UNREACHABLE, NASTY)
    tape.said(NASTY)
    tape.close()


def press(terminal: Terminal, keys: str) -> None:
    """Press keys, and read what is painted for a moment: what comes later is read with the next."""
    os.write(terminal.fd, keys.encode())
    ends = time.monotonic() + MOMENT_S
    while time.monotonic() < ends:
        terminal._read()


@pytest.mark.parametrize("masked", [False, True])
def test_nothing_but_clean_text_reaches_the_terminal(masked: bool, tmp_path: Path) -> None:
    recorded(tmp_path / "tape")
    with running("--replay", str(tmp_path / "tape")) as terminal:
        assert terminal.read_until(b"vm1")
        if masked:
            press(terminal, ":mask")
            press(terminal, "\x1b[B\r")
        for key in SCREENS:
            press(terminal, key)
            press(terminal, "\r")  # details of what the cursor is on
            press(terminal, "\x1b")
        for key in ("1", "E", "\x1b", "@", "\x1b", "i", "\x1b", "n", "f", "\x1b", "t", "\x1b", "?", "\x1b"):
            press(terminal, key)
        press(terminal, "q")
        assert terminal.exit_code() == 0
    found = FORBIDDEN.search(terminal.output)
    assert found is None, terminal.output[max(0, found.start() - 200) : found.end() + 20]
    assert b"PWNED" in terminal.output or masked  # it was there to be seen, as text
    assert b"Traceback" not in terminal.output
