"""Reach this machine: the same command, run without SSH."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, cast

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState

_PATIENCE_S = 2.0


class LocalProcess:
    """A command of our own; it ends with its standard input, else by signal."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._in, self._out, self._err = (
            cast("IO[bytes]", pipe) for pipe in (process.stdin, process.stdout, process.stderr)
        )
        os.set_blocking(self._err.fileno(), False)
        os.set_blocking(self._in.fileno(), False)
        self._wake_read, self._wake_write = os.pipe()
        self._closed = False
        self._reading, self._writing = threading.Lock(), threading.Lock()

    def read(self, size: int, timeout: float) -> bytes:
        """Return what it wrote; see `transport.Process`."""
        with self._reading:
            if self._closed:
                return b""
            if not is_ready([self._out.fileno(), self._wake_read], [], timeout):
                raise TimeoutError("nothing came")
            return b"" if self._closed else os.read(self._out.fileno(), size)

    def read_stderr(self) -> bytes:
        """Return what is there."""
        with self._reading:
            try:
                return b"" if self._closed else os.read(self._err.fileno(), 1 << 16)
            except BlockingIOError:
                return b""

    def write(self, data: bytes) -> None:
        """Send all of it."""
        view = memoryview(data)
        with self._writing:
            while view:
                if self._closed:
                    raise OSError("closed")
                is_ready([self._wake_read], [self._in.fileno()], None)
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(self._in.fileno(), view) :]

    def exit_status(self, timeout: float) -> int | None:
        """Return how it ended."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def failure(self, said: Sequence[str]) -> HostError | None:
        """Return nothing: a command that runs has come all the way."""
        return None

    def close(self) -> None:
        """Close its input, wait for its end, else end it."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake_write, b"x")
        with self._writing:
            self._in.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.exit_status(_PATIENCE_S) is not None:
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
        with self._reading:
            for descriptor in (self._wake_read, self._wake_write):
                os.close(descriptor)
            self._out.close()
            self._err.close()


def is_ready(readers: list[int], writers: list[int], timeout: float | None) -> bool:
    """Wait until a descriptor is ready; tell whether one is. Not by select(), which stops at descriptor 1024."""
    poll = select.poll()
    for descriptor in readers:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writers:
        poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


class LocalTransport:
    """This machine."""

    def __init__(self) -> None:
        self._processes: list[LocalProcess] = []

    def open_process(self, command: str) -> LocalProcess:
        """Run `command` in sh."""
        environment = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                ["sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
            )
        except OSError as error:
            raise HostError(HostState.UNREACHABLE, "cannot run sh", clean(str(error)), "Install a shell.") from error
        self._processes.append(LocalProcess(process))
        return self._processes[-1]

    def close(self) -> None:
        """End what runs."""
        for process in self._processes:
            process.close()
