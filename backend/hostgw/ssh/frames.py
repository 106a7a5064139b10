"""Read the agent's frames from a process: bounded, typed, clean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from hostgw.clean import clean
from hostgw.errors import ProtocolError
from hostgw.model.file import HostFile
from hostgw.model.kernel import Filter
from hostgw.ssh.transport import Process
from hostgw.wire import HEADER, MAX_FRAME, Captured, Delta, Reply, decode

_CHUNK = 1 << 18
_PREFIX = HEADER.size - 1
_TEXT = 512


class FrameReader:
    """Cuts a process's output into messages."""

    def __init__(self, process: Process, host: str = "", early: bytes = b"") -> None:
        self._process, self._host = process, host
        self._buffer = bytearray(early)
        self._at = 0

    def next(self, timeout: float) -> Reply | list[Captured] | None:
        """Return the next message; None at the end of the stream.

        Raises:
            TimeoutError: no byte came for `timeout` seconds; reading may go on.
            ProtocolError: a frame is too long, empty, malformed or cut.
            OSError: the connection broke.
        """
        frame = self._cut()
        while frame is None:
            data = self._process.read(_CHUNK, timeout)
            if not data:
                self._end()
                return None
            self._buffer += data
            frame = self._cut()
        kind, body = frame
        message = decode(kind, body, self._host)
        return message if isinstance(message, list) else gated(message)

    def _cut(self) -> tuple[int, bytes] | None:
        """Return kind and body of a frame that is here whole."""
        here = len(self._buffer) - self._at
        if here < _PREFIX:
            return None
        length = int.from_bytes(self._buffer[self._at : self._at + _PREFIX], "big")
        if not 1 <= length <= MAX_FRAME:
            raise ProtocolError("impossible frame length", str(length), self._host)
        if here < _PREFIX + length:
            return None
        start = self._at + HEADER.size
        self._at += _PREFIX + length
        frame = self._buffer[start - 1], bytes(memoryview(self._buffer)[start : self._at])
        self._compact()
        return frame

    def _compact(self) -> None:
        """Forget what was read, not at every small frame: that would copy the rest each time."""
        if self._at == len(self._buffer) or self._at > _CHUNK:
            del self._buffer[: self._at]
            self._at = 0

    def _end(self) -> None:
        if len(self._buffer) > self._at:
            raise ProtocolError("the stream ended inside a frame", "", self._host)


def gated(message: Reply) -> Reply:
    """Pass every text of a message through the gate. Rows of a delta stay raw: `wire.rows` cleans them.

    What files hold and rules stay as they are, byte for byte: they are compared or read line by line, and cleaned where
    they are shown.
    """
    if isinstance(message, Delta):
        return msgspec.structs.replace(message, gone=_clean(message.gone)) if message.gone else message
    return cast("Reply", _clean(message))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= _TEXT and value.isascii() and value.isprintable() else clean(value, _TEXT)
    if isinstance(value, (HostFile, Filter)):
        return msgspec.structs.replace(type(value)(*_fields(value)), text=value.text)
    if isinstance(value, tuple):
        return tuple(_clean(item) for item in value)
    if isinstance(value, msgspec.Struct):
        return type(value)(*_fields(value))
    return value


def _fields(value: msgspec.Struct) -> Iterator[Any]:
    return (_clean(getattr(value, field)) for field in value.__struct_fields__)
