"""A snapshot file: a recording of one moment, which per host is a `HostLine` and the deltas that rebuild its state."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hostgw import __version__
from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.recording.lines import FORMAT, DeltaLine, Header, HostLine, Line, encode, encode_rows
from hostgw.recording.reader import read
from hostgw.wire import Delta


def lines(fabric: Fabric, now_ns: int) -> Iterator[Line]:
    """Yield the records of one moment."""
    yield Header(FORMAT, __version__, now_ns)
    for host in fabric.hosts.values():
        facts = host.snapshot.facts if host.snapshot else None
        yield HostLine(now_ns, host.name, host.state, host.error, host.address, facts)
        for ns, state in host.snapshot.states.items() if host.snapshot else ():
            for section, table in state.tables.items():
                put = encode_rows(list(table.values()))
                yield DeltaLine(now_ns, host.name, Delta(section, ns, put, (), True))


def write_snapshot(fabric: Fabric, path: Path) -> None:
    """Write the state of all hosts to `path`, replacing it as a whole; mode 0600, it names addresses and rules.

    Raises:
        UsageError: the file cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(encode(line) for line in lines(fabric, time.time_ns()))
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
    recording = read(path)
    fabric = recording.at(len(recording.moments) - 1).fabric
    if recording.damage:
        raise UsageError(f"{path} is no snapshot of hostgw-tui", recording.damage)
    return fabric
