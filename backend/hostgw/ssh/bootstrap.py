"""Start the agent on a host: send it, answer sudo, find the beginning of its speech among whatever else is printed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from hostgw.clean import clean
from hostgw.errors import HostError, ProtocolError
from hostgw.model.host_state import HostState
from hostgw.ssh import payload, remote_command
from hostgw.ssh.stderr_tail import StderrTail
from hostgw.ssh.sudo import SudoDialogue
from hostgw.ssh.transport import Process, Transport

MAX_NOISE = 256 << 10
"""Bytes of motd and .bashrc output that are skipped before the marker."""

_TURN_S = 0.02
_LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to start the agent."""

    host: str
    sudo: bool = False
    python: str = ""
    deadline_s: float = 30.0
    sudo_password: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Started:
    """An agent that runs: `early` is what it has said already."""

    process: Process
    early: bytes
    tail: StderrTail


def start_agent(transport: Transport, wishes: Wishes, first: bytes = b"", stage: bytes = b"") -> Started:
    """Run the agent; `first` are frames to send right behind it.

    Raises:
        HostError: NO_PYTHON, NO_ROOT, AUTH_FAILED (sudo's), or STALE when it did not come up.
    """
    token, marker = secrets.token_hex(12), f"sudo-{secrets.token_hex(8)}:"
    command = remote_command.command(token, wishes.python, marker if wishes.sudo else "")
    process = transport.open_process(command)
    try:
        return _Start(process, wishes, token, marker, (stage or payload.stage()) + first).run()
    except BaseException:
        process.close()
        raise


class _Start:
    """The dialogue until the marker. Without sudo everything is sent at once; with it only once the loader runs."""

    def __init__(self, process: Process, wishes: Wishes, token: str, marker: str, data: bytes) -> None:
        self._process, self._wishes, self._data = process, wishes, data
        self._go = f"{token} {remote_command.GO}\n".encode()
        self._none = f" {token} {remote_command.NONE} ".encode()
        self._tail = StderrTail()
        self._sudo = SudoDialogue(process, marker, wishes.host, wishes.sudo_password) if wishes.sudo else None
        self._seen = b""
        self._until = time.monotonic() + wishes.deadline_s

    def run(self) -> Started:
        """Talk until the agent has started."""
        if self._sudo is None:
            self._send()
        while (at := self._seen.find(self._go)) < 0:
            self._step()
        if self._sudo is not None:
            self._send()
        return Started(self._process, self._seen[at + len(self._go) :], self._tail)

    def _send(self) -> None:
        try:
            self._process.write(self._data)
        except OSError as error:
            raise self._ended(clean(str(error))) from error

    def _step(self) -> None:
        chunk = self._chunk()
        errors = self._process.read_stderr()
        self._tail.feed(errors)
        if self._sudo is not None and errors:
            self._answer(self._sudo, errors)
        if chunk == b"":
            raise self._ended("it closed the connection")
        self._seen += chunk or b""
        if len(self._seen) > MAX_NOISE:
            cause = f"{MAX_NOISE >> 10} KiB of other output before it"
            raise ProtocolError("the agent's marker did not come", cause, self._wishes.host)
        if time.monotonic() > self._until:
            cause = f"within {self._wishes.deadline_s:g} s; {self._tail.last() or 'no error was printed'}"
            raise HostError(
                HostState.TIMEOUT, "the agent did not start", cause, "It is tried again.", self._wishes.host
            )

    def _answer(self, sudo: SudoDialogue, errors: bytes) -> None:
        try:
            if sudo.heard(errors):
                self._until = time.monotonic() + self._wishes.deadline_s
        except OSError as error:
            raise self._ended(clean(str(error))) from error

    def _chunk(self) -> bytes | None:
        """Return what came; nothing at the end; None when nothing came yet."""
        patience = _TURN_S if self._sudo is not None else max(0.0, self._until - time.monotonic())
        try:
            return self._process.read(1 << 16, patience)
        except TimeoutError:
            return None
        except OSError as error:
            raise self._ended(clean(str(error))) from error

    def _ended(self, cause: str) -> HostError:
        """Say why no agent runs, from what was printed and from the exit status."""
        host = self._wishes.host
        status = self._process.exit_status(2.0)
        while errors := self._process.read_stderr():
            self._tail.feed(errors)
        self._drain()
        if failure := self._process.failure(self._tail.lines()):
            return failure
        if self._sudo is not None and (refusal := self._sudo.refusal(self._tail.lines())):
            return refusal
        at = self._seen.find(self._none)
        if status == remote_command.TOO_OLD or at >= 0:
            found = self._seen[at + len(self._none) :] if at >= 0 else b""
            return _no_python(host, found.decode("utf-8", "replace"))
        detail = self._tail.last() or cause
        ended = "" if status is None else f" (exit status {status})"
        remedy = "Does the login shell run `sh -c`?"
        return HostError(HostState.STALE, f"the agent did not start{ended}", detail, remedy, host)

    def _drain(self) -> None:
        """Take what the host printed before it ended: it may have ended before we could write, let alone read."""
        try:
            while len(self._seen) <= MAX_NOISE and (chunk := self._process.read(1 << 16, _LAST_WORDS_S)):
                self._seen += chunk
        except OSError:
            return


def _no_python(host: str, found: str) -> HostError:
    """Name what was found: `name version path;` each."""
    oldest = ".".join(map(str, remote_command.OLDEST))
    seen = [clean(f"{name} is {version} at {path}", 120) for name, version, path in _triples(found)][:6]
    cause = f"{', '.join(seen)}; needs {oldest}" if seen else "neither python3 nor another was found"
    remedy = f'Install Python {oldest} or later, or name one in the inventory (`python = "/path"`).'
    return HostError(HostState.NO_PYTHON, "no Python that is new enough", cause, remedy, host)


def _triples(found: str) -> list[tuple[str, str, str]]:
    words = [part.split() for part in found.split(";")]
    return [(part[0], part[1], part[-1]) for part in words if len(part) >= 3]
