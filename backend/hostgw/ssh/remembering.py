"""Remember what a person answered, in memory and for one host, so that a reconnect does not ask again."""

from __future__ import annotations

from hostgw.ssh.prompter import Prompter


class Remembering:
    """A prompter that asks once. Passwords of a login are kept when it `succeeded`; possible one-time codes are not."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter
        self._sudo: str | None = None
        self._kept: dict[tuple[str, str], str] = {}
        self._given: dict[tuple[str, str], str] = {}
        self.one_time = False
        """Something was answered that cannot be kept, a code most likely."""

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Ask."""
        return self._prompter.confirm_host_key(host, key_type, fingerprint)

    def password(self, host: str, prompt: str) -> str | None:
        """Give a kept answer once; ask when it was wrong or there is none."""
        answer = self._kept.pop((host, prompt), None) or self._prompter.password(host, prompt)
        if answer is not None and "password" in prompt.lower():
            self._given[host, prompt] = answer
        elif answer is not None:
            self.one_time = True
        return answer

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask; opened keys are kept by the key ring."""
        return self._prompter.passphrase(host, keyfile)

    def sudo_password(self, host: str) -> str | None:
        """Ask once."""
        if self._sudo is None:
            self._sudo = self._prompter.sudo_password(host)
        return self._sudo

    def succeeded(self) -> None:
        """The login went well: its answers are right."""
        self._kept.update(self._given)

    def forget(self) -> None:
        """Forget everything: something was wrong."""
        self._sudo = None
        self._kept.clear()
        self._given.clear()
