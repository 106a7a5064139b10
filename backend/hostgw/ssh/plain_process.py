"""A host without a Python as a process that speaks like the agent: asks for a look, tells what is new since the last.

The session writes requests and reads messages as with any host. What only the agent can do is refused, in words.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from hostgw.agent.filters import without_counters
from hostgw.clean import clean, plain
from hostgw.errors import HostError, ProtocolError
from hostgw.model.host import Namespace
from hostgw.model.host_state import HostState
from hostgw.model.kernel import FdbEntry, Link
from hostgw.plain.parts import Part, cut
from hostgw.plain.picture import Picture, Place, facts, picture
from hostgw.plain.script import CLOCK, ROUND, command, script
from hostgw.ssh.bootstrap import Started
from hostgw.ssh.plain_taps import PlainTaps, Spot
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
    Untap,
    encode,
    key,
)

EVERY_S: Final = 5.0
"""A look makes the host start some twenty programs."""
TURN_S: Final = 0.2
MOST: Final = 64 << 20
"""Bytes of one look."""
SECONDS_DIGITS: Final = 12
"""An epoch time with more of them is in nanoseconds."""
REFUSED: Final = "no Python there: it is only read"
Taps = Callable[[Callable[[bytes], None]], PlainTaps]
"""What makes the taps of a host, given where their frames go."""
_REQUEST = msgspec.json.Decoder(Request)
_COUNTED = frozenset({Section.COUNTERS, Section.SNMP})
"""Sections that move all the time; they are told only while somebody looks."""


class PlainProcess:
    """Stands where an agent's process would stand."""

    def __init__(
        self,
        shell: Process,
        token: str,
        host: str,
        taps: Taps | None = None,
        every_s: float = EVERY_S,
        otherwise: HostError | None = None,
    ) -> None:
        self._otherwise = otherwise
        self._shell, self._token, self._host, self._every_s = shell, token, host, every_s
        self._end = re.compile(rf"\n{token} (?:({re.escape(ROUND)})|{CLOCK} ([^\n]*))\n".encode())
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._taps = taps(self._put) if taps else None
        self._pings: list[int] = []
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
                if self._otherwise and not self._once:
                    raise self._otherwise  # not even a shell that could be asked: no Python is what is wrong
                return b""
        return told

    def _take(self) -> bytes:
        with self._lock:
            told = bytes(self._out)
            self._out.clear()
        return told

    def _ask(self) -> None:
        """Ask for the time or for a look, one after the other; called from both threads of a session."""
        with self._turn:
            if not self._asked and (self._pings or time.monotonic() >= self._due):
                self._asked = True
                self._shell.write(b"clock\n" if self._pings else b"\n")

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
                self._pings.append(request.id)
                self._ask()  # at once: what it takes counts as the way there
            elif isinstance(request, Look):
                self._looking = request.counters
            elif isinstance(request, Refresh):
                self._fresh, self._due = True, 0.0
            elif isinstance(request, Tap):
                self._tap(request)
            elif isinstance(request, Untap):
                if self._taps:
                    self._taps.close(request.tap)
            elif number := getattr(request, "id", 0):
                self._tell(Failure(number, REFUSED))

    def _tap(self, request: Tap) -> None:
        """Begin a capture, where the device is known and it can be told which way a frame goes."""
        spot = self._spot(request.ns, request.index)
        if spot is None or self._taps is None:
            self._tell(TapClosed(request.tap, REFUSED if self._taps is None else "no such device"))
        else:
            self._taps.open(request, spot)

    def _spot(self, ns: int, index: int) -> Spot | None:
        link = self._link(ns, index)
        if link is None:
            return None
        spaces = [row for row in self._known.get((0, Section.NAMESPACES), ()) if isinstance(row, Namespace)]
        name = next((space.name for space in spaces if space.id == ns and ns), "")
        behind = set(self._behind(link, spaces)) if link.kind == "veth" and link.master else set[bytes]()
        return Spot(str(link.name), str(name), {_mac(link.mac)}, behind)

    def _behind(self, port: Link, spaces: Sequence[Namespace]) -> Iterator[bytes]:
        """Yield who is behind a port: the other end of its cable, and what its bridge has learnt there."""
        for space in spaces:
            if space.nsid == port.peer_nsid >= 0 and (end := self._link(space.id, port.peer)):
                yield _mac(end.mac)
        for row in self._known.get((0, Section.FDB), ()):
            if isinstance(row, FdbEntry) and row.index == port.index and not row.permanent:
                yield _mac(row.mac)

    def _link(self, ns: int, index: int) -> Link | None:
        rows = self._known.get((ns, Section.LINKS), ())
        return next((row for row in rows if isinstance(row, Link) and row.index == index), None)

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
        """End the shell, and all captures."""
        if self._taps:
            self._taps.close_all()
        self._shell.close()

    # ---- from looks to messages ----

    def _rounds(self) -> None:
        while found := self._end.search(self._in):
            text, clock = self._in[: found.start()].decode("utf-8", "backslashreplace"), found[2]
            del self._in[: found.end()]
            if clock is not None:
                self._time(clock.decode("ascii", "replace"))
            else:
                self._asked, self._due = False, time.monotonic() + self._every_s
                self._look(text)

    def _time(self, text: str) -> None:
        """Answer all pings with the host's clock; a `date` that knows no %N tells whole seconds."""
        digits = "".join(letter for letter in text if letter.isdigit())
        now_ns = int(digits or 0) * (1 if len(digits) > SECONDS_DIGITS else 1_000_000_000)
        pings, self._pings, self._asked = self._pings, [], False
        for number in pings:
            self._tell(Pong(number, now_ns))

    def _look(self, text: str) -> None:
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
        self._put(encode(message))

    def _put(self, frame: bytes) -> None:
        with self._lock:
            self._out += frame


def _mac(text: str) -> bytes:
    try:
        return bytes.fromhex(str(text).replace(":", ""))
    except ValueError:
        return b""  # what a host prints may be anything


def start_plain(transport: Transport, host: str, sudo: bool, otherwise: HostError) -> Started:
    """Start a shell that prints what a host's own tools say; where it prints nothing, `otherwise` is the error.

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
    taps = partial(PlainTaps, transport, sudo)
    return Started(PlainProcess(process, token, host, taps, otherwise=otherwise), b"", StderrTail())
