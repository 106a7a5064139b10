"""Becoming a guard: a fork that leaves the agent's session, its signals and its files behind."""

from __future__ import annotations

import gc
import os
import signal
from typing import Any, Dict, List, NoReturn

from hostgw.agent import guard_socket
from hostgw.agent.guard import APPLIED, FAILED, Guard, Places, call_self, tell
from hostgw.agent.guard_lock import Busy

Row = Dict[str, Any]
_IGNORED: List[int] = [*(signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP)]


def start(order: Row, places: Places) -> int:
    """Start a guard; return a descriptor from which its outcome can be read, as JSON until its end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _detach(write)
            _be_guard(order, places, write)
        finally:
            os._exit(1)
    os.close(write)
    os.waitpid(child, 0)
    return read


def _detach(kept: int) -> None:
    """Leave the session, its signals, its files and its share of the blame for memory."""
    gc.disable()  # what we inherited must not be closed behind our back: its numbers are used again
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            _close(int(name))
    os.chdir("/")
    _be_the_last_to_die()
    call_self("hostgw-guard")


def _close(number: int) -> None:
    try:
        os.close(number)
    except OSError:
        return  # the one by which the directory was read


def _be_the_last_to_die() -> None:
    for value in ("-1000", "0"):  # the first is refused where even root is confined
        try:
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write(value)
            return
        except OSError:
            continue


def _be_guard(order: Row, places: Places, report: int) -> NoReturn:
    try:
        guard = Guard(order, places, report)
        outcome = guard.apply()
    except Busy:
        tell(report, order, {"outcome": "busy", "at": -1, "detail": _who(), "undone": True})
    except Exception as error:  # before anything was touched: afterwards `make` itself puts back
        detail = f"{type(error).__name__}: {error}"[:400]
        tell(report, order, {"outcome": "failed", "at": -1, "detail": detail, "undone": True})
    else:
        guard.report(outcome)
        if outcome["outcome"] in (APPLIED, FAILED):
            guard.live()
    os._exit(0)


def _who() -> str:
    """Say who changes this host now."""
    guards = [row for answer in guard_socket.ask_all({"do": "status"}) for row in answer.get("guards", [])]
    for row in guards:
        if row["state"] == APPLIED:
            return f"{row['operator']} is changing it ({row['title']}); {row['left_s']:.0f} s are left"
    return "another change is being made"
