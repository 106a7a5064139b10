"""The changes that were given to guards, until these say how it went."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict

from hostgw.agent import guard_start
from hostgw.agent.containers import Watches
from hostgw.agent.visit import Visitor

Row = Dict[str, Any]
SHORTEST_S, LONGEST_S = 0.5, 3600.0
TOKEN_LENGTH = 32
"""Of the secret that confirms: 128 bits as hexadecimal digits."""


class Arms:
    """Starts guards and passes on what they report; they live on without us."""

    def __init__(self, say: Callable[[Row], None]) -> None:
        self._say = say
        self._open: Dict[int, int] = {}

    def start(self, request: Row, watches: Watches) -> None:
        """Hand changes to a new guard.

        Raises:
            ValueError: the request is none that a guard could carry out.
        """
        if not SHORTEST_S <= float(request["ttl_s"]) <= LONGEST_S or len(request["token"]) < TOKEN_LENGTH:
            raise ValueError("no time to wait, or no secret to confirm with")
        places = {}
        for change in request["changes"]:
            watch = watches.by_ns.get(change["ns"])
            if watch and isinstance(watch.netlink, Visitor):
                places[change["ns"]] = (watch.netlink.path, watch.netlink.inode)
        self._open[guard_start.start(request, places)] = int(request["id"])

    def fds(self) -> Dict[int, int]:
        """Return what to wait for, and by which request."""
        return dict(self._open)

    def on_readable(self, fd: int) -> None:
        """Pass on how a guard has begun; one that died has undone by its shadow."""
        data = os.read(fd, 1 << 16)
        os.close(fd)
        died = {"outcome": "failed", "at": -1, "detail": "the guard died, its shadow put everything back"}
        self._say({"type": "applied", "id": self._open.pop(fd), "undone": True, **(json.loads(data) if data else died)})

    def close(self) -> None:
        """Listen no more; the guards stay."""
        for fd in self._open:
            os.close(fd)
        self._open.clear()
