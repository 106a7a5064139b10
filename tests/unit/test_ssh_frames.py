"""Frames, proper and hostile."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from hostgw.errors import ProtocolError
from hostgw.ssh.frames import FrameReader
from hostgw.wire import CAPTURE, CAPTURE_HEAD, JSON, MAX_FRAME, RECORD, ZLIB, Captured, Delta, Failure, Pong, Resync

from .ssh_fakes import FakeProcess


def frame(body: bytes, kind: int = JSON) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def said(**fields: object) -> bytes:
    return json.dumps(fields).encode()


PONG = frame(said(type="pong", id=1, now_ns=2))


def reader(*chunks: bytes | None, early: bytes = b"") -> FrameReader:
    return FrameReader(FakeProcess(chunks), "vm1", early)


def test_frames_in_every_cut() -> None:
    stream = PONG + frame(zlib.compress(said(type="failure", id=3, detail="x")), ZLIB) + PONG
    for cut in range(len(stream)):
        read = reader(stream[cut:], early=stream[:cut])
        assert [read.next(1), read.next(1), read.next(1), read.next(1)] == [
            Pong(1, 2),
            Failure(3, "x"),
            Pong(1, 2),
            None,
        ]


def test_byte_by_byte_with_silences() -> None:
    chunks: list[bytes | None] = [None]
    for byte in PONG:
        chunks += [bytes([byte]), None]
    read = reader(*chunks)
    for _ in range(len(PONG)):
        with pytest.raises(TimeoutError):
            read.next(1)
    assert read.next(1) == Pong(1, 2)


def test_captured_frames() -> None:
    body = CAPTURE_HEAD.pack(7, 1) + RECORD.pack(5, 60, 3, 1) + b"abc"
    assert reader(frame(body, CAPTURE)).next(1) == [Captured(7, 5, 60, True, b"abc")]


def test_many_small_frames_are_quick() -> None:
    read = reader(PONG * 50_000)
    assert sum(read.next(1) is not None for _ in range(50_000)) == 50_000


@pytest.mark.parametrize("length", [0, MAX_FRAME + 1, 1 << 31, 0xFFFFFFFF])
def test_impossible_lengths(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"impossible frame length: {length}"):
        reader(struct.pack(">IB", length, 0) + b"x" * 100).next(1)


def test_ten_gib_of_length() -> None:
    with pytest.raises(ProtocolError):
        reader(struct.pack(">Q", 10 << 30)).next(1)


HOSTILE = {
    "cut": PONG[:-1],
    "only a header": PONG[:3],
    "no json": frame(b"{"),
    "empty": frame(b""),
    "unknown kind": frame(b"{}", 9),
    "unknown type": frame(said(type="boo")),
    "a request": frame(said(type="ping", id=1)),
    "wrong types": frame(said(type="pong", id="1", now_ns=[])),
    "nothing": frame(b"null"),
    "deep": frame(b"[" * 100_000),
    "huge number": frame(b'{"type":"pong","id":1,"now_ns":' + b"9" * 1_000_000 + b"}"),
    "not a number": frame(b'{"type":"pong","id":NaN,"now_ns":1}'),
    "bad utf-8": frame(b'{"type":"resync","reason":"\xff\xfe"}'),
    "bomb": frame(zlib.compress(b"x" * (65 << 20)), ZLIB),
    "cut zlib": frame(zlib.compress(said(type="pong", id=1, now_ns=2))[:-3], ZLIB),
    "no zlib": frame(b"abc", ZLIB),
    "short capture": frame(b"\0", CAPTURE),
    "capture lies": frame(CAPTURE_HEAD.pack(1, 1) + RECORD.pack(1, 1, 1 << 31, 0), CAPTURE),
    "capture counts": frame(CAPTURE_HEAD.pack(1, 1 << 31), CAPTURE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frames(name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        reader(HOSTILE[name]).next(1)
    assert caught.value.host == "vm1"
    assert len(str(caught.value)) < 400


def test_text_passes_the_gate() -> None:
    evil = "\x1b]52;c;x\x07\u202e" + "A" * 5000
    first = reader(frame(said(type="resync", reason=evil))).next(1)
    assert isinstance(first, Resync)
    assert first.reason.isprintable()
    assert len(first.reason) <= 512
    delta = reader(frame(said(type="delta", section="sysctls", ns=0, put=[], gone=[["a\x1b", 3]]))).next(1)
    assert isinstance(delta, Delta)
    assert delta.gone == (("a\\x1b", 3),)
