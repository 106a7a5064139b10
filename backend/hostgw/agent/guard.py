"""A guard: a process of its own on the host that makes changes and takes them back unless they are confirmed.

It is no child of the agent's session: the operator, the connection, sshd and the agent may all die. It owns the timer,
holds the lock, and has a shadow that undoes when the guard dies. How it ended can be read for some minutes.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import json
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from hostgw.agent import changer, guard_socket
from hostgw.agent.guard_belt import Belt
from hostgw.agent.guard_clock import boottime
from hostgw.agent.guard_lock import Lock
from hostgw.agent.guard_shadow import Shadow
from hostgw.agent.netlink import Netlink
from hostgw.agent.visit import Visitor
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
Places = Dict[int, Tuple[str, int]]
"""Path and inode of the namespaces of containers, by the agent's number."""

APPLYING, APPLIED, CONFIRMED = "applying", "applied", "confirmed"
ROLLED_BACK, UNDO_FAILED, FAILED = "rolled-back", "undo-failed", "failed"
SLICE_S, LOOK_S = 0.25, 0.5
LONGEST_S = 3600.0
HISTORY = 8


def public_id(token: str) -> str:
    """Return by what a guard is named; who knows it cannot confirm."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class Guard:
    """One pending change, and what became of it."""

    def __init__(self, order: Row, places: Places, report: int) -> None:
        """Take the lock and listen; `report` is where the outcome is awaited.

        Raises:
            Busy: another change is pending.
        """
        self.order, self.changes, self._places, self._report = order, order["changes"], places, report
        self._lock = Lock()
        self._endpoint = guard_socket.Endpoint()
        self._watches = self._own_watches()
        self._shadow: Optional[Shadow] = None
        self._belt = Belt(public_id(order["token"]), order.get("undo", []))
        self._state, self._detail, self._put_back = APPLYING, "", ""
        self._until = self._ended = self._look_at = 0.0
        self._retired = False
        self._history: List[Row] = []

    def _own_watches(self) -> changer.Watches:
        """Make sockets of our own: a forked one would read what is meant for the other."""
        found = {}
        for ns in {change["ns"] for change in self.changes}:
            if ns == 0 or ns in self._places:
                found[ns] = Watch(ns, Visitor(*self._places[ns]) if ns else Netlink(), lambda _message: None)
        return found

    # ---- making the changes ----

    def apply(self) -> Row:
        """Make the changes; return the outcome. Nothing has to be undone any more unless it is ``applied``."""
        if outcome := changer.stale(self.changes, self._watches):
            self._lock.release()
            return outcome
        self._shadow = Shadow(self)
        self._belt.set(float(self.order["ttl_s"]))
        outcome = changer.make(self.changes, self._watches, self._shadow.reached)
        if outcome["outcome"] == APPLIED:
            self._state = APPLIED
            self._wait_until(boottime() + float(self.order["ttl_s"]))
        else:
            self._finish(FAILED if outcome["undone"] else UNDO_FAILED, outcome["detail"])
        return outcome

    def _wait_until(self, when: float) -> None:
        self._until = when
        if self._shadow:
            self._shadow.until(when)

    def report(self, outcome: Row) -> None:
        """Tell the agent how it went."""
        tell(self._report, self.order, outcome)
        self._report = -1

    def be_shadow(self) -> None:
        """Become the second process; telling is left to the first, so that its end is seen."""
        if self._report >= 0:  # a later shadow finds it closed, and its number used for something else
            os.close(self._report)
        call_self("hostgw-shadow")

    # ---- life ----

    def live(self) -> None:
        """Wait for a word, then for nobody to ask any more."""
        ended = guard_socket.ask_all({"do": "retire"}, but=self._endpoint.name)
        self._history += [row for answer in ended for row in answer.get("guards", [])]
        while not self._over():
            self._endpoint.serve(self._answer, SLICE_S if self._state == APPLIED else LOOK_S)
            if self._state == APPLIED:
                self._mind()
            elif self._state == CONFIRMED:
                self._look()

    def _mind(self) -> None:
        if boottime() >= self._until:
            self.roll_back("nobody confirmed it in time")
        elif self._shadow:
            self._shadow.revive()

    def _look(self) -> None:
        """See for a while whether somebody undoes what was confirmed."""
        now = boottime()
        if not self._put_back and self._look_at <= now < self._ended + float(self.order["watch_s"]):
            self._look_at = now + LOOK_S
            self._put_back = changer.moved(self.changes, self._watches)

    def _over(self) -> bool:
        waited = self._ended and boottime() >= self._ended + float(self.order["keep_s"])
        return self._retired or bool(waited)

    def roll_back(self, reason: str, reached: Optional[int] = None) -> None:
        """Put everything back; `reached` is the last change that was begun."""
        made = self.changes if reached is None else self.changes[: reached + 1]
        if self._shadow:
            self._shadow.busy()
        left = changer.take_back(made, self._watches)
        self._finish(UNDO_FAILED if left else ROLLED_BACK, "; ".join([reason, *left]))

    def inherit(self, reached: int, reason: str) -> None:
        """Go on in the guard's place, as its shadow: undo, and be there to be asked."""
        call_self("hostgw-guard")
        self._shadow, self._watches = None, self._own_watches()
        self.roll_back(f"{reason}; its shadow put everything back", reached)
        self.live()

    def _finish(self, state: str, detail: str) -> None:
        self._state, self._detail, self._ended = state, detail, boottime()
        self._belt.stop()
        if self._shadow:
            self._shadow.end()
            self._shadow = None
        self._lock.release()
        guard_socket.log(f"{self.order['operator']}: {self.order['title']}: {state}{detail and f' ({detail})'}")

    # ---- being asked ----

    def _answer(self, question: Row) -> Row:
        return ANSWERS[question["do"]](self, question)

    def view(self) -> Row:
        """Return what anybody may know of it."""
        now = boottime()
        return {
            "id": public_id(self.order["token"]),
            "title": self.order["title"],
            "operator": self.order["operator"],
            "state": self._state,
            "detail": self._detail,
            "put_back": self._put_back,
            "left_s": max(0.0, self._until - now) if self._state == APPLIED else 0.0,
            "ago_s": now - self._ended if self._ended else 0.0,
        }

    def _status(self, _question: Row) -> Row:
        now, mine = boottime(), self.view()
        past = [{**row, "ago_s": now - row["ended"]} for row in self._history if "ended" in row]
        return {"guards": [{**mine, "ended": self._ended}, *past][:HISTORY]}

    def _said(self, done: bool, detail: str = "") -> Row:
        return {"done": done, "detail": detail, "guards": [self.view()]}

    def _mine(self, question: Row) -> bool:
        return hmac.compare_digest(str(question.get("token", "")), self.order["token"])

    def _confirm(self, question: Row) -> Row:
        if not self._mine(question):
            return {}
        if self._state == APPLIED:
            self._finish(CONFIRMED, "")
        return self._said(self._state == CONFIRMED, self._detail)

    def _extend(self, question: Row) -> Row:
        if not self._mine(question) or self._state != APPLIED:
            return {}
        seconds = min(max(0.0, float(question["seconds"])), LONGEST_S)
        self._wait_until(min(self._until + seconds, boottime() + LONGEST_S))
        self._belt.set(self._until - boottime())
        return self._said(True)

    def _take_back(self, question: Row) -> Row:
        if question.get("guard") != public_id(self.order["token"]):
            return {}
        if self._state == APPLIED:
            self.roll_back(f"asked for by {str(question.get('operator', ''))[:80] or 'an operator'}")
        return self._said(self._state == ROLLED_BACK, self._detail)

    def _retire(self, question: Row) -> Row:
        """Give way to a newer guard, which keeps what we knew."""
        if not self._ended:
            return {}
        self._retired = True
        return self._status(question)


ANSWERS: Dict[str, Callable[[Guard, Row], Row]] = {
    "status": Guard._status,
    "confirm": Guard._confirm,
    "extend": Guard._extend,
    "roll-back": Guard._take_back,
    "retire": Guard._retire,
}


def call_self(name: str) -> None:
    """Have ps(1) show what this process is for, instead of the agent that it was forked from (proc(5), stat)."""
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write(name)
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return
    start, end = int(fields[45]), int(fields[46])
    if end - start > len(name):
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, name.encode("ascii"), len(name))


def tell(report: int, order: Row, outcome: Row) -> None:
    """Say how it went where that is awaited."""
    try:
        os.write(report, json.dumps({**outcome, "guard": public_id(order["token"])}).encode())
        os.close(report)
    except OSError:
        return  # the agent is gone; how it ended can be asked
