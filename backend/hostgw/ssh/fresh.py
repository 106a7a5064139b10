"""An agent of its own over a connection of its own: what is said by it proves that new connections are possible."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from hostgw.errors import HostError, HostgwError
from hostgw.model.host_state import HostState
from hostgw.ssh.bootstrap import Started
from hostgw.ssh.frames import FrameReader
from hostgw.ssh.lifeline import Lifeline
from hostgw.ssh.reach import Reach
from hostgw.wire import Failure, Guarded, Guards, Request, encode


class Fresh:
    """A new connection; use it as a context, or `open` and `close` it."""

    def __init__(self, reach: Reach, host: str) -> None:
        self._reach, self._host = reach, host
        self._lifeline = Lifeline()
        self._started: Started | None = None

    def open(self) -> Self:
        """Connect.

        Raises:
            HostError: with the state that says why not.
        """
        self._started = self._reach.agent(Guards(0), self._lifeline)
        self._reader = FrameReader(self._started.process, self._host, self._started.early)
        return self

    def close(self) -> None:
        """Close the connection, so that its agent ends."""
        self._lifeline.cut()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: Request, number: int, timeout: float) -> Guarded:
        """Send a request about guards that has this id; return the answer.

        Raises:
            HostgwError: the agent refuses, or there was no answer in time.
        """
        if self._started is None:
            raise HostError(HostState.STALE, "the connection is not open", host=self._host)
        until = time.monotonic() + timeout
        try:
            self._started.process.write(encode(request))
            while time.monotonic() < until:
                message = self._reader.next(max(0.0, until - time.monotonic()))
                if isinstance(message, Failure) and message.id == number:
                    raise HostgwError("the agent refused", message.detail, "", self._host)
                if isinstance(message, Guarded) and message.id == number:
                    return message
                if message is None:
                    raise HostError(HostState.STALE, "the connection ended", host=self._host)
        except TimeoutError:
            pass
        except OSError as error:
            raise HostError(HostState.STALE, "the connection broke", str(error), host=self._host) from error
        raise HostError(HostState.TIMEOUT, "no answer in time", host=self._host)
