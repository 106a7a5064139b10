"""A prompter whose secrets are known to `hostgw.redact` before anybody else has them."""

from __future__ import annotations

from hostgw.redact import keep
from hostgw.ssh.prompter import Prompter


class Discreet:
    """Asks `other`."""

    def __init__(self, other: Prompter) -> None:
        self._other = other

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Ask the other."""
        return self._other.confirm_host_key(host, key_type, fingerprint)

    def password(self, host: str, prompt: str) -> str | None:
        """Ask the other."""
        return keep(self._other.password(host, prompt))

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask the other."""
        return keep(self._other.passphrase(host, keyfile))

    def sudo_password(self, host: str) -> str | None:
        """Ask the other."""
        return keep(self._other.sudo_password(host))
