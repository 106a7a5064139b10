"""A host without a Python as a process that speaks like the agent: asks for a look, tells what is new since the last.

The session writes requests and reads messages as with any host. What only the agent can do is refused, in words.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from hostgw.agent.filters import without_counters
from hostgw.clean import clean, plain
from hostgw.errors import HostError, ProtocolError
from hostgw.model.host_state import HostState
from hostgw.plain.parts import Part, cut
from hostgw.plain.picture import Picture, Place, facts, picture
from hostgw.plain.script import ROUND, command, script
from hostgw.ssh.bootstrap import Started
from hostgw.ssh.stderr_tail import StderrTail
from hostgw.ssh.transport import Process, Transport
from hostgw.wire import (
    HEADER,
    Delta,
    Failure,
    Look,
    Ping,
    Pong,
    Ready,
    Refresh,
    Reply,
    Request,
    Row,
    Section,
    Start,
    Synced,
    Tap,
    TapClosed,
    encode,
    key,
)

EVERY_S: Final = 5.0
"""A look makes the host start some twenty programs."""
TURN_S: Final = 0.2
MOST: Final = 64 << 20
"""Bytes of one look."""
REFUSED: Final = "no Python there: it is only read"
_REQUEST = msgspec.json.Decoder(Request)
_COUNTED = frozenset({Section.COUNTERS, Section.SNMP})
"""Sections that move all the time; they are told only while somebody looks."""


class PlainProcess:
    """Stands where an agent's process would stand."""

    def __init__(self, shell: Process, token: str, host: str, every_s: float = EVERY_S) -> None:
        self._shell, self._token, self._host, self._every_s = shell, token, host, every_s
        self._end = f"\n{token} {ROUND}\n".encode()
        self._lock = threading.Lock()
        self._out = bytearray()
        self._in = bytearray()
        self._requests = bytearray()
        self._due, self._asked = 0.0, False
        self._looking = self._fresh = False
        self._known: dict[Place, tuple[Row, ...]] = {}
        self._once: dict[str, Part] = {}
        """What is printed at the first look only."""

    # ---- what a session needs ----

    def read(self, size: int, timeout: float) -> bytes:
        """Return messages as frames; nothing at the end.

        Raises:
            TimeoutError: the host printed nothing for so long.
            HostError: what it prints is no picture.
            OSError: the connection broke.
        """
        until = time.monotonic() + timeout
        while not (told := self._take()):
            self._ask()
            if not self._hear(size, until):
                return b""
        return told

    def _take(self) -> bytes:
        with self._lock:
            told = bytes(self._out)
            self._out.clear()
        return told

    def _ask(self) -> None:
        if not self._asked and time.monotonic() >= self._due:
            self._asked = True
            self._shell.write(b"\n")

    def _hear(self, size: int, until: float) -> bool:
        """Take in what the host prints; False at its end."""
        try:
            chunk = self._shell.read(size, TURN_S)
        except TimeoutError:
            if time.monotonic() > until:
                raise
            return True
        self._in += chunk
        if len(self._in) > MOST:
            raise ProtocolError("one look at the host is too long", f"{MOST >> 20} MiB", self._host)
        self._rounds()
        return bool(chunk)

    def read_stderr(self) -> bytes:
        """Return what was printed as an error."""
        return self._shell.read_stderr()

    def write(self, data: bytes) -> None:
        """Take requests; answer those that need no host, refuse those that need the agent."""
        self._requests += data
        for request in self._whole():
            if isinstance(request, Ping):
                self._tell(Pong(request.id, time.time_ns()))
            elif isinstance(request, Look):
                self._looking = request.counters
            elif isinstance(request, Refresh):
                self._fresh, self._due = True, 0.0
            elif isinstance(request, Tap):
                self._tell(TapClosed(request.tap, REFUSED))
            elif number := getattr(request, "id", 0):
                self._tell(Failure(number, REFUSED))

    def _whole(self) -> Iterator[Request | Start]:
        while len(self._requests) >= HEADER.size:
            length, _ = HEADER.unpack_from(self._requests)
            if len(self._requests) < HEADER.size - 1 + length:
                return
            body = bytes(self._requests[HEADER.size : HEADER.size - 1 + length])
            del self._requests[: HEADER.size - 1 + length]
            yield _REQUEST.decode(body)

    def exit_status(self, timeout: float) -> int | None:
        """Return how the shell ended."""
        return self._shell.exit_status(timeout)

    def failure(self, said: Sequence[str]) -> HostError | None:
        """Return why the way to the host failed."""
        return self._shell.failure(said)

    def close(self) -> None:
        """End the shell."""
        self._shell.close()

    # ---- from looks to messages ----

    def _rounds(self) -> None:
        while (at := self._in.find(self._end)) >= 0:
            text = self._in[:at].decode("utf-8", "backslashreplace")
            del self._in[: at + len(self._end)]
            self._asked, self._due = False, time.monotonic() + self._every_s
            parts = cut(text, self._token)
            if not self._once:
                self._once, self._fresh = parts, True
                self._tell(Ready(facts(parts)))
            self._told(picture({**self._once, **parts}, self._host))

    def _told(self, found: Picture) -> None:
        full, self._fresh = self._fresh, False
        for (ns, section), rows in found.rows.items():
            self._section(ns, section, rows, full)
        for ns, section in self._known.keys() - found.rows.keys():
            self._section(ns, section, (), full)
        self._known = {place: rows for place, rows in found.rows.items() if self._counts(place[1])}
        if full:
            self._tell(Synced())

    def _counts(self, section: Section) -> bool:
        return self._looking or section not in _COUNTED

    def _section(self, ns: int, section: Section, rows: tuple[Row, ...], full: bool) -> None:
        """Tell what of a section is new, and what is gone."""
        if not self._counts(section):
            return
        before = {} if full else {key(section, row): row for row in self._known.get((ns, section), ())}
        now = {key(section, row): row for row in rows}
        put = [row for name, row in now.items() if name not in before or self._differs(before[name], row)]
        gone = tuple(name for name in before if name not in now)
        if put or gone or full:
            self._tell(Delta(section, ns, msgspec.Raw(msgspec.json.encode(put, enc_hook=plain)), gone, full))

    def _differs(self, before: Row, row: Row) -> bool:
        """Tell whether a row is another one; rules that have only counted are the same unless somebody looks."""
        if hasattr(row, "backend") and not self._looking:
            return without_counters(msgspec.to_builtins(before)) != without_counters(msgspec.to_builtins(row))
        return before != row

    def _tell(self, message: Reply) -> None:
        frame = encode(message)
        with self._lock:
            self._out += frame


def start_plain(transport: Transport, host: str, sudo: bool) -> Started:
    """Start a shell that prints what a host's own tools say.

    Raises:
        HostError: the host refuses.
    """
    token = f"hostgw-{secrets.token_hex(12)}"
    text = script(token, sudo)
    process = transport.open_process(command(len(text)))
    try:
        process.write(text)
    except OSError as error:
        process.close()
        raise HostError(HostState.STALE, "no shell was started", clean(str(error)), "", host) from error
    return Started(PlainProcess(process, token, host), b"", StderrTail())
