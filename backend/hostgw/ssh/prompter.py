"""Who is asked for what only a person knows: host keys, passwords, passphrases.

Answers live in memory only. A prompter is called from the sessions' threads, several at once.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from hostgw.clean import clean


class Prompter(Protocol):
    """Asks a person; None means that nobody answers, or that they decline."""

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Ask whether the unknown key of `host` is the right one."""

    def password(self, host: str, prompt: str) -> str | None:
        """Ask for a password or the answer to a question of the server; `prompt` is clean."""

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask for the passphrase of a private key."""

    def sudo_password(self, host: str) -> str | None:
        """Ask for the password that sudo wants on `host`."""


class Refuse:
    """Nobody is there to ask: unknown keys are refused, nothing is answered."""

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Refuse."""
        return False

    def password(self, host: str, prompt: str) -> str | None:
        """Do not answer."""
        return None

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Do not answer."""
        return None

    def sudo_password(self, host: str) -> str | None:
        """Do not answer."""
        return None


class KnownOnly(Refuse):
    """Refuse the keys of hosts that are not known yet; ask `other` for the rest."""

    def __init__(self, other: Prompter) -> None:
        self._other = other

    def password(self, host: str, prompt: str) -> str | None:
        """Ask the other."""
        return self._other.password(host, prompt)

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask the other."""
        return self._other.passphrase(host, keyfile)

    def sudo_password(self, host: str) -> str | None:
        """Ask the other."""
        return self._other.sudo_password(host)


class AcceptNew(KnownOnly):
    """Accept the keys of hosts that are not known yet (never changed ones); ask `other` for the rest."""

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Accept."""
        return True


class Terminal:
    """Asks on the controlling terminal, one question at a time."""

    def __init__(self, path: Path = Path("/dev/tty")) -> None:
        self._path = path
        self._one = threading.Lock()

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Show the fingerprint; only the word `yes` accepts."""
        known = f"{clean(host)} is not known. Its {clean(key_type)} key is {clean(fingerprint)}."
        return (self._ask(f"{known}\nIs it right? (yes/no) ", secret=False) or "").strip().lower() == "yes"

    def password(self, host: str, prompt: str) -> str | None:
        """Ask without echo."""
        return self._ask(f"{clean(host)}: {clean(prompt)} ", secret=True)

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask without echo."""
        return self._ask(f"{clean(host)}: passphrase of {clean(keyfile)}: ", secret=True)

    def sudo_password(self, host: str) -> str | None:
        """Ask without echo."""
        return self._ask(f"{clean(host)}: password for sudo: ", secret=True)

    def _ask(self, question: str, secret: bool) -> str | None:
        with self._one:
            try:
                return self._secret(question) if secret else self._plain(question)
            except (OSError, EOFError):
                return None

    def _plain(self, question: str) -> str | None:
        with self._path.open("r") as source, self._path.open("w") as shown:
            shown.write(question)
            shown.flush()
            return source.readline().rstrip("\n") or None

    def _secret(self, question: str) -> str | None:
        import getpass

        self._path.open("r").close()  # getpass would fall back to stdin and echo
        return getpass.getpass(question)
