"""A snapshot file: one JSON line per record, so that a recording is the same file with more lines.

The first line is a `Header`; then, per host, a `HostLine` and the deltas that rebuild its state from nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from hostgw import __version__
from hostgw.clean import clean, plain
from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host, Snapshot
from hostgw.model.host import Facts, HostState
from hostgw.wire import Delta

FORMAT = 1
MAX_LINE = 64 << 20


class Header(msgspec.Struct, frozen=True, tag_field="record", tag="header"):
    """First line of the file."""

    format: int
    version: str
    time_ns: int


class HostLine(msgspec.Struct, frozen=True, tag_field="record", tag="host"):
    """A host's reachability at a moment (nanoseconds of the operator's clock)."""

    time_ns: int
    host: str
    state: HostState
    error: str = ""
    address: str = ""
    facts: Facts | None = None


class DeltaLine(msgspec.Struct, frozen=True, tag_field="record", tag="delta"):
    """A delta as it came from a host's agent."""

    time_ns: int
    host: str
    delta: Delta


Line = Header | HostLine | DeltaLine
_DECODER = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder(enc_hook=plain)


def lines(fabric: Fabric, now_ns: int) -> Iterator[Line]:
    """Yield the records of one moment."""
    yield Header(FORMAT, __version__, now_ns)
    for host in fabric.hosts.values():
        facts = host.snapshot.facts if host.snapshot else None
        yield HostLine(now_ns, host.name, host.state, host.error, host.address, facts)
        for ns, state in host.snapshot.states.items() if host.snapshot else ():
            for section, table in state.tables.items():
                put = msgspec.Raw(_ENCODER.encode(list(table.values())))
                yield DeltaLine(now_ns, host.name, Delta(section, ns, put, (), True))


def write_snapshot(fabric: Fabric, path: Path) -> None:
    """Write the state of all hosts to `path`, replacing it as a whole; mode 0600, it names addresses and rules.

    Raises:
        UsageError: the file cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(_ENCODER.encode(line) + b"\n" for line in lines(fabric, time.time_ns()))
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise UsageError(f"{path} cannot be written", error.strerror or "") from error


def read_snapshot(path: Path) -> Fabric:
    """Return the fabric that a file describes, as at its last line.

    Raises:
        UsageError: it cannot be read or is no such file.
    """
    fabric, number = Fabric(), 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
                fabric = _with_line(fabric, _DECODER.decode(raw), number)
        if not number:
            raise ValueError("it is empty")
    except OSError as error:
        raise UsageError(f"{path} cannot be read", error.strerror or "") from error
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        raise UsageError(f"{path} is no snapshot of hostgw-tui", clean(str(error))) from error
    return fabric


def _with_line(fabric: Fabric, line: Line, number: int) -> Fabric:
    if isinstance(line, Header) != (number == 1):
        raise ValueError(f"line {number}: the header is the first line, and only that")
    if isinstance(line, Header):
        if line.format != FORMAT:
            raise ValueError(f"line {number}: format {line.format}, this version reads {FORMAT}")
        return fabric
    if isinstance(line, HostLine):
        snapshot = Snapshot(line.facts, complete=True) if line.facts else None
        return fabric.with_host(Host(line.host, line.state, line.error, snapshot, address=line.address))
    host = fabric.hosts[line.host]
    if host.snapshot is None:
        raise ValueError(f"line {number}: state of a host that has given none")
    snapshot = host.snapshot.with_delta(line.delta, host.name)
    return fabric.with_host(replace(host, snapshot=snapshot))
