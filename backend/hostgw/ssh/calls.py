"""Requests that wait for their replies, matched by id."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, InvalidStateError

from hostgw.errors import HostgwError
from hostgw.wire import (
    Applied,
    ArpProbeReply,
    ConntrackReply,
    CountReply,
    Failure,
    FilesReply,
    Guarded,
    ListenReply,
    LookupReply,
    ProbeReply,
    Reply,
    SuspectsReply,
)

Probed = ProbeReply | ArpProbeReply | ListenReply
Asked = ConntrackReply | CountReply | SuspectsReply | LookupReply | FilesReply
Answer = Asked | Applied | Guarded | Probed | Failure
ANSWERS = (
    ConntrackReply,
    CountReply,
    FilesReply,
    SuspectsReply,
    LookupReply,
    Applied,
    Guarded,
    ProbeReply,
    ArpProbeReply,
    ListenReply,
    Failure,
)


class Calls:
    """The open requests of one session."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._last = 0
        self._open: dict[int, tuple[Future[Reply], float]] = {}

    def new_id(self) -> int:
        """Return an id that no other request of the session has."""
        with self._lock:
            self._last += 1
            return self._last

    def open(self, timeout: float) -> tuple[int, Future[Reply]]:
        """Return the id and future of a new request, which fails after `timeout` seconds."""
        future: Future[Reply] = Future()
        number = self.new_id()
        with self._lock:
            self._open[number] = (future, time.monotonic() + timeout)
        return number, future

    def answer(self, reply: Answer) -> bool:
        """Settle the request that `reply` answers; tell whether there was one."""
        with self._lock:
            future, _ = self._open.pop(reply.id, (None, 0.0))
        if future is None:
            return False
        if isinstance(reply, Failure):
            _fail(future, HostgwError("the agent refused", reply.detail, "", self._host))
        else:
            _settle(future, reply)
        return True

    def drop(self, number: int) -> None:
        """Forget a request that was not sent."""
        with self._lock:
            self._open.pop(number, None)

    def expire(self) -> float:
        """Fail what waited too long; return the seconds until the next one will have."""
        now = time.monotonic()
        with self._lock:
            late = [number for number, (_, until) in self._open.items() if until <= now]
            futures = [self._open.pop(number)[0] for number in late]
            until = min((until for _, until in self._open.values()), default=now + 3600)
        for future in futures:
            _fail(future, HostgwError("no answer in time", "", "The host may be busy: try again.", self._host))
        return max(0.0, until - now)

    def fail_all(self, error: HostgwError) -> None:
        """Fail everything: the connection is gone."""
        with self._lock:
            futures = [future for future, _ in self._open.values()]
            self._open.clear()
        for future in futures:
            _fail(future, error)


def _settle(future: Future[Reply], reply: Reply) -> None:
    try:
        future.set_result(reply)
    except InvalidStateError:
        return


def _fail(future: Future[Reply], error: HostgwError) -> None:
    try:
        future.set_exception(error)
    except InvalidStateError:
        return
