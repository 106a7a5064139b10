"""The program on a terminal of its own, as a person runs it."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress


class Terminal:
    """The program in a pseudo terminal."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environment})
            os.execv(sys.executable, [sys.executable, "-m", "hostgw_tui", *arguments])  # noqa: S606

    def read_until(self, words: bytes, seconds: float = 30) -> bool:
        end = time.monotonic() + seconds
        while words not in self.output and time.monotonic() < end:
            if not self._read():
                break
        return words in self.output

    def _read(self) -> bool:
        """Read what is there, or wait a moment; tell whether there can be more."""
        if select.select([self.fd], [], [], 0.1)[0]:
            try:
                self.output += os.read(self.fd, 1 << 16)
            except OSError:
                return False
        return True

    def converse(self, answers: Mapping[bytes, bytes], seconds: float = 60) -> int:
        """Answer every question, as often as it is asked, until the program ends; return its exit code."""
        end, answered = time.monotonic() + seconds, Counter[bytes]()
        while time.monotonic() < end and self._read():
            for question, answer in answers.items():
                if self.output.count(question) > answered[question]:
                    os.write(self.fd, answer + b"\n")
                    answered[question] += 1
        return self.exit_code()

    def exit_code(self) -> int:
        """Drain what is left and return the exit code, negative for a signal."""
        self.read_until(b"\0never\0", 15)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Terminal]:
    """Run the program, and end it when the block is left."""
    terminal = Terminal(*arguments, **environment)
    try:
        yield terminal
    finally:
        if terminal.pid:
            with suppress(ProcessLookupError):
                os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        os.close(terminal.fd)
