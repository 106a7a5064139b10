"""Reach a host by the `ssh` program, for what paramiko cannot do: host certificates, security keys, PKCS#11, GSSAPI.

Each command is one `ssh` of its own, which ends when its input does; no master process is left that could outlive us.
Nobody is asked anything: it runs without a terminal and in batch mode, so keys come from an agent, a token or a file
without a passphrase, and a host key that is not trusted already is refused (ssh_config(5): BatchMode,
StrictHostKeyChecking).
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.local import LocalProcess
from hostgw.ssh.settings import Settings, arguments
from hostgw.ssh.target import Target

FAILED = 255
"""The exit status by which ssh says that it is the way that failed, not the command."""
_LOGIN = "Load a key into your agent, or use --transport paramiko, which can ask for passwords and passphrases."
_TRUST = "Connect once by hand, put its key or its authority into known_hosts, or start with --accept-new."
_CHANGED = "If the change is intended, remove the line with `ssh-keygen -R`; if not, somebody else may answer."
_UP = "Is the host up, and sshd running there?"

_REASONS: tuple[tuple[str, HostState, str, str], ...] = (
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", HostState.KEY_CHANGED, "HOST KEY HAS CHANGED", _CHANGED),
    (r"[Rr]evoked", HostState.KEY_CHANGED, "host key is revoked", "Give the host a new key."),
    (r"Certificate invalid", HostState.KEY_UNKNOWN, "its certificate is not valid", "Have the authority sign anew."),
    (r"Host key verification failed|key is known for", HostState.KEY_UNKNOWN, "host key is not trusted", _TRUST),
    (r"Permission denied|Too many authentication failures", HostState.AUTH_FAILED, "it lets us not in", _LOGIN),
    (r"Connection refused", HostState.REFUSED, "connection refused", "Is sshd running there?"),
    (r"timed out|Timeout", HostState.TIMEOUT, "no answer in time", _UP),
    (r"Could not resolve|Name or service not known", HostState.UNREACHABLE, "the name has no address", "Correct it."),
    (r"No route to host|Network is unreachable", HostState.UNREACHABLE, "cannot connect", _UP),
)
"""Texts of OpenSSH, what they mean, and what helps; the first that fits."""


def reason(said: Sequence[str], host: str) -> HostError:
    """Return why ssh came to no host, from what it printed."""
    text = "\n".join(said)
    cause = clean(next((line for line in reversed(said) if line.strip()), "it printed nothing"), 200)
    for pattern, state, what, remedy in _REASONS:
        if found := re.search(pattern, text):
            line = next((each for each in said if found[0] in each), cause)
            return HostError(state, what, clean(line.rstrip(". "), 200), remedy, host)
    return HostError(HostState.UNREACHABLE, "ssh failed", cause, "Try the same by hand.", host)


class OpenSshProcess(LocalProcess):
    """A command on a host, at the other end of an `ssh`."""

    def __init__(self, process: subprocess.Popen[bytes], host: str) -> None:
        super().__init__(process)
        self._host = host

    def failure(self, said: Sequence[str]) -> HostError | None:
        """Return why the way to the host failed; None when it is the command that ended."""
        return reason(said, self._host) if self.exit_status(0) == FAILED else None


class OpenSshTransport:
    """The way to one host; a connection is made with each command."""

    def __init__(self, argv: Sequence[str], host: str) -> None:
        self._argv, self._host = tuple(argv), host
        self._processes: list[OpenSshProcess] = []
        self._lock = threading.Lock()

    def open_process(self, command: str) -> OpenSshProcess:
        """Run `command` in the login shell."""
        pipe = subprocess.PIPE
        argv = [*self._argv, command]
        try:
            started = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            what, cause = "cannot run ssh", clean(error.strerror or str(error))
            raise HostError(HostState.UNREACHABLE, what, cause, "Install OpenSSH's client.", self._host) from error
        process = OpenSshProcess(started, self._host)
        with self._lock:
            self._processes.append(process)
        return process

    def close(self) -> None:
        """End what runs; the connections end with it."""
        with self._lock:
            for process in self._processes:
                process.close()


def openssh(
    target: Target, settings: Settings, ssh_config: Path | None, accept_new: bool, timeout_s: float | None
) -> OpenSshTransport:
    """Return the way to a host by its own settings, without questions."""
    checking = "accept-new" if accept_new else "yes"
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": checking,
        "ConnectTimeout": f"{max(1, round(timeout_s or settings.connect_timeout))}",
        "ServerAliveInterval": "15",
        "EscapeChar": "none",
        "ClearAllForwardings": "yes",
        "ControlPath": "none",
        "PermitLocalCommand": "no",
        "RequestTTY": "no",
        "LogLevel": "INFO",
    }
    told = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return OpenSshTransport(["ssh", "-T", *told, *arguments(target, ssh_config)], target.name)
