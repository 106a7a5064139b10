"""What stands in for an engine until there is one: the dashboard is painted first, and what takes long comes beside it.

With an engine come checks, plans, SSH and captures, half a second of imports. The picture of hosts that are being
connected needs none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from hostgw.fabric import Fabric, Host
from hostgw.live.view import View

if TYPE_CHECKING:
    from hostgw_tui.engine import Engine


class Made(NamedTuple):
    """An engine that is not started yet, and what an app needs to know of it."""

    engine: Engine
    clock: Callable[[], float]
    """The time of its pictures in epoch seconds."""
    remarks: tuple[str, ...] = ()
    """What is told of the hosts when it opens."""
    hint: str = ""
    """What a person may want to press first."""


class Coming:
    """Shows hosts that have not answered. Whatever else is asked of it waits for the real engine, which answers."""

    is_recording = False
    record_error = ""
    shown_capture = None

    def __init__(self, make: Callable[[], Made], hosts: Iterable[Host] = ()) -> None:
        self._make, self._made = make, Future[Made]()
        self._starting, self._begun = threading.Lock(), False
        self._view = View(Fabric({host.name: host for host in hosts}))
        self.events, self.log = (), ()

    def begin(self, then: Callable[[Future[Made]], None]) -> None:
        """Have the engine made, in a thread; `then` is called there, with the engine or what went wrong."""
        self._made.add_done_callback(then)
        self._start()

    def _start(self) -> None:
        """Begin, once; whoever asks before the first picture must not wait for what nobody has begun."""
        with self._starting:
            if not self._begun:
                self._begun = True
                threading.Thread(target=self._work, name="hostgw-coming", daemon=True).start()

    def _work(self) -> None:
        if not self._made.set_running_or_notify_cancel():
            return
        try:
            made = self._make()
        except BaseException as error:  # whatever it is, somebody waits for the outcome
            self._made.set_exception(error)
        else:
            self._made.set_result(made)

    def stop(self) -> None:
        """Close what the engine may have opened; it is not made any more if that was not begun."""
        if not self._made.cancel():
            with suppress(Exception):  # the app has told
                self._made.result().engine.stop()

    def view(self) -> View:
        """Return the hosts."""
        return self._view

    def look(self, counters: bool, host: str = "") -> None:
        """Nobody can count yet; the app says again what it looks at."""

    def give_way(self) -> None:
        """There is no work yet that could rest."""

    def __getattr__(self, name: str) -> Any:
        """Return what the engine has, once there is one."""
        self._start()
        return getattr(self._made.result().engine, name)
