"""What the operator can ask for; one method per request type."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from hostgw.agent import conntrack, files, filters, guard_socket, links, routes, suspects
from hostgw.agent.containers import Watches
from hostgw.agent.netlink import KernelError
from hostgw.agent.stream import Gone

if TYPE_CHECKING:
    from hostgw.agent.main import Agent

Row = Dict[str, Any]
SHOWN = ("id", "title", "operator", "state", "detail", "put_back", "left_s", "ago_s")
"""What of a guard the operator is told."""


class Requests:
    """Carries out requests; one that fails is answered with a failure and costs nothing else."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._handlers: Dict[str, Callable[[Row], None]] = {
            "start": self._start,
            "ping": self._ping,
            "refresh": self._refresh,
            "look": self._look,
            "count": self._count,
            "conntrack": self._conntrack,
            "suspects": self._suspects,
            "lookup": self._lookup,
            "read-files": self._read_files,
            "arm": self._arm,
            "confirm": self._ask_guards,
            "extend": self._ask_guards,
            "roll-back": self._ask_guards,
            "guards": self._ask_guards,
            "tap": self._tap,
            "untap": self._untap,
            "probe": self._probe,
            "arp-probe": self._probe,
            "contact": self._probe,
            "listen": self._probe,
            "unlisten": self._unlisten,
        }

    def handle(self, request: Row) -> None:
        """Carry out one request."""
        handler = self._handlers.get(request["type"])
        try:
            if handler is None:
                raise ValueError(f"unknown request {request['type'][:40]}")
            handler(request)
        except Gone:
            raise
        except Exception as error:  # the operator asked for something odd: that is no reason to die
            number = request.get("id")
            known = number if isinstance(number, int) and abs(number) < 1 << 53 else 0
            self._say(type="failure", id=int(known), detail=f"{type(error).__name__}: {error}"[:400])

    @property
    def _watches(self) -> Watches:
        if self._agent.watches is None:
            raise ValueError("not started")
        return self._agent.watches

    def _say(self, **message: Any) -> None:
        self._agent.output.message(message)

    def _start(self, request: Row) -> None:
        if self._agent.watches:
            raise ValueError("already started")
        self._agent.begin(request)

    def _ping(self, request: Row) -> None:
        self._say(type="pong", id=request["id"], now_ns=time.time_ns())

    def _refresh(self, _request: Row) -> None:
        """Read everything now, and say so: who asks, waits for what has just been changed."""
        watches = self._watches
        if self._agent.synced:
            watches.read_all()
            self._say(type="synced")

    def _look(self, request: Row) -> None:
        self._agent.look(bool(request["counters"] and self._watches))

    def _count(self, request: Row) -> None:
        """Read counters for this answer alone: what was sent of them as state stays as it is."""
        wanted = set(request["indexes"])
        counted = [row for row in links.counters(self._watches.host.netlink) if row["index"] in wanted]
        self._say(type="count-reply", id=request["id"], counters=counted, filters=filters.saved(set()))

    def _conntrack(self, request: Row) -> None:
        with self._watches.inside(request.get("ns", 0)):
            entries, total, error = conntrack.read(request["address"], int(request["limit"]))
        self._say(type="conntrack-reply", id=request["id"], entries=entries, total=total, error=error)

    def _suspects(self, request: Row) -> None:
        answer = suspects.answer(request["subnets"], request["networks"], int(request["limit"]))
        self._say(type="suspects-reply", id=request["id"], **answer)

    def _lookup(self, request: Row) -> None:
        watch = self._watches.by_ns[request["ns"]]
        route, errno = None, 0
        try:
            route = routes.lookup(watch.netlink, request["dst"], request["source"], request["iif"])
        except KernelError as error:
            errno = error.errno or -1
        self._say(type="lookup-reply", id=request["id"], route=route, errno=errno)

    def _read_files(self, request: Row) -> None:
        rows = files.answer(request["paths"])
        self._say(type="files-reply", id=request["id"], files=rows, systemd=os.path.isdir(files.RUNS))

    def _arm(self, request: Row) -> None:
        if self._agent.read_only:
            raise ValueError("this session is read-only")
        self._agent.arms.start(request, self._watches)

    def _ask_guards(self, request: Row) -> None:
        """Pass a question on to the guards of this host; they need not be ours."""
        if self._agent.read_only and request["type"] != "guards":
            raise ValueError("this session is read-only")
        verb = "status" if request["type"] == "guards" else request["type"]
        answers = guard_socket.ask_all({**request, "do": verb})
        guards = [{name: row[name] for name in SHOWN} for answer in answers for row in answer.get("guards", [])]
        done = any(answer.get("done") for answer in answers)
        detail = "; ".join(str(answer["detail"]) for answer in answers if answer.get("detail"))[:400]
        self._say(type="guarded", id=request["id"], done=done, detail=detail, guards=guards)

    def _tap(self, request: Row) -> None:
        fd: Optional[int] = self._watches.entrance(request["ns"])
        try:
            self._agent.taps.open(request, fd)
        finally:
            if fd is not None:
                os.close(fd)

    def _untap(self, request: Row) -> None:
        self._agent.taps.close(request["tap"])

    def _probe(self, request: Row) -> None:
        with self._watches.inside(request["ns"]):
            self._agent.probes.start(request)

    def _unlisten(self, request: Row) -> None:
        self._agent.probes.end(request["id"])
