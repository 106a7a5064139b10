"""Probes sent by the hosts' agents, a bounded number at a time, and their answers as results."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Final, cast

from hostgw.clean import clean
from hostgw.errors import HostgwError
from hostgw.model.probe import Place
from hostgw.wire import Probe, ProbeAnswer, ProbeReply, Reply, Request

IN_FLIGHT: Final = 64
"""Over all hosts."""
INTERVAL_MS: Final = 50
TOO_BIG: Final = 4
CODES: Final = {0: "network", 1: "host", 9: "network prohibited", 10: "host prohibited", 13: "filtered"}
"""Why a router says unreachable (RFC 792, RFC 1812)."""

Ask = Callable[[str, Callable[[int], Request], float], "Future[Reply]"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One probe to send: `count` echoes with so many bytes of payload."""

    token: int
    source: Place
    destination: Place
    payload: int = 56
    count: int = 3
    timeout_ms: int = 1000
    whole: bool = False
    """It must not be fragmented."""

    def request(self, number: int) -> Probe:
        """Return it as a request with an id."""
        return Probe(
            number,
            self.source.ns,
            self.destination.address,
            self.count,
            INTERVAL_MS,
            self.timeout_ms,
            self.payload,
            self.whole,
            self.source.address,
            self.token,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back of a shot; `error` where it could not be sent."""

    answers: tuple[ProbeAnswer, ...] = ()
    error: str = ""

    @property
    def replies(self) -> tuple[ProbeAnswer, ...]:
        """The echo replies."""
        return tuple(answer for answer in self.answers if answer.kind == "reply")

    @property
    def refused(self) -> str:
        """Who said that it did not get there, and why; empty when nobody did."""
        said = next((a for a in self.answers if a.kind not in ("reply", "timeout")), None)
        if said is None:
            return ""
        if not said.source:
            return f"the sender cannot send it: {os.strerror(said.code)}"
        why = f" ({CODES[said.code]})" if said.kind == "unreachable" and said.code in CODES else ""
        return f"{clean(said.source, 40)} says {said.kind}{why}"


def volley(shots: Iterable[Shot], ask: Ask, until: float) -> dict[int, Answered]:
    """Send probes and return what came back, by token; those that have no time left are not sent."""
    waiting, flying, found = deque(shots), dict[Future[Reply], Shot](), dict[int, Answered]()
    while waiting or flying:
        while waiting and len(flying) < IN_FLIGHT:
            shot = waiting.popleft()
            if time.monotonic() > until:
                found[shot.token] = Answered(error="no time was left")
            else:
                flying[ask(shot.source.host, shot.request, _patience(shot))] = shot
        done, _ = wait(flying, 1.0, FIRST_COMPLETED)  # each fails by itself when nothing comes
        for future in done:
            found[flying.pop(future).token] = _answered(future)
    return found


def _patience(shot: Shot) -> float:
    return (shot.count * INTERVAL_MS + shot.timeout_ms) / 1000 + 5.0


def _answered(future: Future[Reply]) -> Answered:
    try:
        reply = cast("ProbeReply", future.result())
    except HostgwError as error:
        return Answered(error=clean(error.without_host, 200))
    return Answered(reply.answers, clean(reply.error, 200))
