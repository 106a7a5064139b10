"""A process that lives in memory: what it prints is given beforehand, what it is told is kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from hostgw.errors import HostError


class FakeProcess:
    """Gives its chunks, then the end of the stream; None among them is a silence."""

    def __init__(self, chunks: Iterable[bytes | None], errors: bytes = b"", status: int | None = 0) -> None:
        self._chunks, self._errors, self._status = list(chunks), errors, status
        self.written = b""
        self.closed = False

    def read(self, size: int, timeout: float) -> bytes:
        chunk = self._chunks.pop(0) if self._chunks else b""
        if chunk is None:
            raise TimeoutError
        if len(chunk) > size:
            self._chunks.insert(0, chunk[size:])
        return chunk[:size]

    def read_stderr(self) -> bytes:
        errors, self._errors = self._errors, b""
        return errors

    def say(self, errors: bytes) -> None:
        """Print to standard error."""
        self._errors += errors

    def write(self, data: bytes) -> None:
        self.written += data

    def exit_status(self, timeout: float) -> int | None:
        return self._status

    def failure(self, said: Sequence[str]) -> HostError | None:
        return None

    def close(self) -> None:
        self.closed = True


class FakeTransport:
    """Runs nothing; TOKEN in what the process prints becomes the command's."""

    def __init__(self, process: FakeProcess) -> None:
        self.process = process
        self.command = ""

    def open_process(self, command: str) -> FakeProcess:
        self.command = command
        token = shlex.split(command)[5]
        chunks = self.process._chunks
        self.process._chunks = [c if c is None else c.replace(b"TOKEN", token.encode()) for c in chunks]
        return self.process

    def close(self) -> None:
        self.process.close()
