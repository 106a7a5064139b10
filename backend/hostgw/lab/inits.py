"""Starting and ending the first processes of a lab's hosts."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from hostgw.errors import LabError
from hostgw.lab import store

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCRIPT: Final = Path(__file__).with_name("init.py")
_LIMIT: Final = 60.0


class Starting:
    """Hosts that run but end with their builder until `keep` is called."""

    def __init__(self, name: str, orders: list[dict[str, object]]) -> None:
        """Start the hosts; raises LabError when one of them fails."""
        self._path = store.directory(name) / "order.json"
        store.write(self._path, json.dumps({"record": str(store.record_path(name)), "hosts": orders}))
        self._process = _spawn(self._path)
        self._names = [str(order["name"]) for order in orders]

    def wait(self) -> None:
        """Wait until every host is set up; raises LabError with the first failure."""
        output = _pipe(self._process.stdout)
        missing = set(self._names)
        while missing:
            line = output.readline().decode(errors="replace").strip()
            if not line:
                raise LabError(f"{', '.join(sorted(missing))} did not start", "the starter ended early")
            word, _, rest = line.partition(" ")
            if word != "ready":
                raise LabError("a host did not start", rest, _remedy(rest))
            missing.discard(rest)
        self._process.wait(_LIMIT)
        self._path.unlink()

    def keep(self) -> None:
        """Let the hosts outlive this process."""
        _pipe(self._process.stdin).write(b"+" * len(self._names))
        self.close()

    def close(self) -> None:
        """Close the ties to the hosts; those that were not kept end."""
        _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()
        self._process.wait(_LIMIT)


def _spawn(order: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-IS", str(_SCRIPT), str(order)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0, cwd="/")


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise LabError("the starter of the hosts has no pipe")
    return end


def _remedy(reason: str) -> str:
    return "run it with sudo" if "not permitted" in reason else ""


def end(inits: Iterable[store.Init]) -> None:
    """Kill first processes, and with each its whole host; raises LabError when one outlives that."""
    handles = [handle for init in inits if (handle := _kill(init)) is not None]
    deadline = time.monotonic() + _LIMIT
    try:
        for handle in handles:
            left = max(0.0, deadline - time.monotonic())
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(left * 1000):
                raise LabError("a host of the lab does not end", "its first process hangs in the kernel")
    finally:
        for handle in handles:
            os.close(handle)


def _kill(init: store.Init) -> int | None:
    """A handle on the process after SIGKILL; None when it is gone. The start time is checked on the handle."""
    try:
        handle = os.pidfd_open(init.pid)
    except ProcessLookupError:
        return None
    if not init.alive:
        os.close(handle)
        return None
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    return handle
