"""What a session needs of a way to reach a host: run one command, and talk to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hostgw.errors import HostError


class Process(Protocol):
    """A command that runs on a host."""

    def read(self, size: int, timeout: float) -> bytes:
        """Return what it wrote, at most `size` bytes; nothing at the end of the stream.

        Raises:
            TimeoutError: nothing came within `timeout` seconds.
            OSError: the connection broke.
        """

    def read_stderr(self) -> bytes:
        """Return what it has written to its standard error since the last call, without waiting."""

    def write(self, data: bytes) -> None:
        """Send all of `data` to its standard input; waits as long as it must.

        Raises:
            OSError: the connection broke or was closed.
        """

    def exit_status(self, timeout: float) -> int | None:
        """Return how it ended; None when that is not known within `timeout` seconds."""

    def failure(self, said: Sequence[str]) -> HostError | None:
        """Return why the way to the host failed, from what was printed; None when that is not the matter."""

    def close(self) -> None:
        """Close its standard input and let it go; wakes whoever reads or writes."""


class Transport(Protocol):
    """A connection to a host."""

    def open_process(self, command: str) -> Process:
        """Run `command` in the login shell.

        Raises:
            HostError: the host refuses.
        """

    def close(self) -> None:
        """Close the connection and everything that runs over it."""
