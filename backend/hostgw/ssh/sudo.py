"""The dialogue with sudo: a password only after its own prompt, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.transport import Process

Ask = Callable[[], str | None]

_KEPT = 4096
_NO_SUDO = "this user may not use sudo"
_ADD = "Add it to sudoers, log in as root, or leave out --sudo to see what can be read without."
_REFUSALS = (
    ("must have a tty", "sudo wants a terminal", "Remove `Defaults requiretty` for this user from sudoers."),
    ("not in the sudoers", _NO_SUDO, _ADD),
    ("may not run sudo", _NO_SUDO, _ADD),
    ("is not allowed to execute", "sudo does not let this user run Python", "Allow it in sudoers, or log in as root."),
    ("password is required", "sudo wants a password", "Start where one can be asked for, or allow NOPASSWD."),
    ("sudo: not found", "sudo is not installed", "Install it, or log in as root."),
    ("sudo: command not found", "sudo is not installed", "Install it, or log in as root."),
)


class SudoDialogue:
    """Watches standard error for the prompt that we gave sudo."""

    def __init__(self, process: Process, marker: str, host: str, ask: Ask) -> None:
        self._process, self._marker, self._host, self._ask = process, marker.encode(), host, ask
        self._heard = b""
        self._sent = False

    def heard(self, data: bytes) -> bool:
        """Take what was printed; answer the first prompt. Tell whether it was answered now.

        Raises:
            HostError: sudo asks again, or nobody knows the password.
        """
        self._heard = (self._heard + data)[-_KEPT:]
        if self._marker not in self._heard:
            return False
        self._heard = self._heard.partition(self._marker)[2]
        if self._sent:
            remedy = "Try again with the right password; it was sent once."
            raise HostError(HostState.AUTH_FAILED, "sudo refused the password", "", remedy, self._host)
        self._answer()
        return True

    def _answer(self) -> None:
        password = self._ask()
        if password is None:
            remedy = "Start where one can be asked for, allow NOPASSWD, or log in as root."
            raise HostError(HostState.NO_ROOT, "sudo wants a password", "nobody gave one", remedy, self._host)
        self._sent = True
        self._process.write(password.encode() + b"\n")

    def refusal(self, lines: Sequence[str]) -> HostError | None:
        """Return what sudo's last words mean, when they are a refusal that we know."""
        for line in lines:
            for words, what, remedy in _REFUSALS:
                if words in line:
                    return HostError(HostState.NO_ROOT, what, line, remedy, self._host)
        return None
