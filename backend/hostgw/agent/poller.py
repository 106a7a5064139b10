"""What to wait for; sockets come and go with containers, captures and probes, and their numbers are used again."""

from __future__ import annotations

import selectors
from contextlib import suppress
from typing import Any, Callable, Dict, Iterable, List, Tuple

from hostgw.agent.stream import Output

Handler = Callable[[], None]
Source = Tuple[int, Any, Handler]
"""A descriptor, whose it is, and what to do when it can be read."""


class Poller:
    """Waits for sources that can be read, and for the operator to read on."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._selector = selectors.DefaultSelector()
        self._owners: Dict[int, Any] = {}

    def close(self) -> None:
        """Close what it holds itself."""
        self._selector.close()

    def wait(self, sources: Iterable[Source], seconds: float) -> List[Handler]:
        """Return what is to be done by now; waits for at most so many seconds."""
        wanted = {fd: (owner, handler) for fd, owner, handler in sources}
        self._follow(wanted)
        self._follow_output()
        found: List[Handler] = []
        for key, mask in self._selector.select(seconds):
            if mask & selectors.EVENT_WRITE:
                found.append(self._output.flush)
            elif key.fd in wanted:
                found.append(wanted[key.fd][1])
        return found

    def _follow(self, wanted: Dict[int, Tuple[Any, Handler]]) -> None:
        for fd in [fd for fd, owner in self._owners.items() if fd not in wanted or wanted[fd][0] is not owner]:
            del self._owners[fd]
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(fd)
        for fd, (owner, _) in wanted.items():
            if fd not in self._owners:
                with suppress(KeyError, ValueError, OSError):  # closed since: its owner says so soon
                    self._selector.register(fd, selectors.EVENT_READ)
                    self._owners[fd] = owner

    def _follow_output(self) -> None:
        registered = self._output.fd in self._selector.get_map()
        if self._output.waiting and not registered:
            self._selector.register(self._output.fd, selectors.EVENT_WRITE)
        elif registered and not self._output.waiting:
            self._selector.unregister(self._output.fd)
