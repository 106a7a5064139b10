"""Messages as frames: bounded when they are read."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import msgspec

from hostgw.clean import clean, plain
from hostgw.errors import ProtocolError
from hostgw.wire.replies import Reply
from hostgw.wire.requests import Request

MAX_FRAME = 16 << 20
MAX_INFLATED = 64 << 20
HEADER = struct.Struct(">IB")
CAPTURE_HEAD = struct.Struct(">HI")
RECORD = struct.Struct("<qIIB")

JSON, ZLIB, CAPTURE = 0, 1, 2

_REPLY = msgspec.json.Decoder(Reply)
_ENCODER = msgspec.json.Encoder(enc_hook=plain)


class Captured(NamedTuple):
    """A frame as a tap saw it."""

    tap: int
    time_ns: int
    wire_length: int
    outbound: bool
    data: bytes


def encode(message: Request | Reply) -> bytes:
    """Return the frame of a message."""
    body = _ENCODER.encode(message)
    return HEADER.pack(len(body) + 1, JSON) + body


def decode(kind: int, body: bytes, host: str = "") -> Reply | list[Captured]:
    """Decode a frame's body.

    Raises:
        ProtocolError: it is malformed, too large, or of no known type.
    """
    try:
        if kind == CAPTURE:
            return captured(body)
        return _REPLY.decode(inflate(body) if kind == ZLIB else body) if kind in (JSON, ZLIB) else _unknown(kind)
    except (msgspec.MsgspecError, struct.error, zlib.error, ValueError, RecursionError) as error:
        raise ProtocolError("malformed message", clean(str(error), 120), host) from error


def _unknown(kind: int) -> Reply:
    raise ValueError(f"frame kind {kind}")


def inflate(body: bytes) -> bytes:
    """Decompress at most MAX_INFLATED bytes.

    Raises:
        ValueError: it would be larger, or ends early.
    """
    inflater = zlib.decompressobj()
    data = inflater.decompress(body, MAX_INFLATED)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("compressed message too large or cut")
    return data


def captured(body: bytes) -> list[Captured]:
    """Return the frames of a capture message.

    Raises:
        ValueError, struct.error: lengths do not add up.
    """
    tap, count = CAPTURE_HEAD.unpack_from(body)
    offset, found, new, unpack, size = CAPTURE_HEAD.size, [], tuple.__new__, RECORD.unpack_from, RECORD.size
    for _ in range(count):  # for every frame of every tap: no call of Python in here
        time_ns, wire, length, outbound = unpack(body, offset)
        offset += size
        data = body[offset : offset + length]
        if len(data) != length:
            raise ValueError("captured frame is cut")
        offset += length
        found.append(new(Captured, (tap, time_ns, wire, outbound != 0, data)))
    return found
