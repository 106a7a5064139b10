"""The dashboard in a terminal that changes its size all the time, is slow, or is left for a while."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import struct
import termios
import time

import pytest

from tests.lab.terminal import Terminal, running

STORM = 200
SIZES = [(24, 80), (5, 20), (40, 120), (15, 60), (60, 200), (1, 1)]
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l")
"""The normal screen, the cursor; no mouse, no bracketed paste."""
SEQUENCES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def resize(terminal: Terminal, lines: int, columns: int) -> None:
    fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.kill(terminal.pid, signal.SIGWINCH)


def test_a_storm_of_sizes_ends_in_a_right_picture() -> None:
    chosen = random.Random(7)
    with running("--demo", COLUMNS="0", LINES="0") as terminal:  # else they would count, not the terminal's size
        resize(terminal, 24, 80)
        assert terminal.read_until(b"4/4 up")
        os.write(terminal.fd, b" ")  # time stands still: nothing else paints what a size leaves out
        for _ in range(STORM):
            resize(terminal, *chosen.choice(SIZES))
            terminal._read()
        terminal.output = b""
        resize(terminal, 40, 120)
        assert terminal.read_until(b"next finding")
        terminal.output = b""
        resize(terminal, 24, 80)
        assert terminal.read_until(b"1 Overview")
        assert terminal.read_until(b"details")
        os.write(terminal.fd, b"q")
        assert terminal.exit_code() == 0
    assert b"Traceback" not in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(number: signal.Signals) -> None:
    with running("--demo") as terminal:
        assert terminal.read_until(b"4/4 up")
        os.kill(terminal.pid, number)
        assert terminal.exit_code() == 128 + number
    for sequence in RESTORED:
        assert terminal.output.rfind(sequence) > terminal.output.rfind(b"\x1b[?1049h")


def test_a_terminal_that_reads_slowly_gets_the_newest_picture() -> None:
    """What is read a little at a time is no pile of old pictures: after a key, its answer is not far away."""
    with running("--demo", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as terminal:
        assert terminal.read_until(b"4/4 up")
        begun, piled = time.monotonic(), 0
        while time.monotonic() - begun < 3:  # a terminal that takes 4 KiB a second
            time.sleep(0.25)
            piled += len(os.read(terminal.fd, 1024))
        terminal.output = b""
        os.write(terminal.fd, b"3")
        assert terminal.read_until(b"routes of vm1")
        assert len(SEQUENCES.sub(b"", terminal.output)) < 200_000
        os.write(terminal.fd, b"q")
        assert terminal.exit_code() == 0
        assert piled
