"""Frames to and from the operator: 4-byte length, kind byte, body. Writing never blocks the loop."""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections import deque
from typing import Any, Deque, Dict, List

HEADER = struct.Struct(">IB")
JSON, ZLIB, CAPTURE = 0, 1, 2
COMPRESS_ABOVE = 4096
MAX_REQUEST = 4 << 20
MAX_QUEUED = 64 << 20
MAX_CAPTURE_QUEUED = 8 << 20
"""Captured frames give way to state: beyond this they are dropped, and counted."""


BEHIND = 1 << 20


class Gone(Exception):  # noqa: N818 - nothing went wrong
    """The operator is no longer there, or does not speak our language."""


class Output:
    """Queued frames for the operator."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.dropped = 0
        self._stalled_since = 0.0
        self._queue: Deque[bytes] = deque()
        self._size = 0

    @property
    def waiting(self) -> bool:
        """There is something to write."""
        return bool(self._queue)

    @property
    def behind(self) -> bool:
        """The operator reads slower than we write: news can wait, and will be fewer for it."""
        return self._size > BEHIND

    @property
    def stalled_s(self) -> float:
        """For how long the operator has taken nothing of what waits."""
        return time.monotonic() - self._stalled_since if self._stalled_since else 0.0

    def message(self, message: Dict[str, Any]) -> None:
        """Queue a message."""
        body = encoded(message)
        kind = JSON
        if len(body) > COMPRESS_ABOVE:
            kind, body = ZLIB, zlib.compress(body, 1)
        self.frame(kind, body)

    def frame(self, kind: int, body: bytes) -> None:
        """Queue a frame and write what the pipe takes.

        Raises:
            Gone: the operator does not read, and memory is not for ever.
        """
        if kind == CAPTURE and self._size > MAX_CAPTURE_QUEUED:
            self.dropped += 1
            return
        if self._size > MAX_QUEUED:
            raise Gone("the operator does not read")
        data = HEADER.pack(len(body) + 1, kind) + body
        self._queue.append(data)
        self._size += len(data)
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes."""
        while self._queue:
            try:
                written = os.write(self.fd, self._queue[0])
            except BlockingIOError:
                self._stalled_since = self._stalled_since or time.monotonic()
                return
            except OSError as error:
                raise Gone(str(error)) from error
            self._stalled_since = 0.0
            self._size -= written
            rest = self._queue.popleft()[written:]
            if rest:
                self._queue.appendleft(rest)


def encoded(message: Dict[str, Any]) -> bytes:
    """Return JSON that any reader takes, whatever bytes are in the names of this machine."""
    body = json.dumps(message, separators=(",", ":"), default=_shown)
    if "\\ud" in body:  # perhaps half a character: a name that is no UTF-8, as Python decodes it
        body = json.dumps(_whole(message), separators=(",", ":"), default=_shown)
    return body.encode()


def _shown(value: Any) -> str:
    return bytes(value).decode("utf-8", "backslashreplace")


def _mended(text: str) -> str:
    try:
        return _shown(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # half of a character from some JSON
        return text.encode("utf-8", "backslashreplace").decode()


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _mended(value)
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, (list, tuple)) else value


class Input:
    """Requests from the operator."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._buffer = bytearray()

    def read(self) -> List[Dict[str, Any]]:
        """Return the requests that are complete.

        Raises:
            Gone: end of input, or something that is no request.
        """
        try:
            data = os.read(self.fd, 1 << 18)
        except BlockingIOError:
            return []
        if not data:
            raise Gone("end of input")
        self._buffer += data
        return self._complete()

    def _complete(self) -> List[Dict[str, Any]]:
        found = []
        while len(self._buffer) >= HEADER.size:
            length, kind = HEADER.unpack_from(self._buffer)
            if not 1 <= length <= MAX_REQUEST or kind != JSON:
                raise Gone(f"no request: length {length}, kind {kind}")
            end = 4 + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            try:
                request = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise Gone(f"no request: {error}") from error
            if not isinstance(request, dict) or not isinstance(request.get("type"), str):
                raise Gone("no request: it has no type")
            found.append(request)
        return found
