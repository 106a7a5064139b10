"""A ProxyCommand: a program whose standard input and output are the connection.

Its end of a socket pair is the program's; ours is the transport's socket, so the program's exit is seen at once and
nothing polls (paramiko's own ProxyCommand spins for seconds, measured).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from typing import IO

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.dial import shut

_PATIENCE_S = 1.0


class ProxySocket(socket.socket):
    """Our end; closing it ends and reaps the program."""

    _lock: threading.RLock
    """Two threads may close at once: the transport's own and the session's."""
    _process: subprocess.Popen[bytes]
    _said: IO[bytes]
    _last_words: str = ""

    @classmethod
    def start(cls, command: str, host: str = "") -> ProxySocket:
        """Run `command`, the user's own, as ssh does: ``$SHELL -c "exec COMMAND"``.

        Raises:
            HostError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        sock = cls(fileno=ours.detach())
        sock._lock = threading.RLock()
        sock._said = tempfile.TemporaryFile()  # noqa: SIM115
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            sock._process = subprocess.Popen(
                [shell, "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=sock._said,
                start_new_session=True,
            )
        except OSError as error:
            sock._said.close()
            socket.socket.close(sock)
            raise HostError(
                HostState.UNREACHABLE,
                "ProxyCommand cannot start",
                clean(str(error)),
                "Check it in the ssh settings.",
                host,
            ) from error
        finally:
            theirs.close()
        return sock

    def said(self) -> str:
        """What the program wrote to its standard error, at the end, clean."""
        with self._lock:
            if self._said.closed:
                return self._last_words
            size = self._said.seek(0, os.SEEK_END)
            self._said.seek(max(0, size - 1000))
            lines = self._said.read(1000).strip().splitlines()
        return clean(lines[-1], 200) if lines else ""

    def close(self) -> None:
        """Close, and see the program end."""
        shut(self)
        super().close()
        with self._lock:
            if not self._said.closed:
                self._end()
                self._last_words = self.said()
                self._said.close()

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
                return
