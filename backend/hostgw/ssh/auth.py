"""Log in: keys first, then what the server asks for; a few attempts only, for servers penalise more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import paramiko

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.considerate import Considerate
from hostgw.ssh.keys import MOST_OFFERED, KeyRing, offers
from hostgw.ssh.settings import Settings

_PASSWORDS = 3
_ANSWER_S = 600.0
"""How long a person may think over a question of the server."""
_REMEDY = "Check the user name and the key with `{command} -v`."


_Try = Callable[[], Sequence[str]]


class Login:
    """One login; `run` either returns or raises."""

    def __init__(self, transport: paramiko.Transport, settings: Settings, ring: KeyRing, prompter: Considerate) -> None:
        self._transport, self._settings, self._ring, self._prompter = transport, settings, ring, prompter
        self._tried: list[str] = []
        self._allowed: Sequence[str] = ("publickey", "keyboard-interactive", "password")
        self._declined = False

    def run(self) -> None:
        """Log in.

        Raises:
            HostError: AUTH_FAILED, or UNREACHABLE when the server hung up before it judged anything.
        """
        try:
            if self._with_keys() or (self._settings.password_allowed and self._with_words()):
                return
        except paramiko.SSHException as error:
            raise self._failed(clean(str(error), 160)) from error
        except (EOFError, OSError) as error:
            raise self._failed(clean(str(error), 160) or "it closed the connection") from error
        raise self._failed("")

    def _with_keys(self) -> bool:
        with closing(offers(self._settings, self._ring, self._passphrase, self._prompter.idle)) as candidates:
            for label, key in candidates:
                if "publickey" not in self._allowed or len(self._tried) >= MOST_OFFERED:
                    return False
                self._tried.append(label)
                if self._attempt(partial(self._transport.auth_publickey, self._settings.user, key)):
                    return True
        return False

    def _with_words(self) -> bool:
        """Ask a person, a few times in all: a second method would take the same wrong password."""
        for _ in range(_PASSWORDS):
            questions = "keyboard-interactive" in self._allowed
            if self._declined or not self._transport.is_active() or not (questions or "password" in self._allowed):
                return False
            if self._questions() if questions else self._password():
                return True
        return False

    def _attempt(self, login: _Try) -> bool:
        """Make one attempt; the methods that may go on are kept."""
        try:
            self._allowed = login() or ()
        except paramiko.BadAuthenticationType as error:
            self._allowed = error.allowed_types
        except paramiko.AuthenticationException:
            if not self._transport.is_active():
                raise
        return self._transport.is_authenticated()

    def _password(self) -> bool:
        text = self._prompter.password(self._settings.name, f"password of {self._settings.user}:")
        if text is None:
            self._declined = True
            return False
        self._tried.append("password")
        return self._attempt(lambda: self._transport.auth_password(self._settings.user, text, fallback=False))

    def _questions(self) -> bool:
        self._transport.auth_timeout = _ANSWER_S
        self._tried.append("keyboard-interactive")
        return self._attempt(lambda: self._transport.auth_interactive(self._settings.user, self._answers))

    def _answers(self, title: str, instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        """Answer a round of questions; runs in paramiko's thread, which waits for us."""
        lead = " ".join(filter(None, (clean(title.strip(), 80), clean(instructions.strip(), 200))))
        answers: list[str] = []
        for question, _ in questions[:8]:
            text = self._prompter.password(self._settings.name, f"{lead} {clean(question.strip(), 120)}".strip())
            if text is None:
                self._declined = True
            answers.append(text or "")
        return answers

    def _passphrase(self, keyfile: str) -> str | None:
        return self._prompter.passphrase(self._settings.name, keyfile)

    def _failed(self, detail: str) -> HostError:
        settings = self._settings
        if not self._tried and detail:
            what = f"{settings.hostname} closed the connection during login"
            return HostError(HostState.UNREACHABLE, what, detail, "It is tried again.", settings.name)
        tried = ", ".join(dict.fromkeys(self._tried)) or "nothing: no key was found and nobody could be asked"
        absent = ", ".join(str(path) for path in settings.missing)
        cause = f"tried {clean(tried, 200)}" + (f"; {detail}" if detail else "")
        cause += f"; IdentityFile {clean(absent, 200)} does not exist" if absent else ""
        what = f"{settings.hostname} refuses {settings.user}"
        return HostError(HostState.AUTH_FAILED, what, cause, _REMEDY.format(command=settings.command), settings.name)
