"""Ask a person without holding up the other hosts: the handshake's slot is lent out meanwhile."""

from __future__ import annotations

import contextlib

from hostgw.ssh.limits import Slot
from hostgw.ssh.prompter import Prompter


class Considerate:
    """A prompter that gives the slot away while somebody thinks."""

    def __init__(self, prompter: Prompter, slot: Slot) -> None:
        self._prompter, self._slot = prompter, slot

    def idle(self) -> contextlib.AbstractContextManager[None]:
        """Give the slot away for the length of a block."""
        return self._slot.lent()

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Ask."""
        with self._slot.lent():
            return self._prompter.confirm_host_key(host, key_type, fingerprint)

    def password(self, host: str, prompt: str) -> str | None:
        """Ask."""
        with self._slot.lent():
            return self._prompter.password(host, prompt)

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask, inside `idle`."""
        return self._prompter.passphrase(host, keyfile)

    def sudo_password(self, host: str) -> str | None:
        """Ask."""
        with self._slot.lent():
            return self._prompter.sudo_password(host)
