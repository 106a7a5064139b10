"""Questions that only a person answers, asked from the sessions' threads by dialogs, one at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from hostgw.clean import clean


@dataclass(frozen=True)
class Question:
    """What is asked; the answer is None when nobody gives one, and ``yes`` for an accepted key."""

    host: str
    title: str
    text: tuple[str, ...]
    secret: bool
    answer: Future[str | None] = field(default_factory=Future)


class DialogPrompter:
    """The `Prompter` of the dashboard: blocks its caller until a dialog is answered, or the app ends."""

    def __init__(self, accept_new: bool = False) -> None:
        self._accept_new = accept_new
        self._lock = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._open: list[Question] = []
        self._closed = False
        self._notify: Callable[[], None] | None = None

    def attach(self, notify: Callable[[], None]) -> None:
        """Have `notify` called, from any thread, when there is a question."""
        self._notify = notify
        if self._waiting:
            notify()

    def next(self) -> Question | None:
        """Return the next question, or None."""
        with self._lock:
            while self._waiting:
                question = self._waiting.popleft()
                if not question.answer.done():
                    return question
        return None

    def close(self) -> None:
        """Answer everything with nothing; nobody is left to ask."""
        with self._lock:
            self._closed = True
            left, self._open = self._open, []
        for question in left:
            if not question.answer.done():
                question.answer.set_result(None)

    def confirm_host_key(self, host: str, key_type: str, fingerprint: str) -> bool:
        """Show the fingerprint; only a deliberate yes accepts, or the option that accepts all new keys."""
        if self._accept_new:
            return True
        text = (f"{clean(host)} is not known yet. Its {clean(key_type)} key has the fingerprint",
                f"  {clean(fingerprint)}", "Compare it with what the host's owner told you.")  # fmt: skip
        return self._ask(Question(host, "Unknown host key", text, secret=False)) == "yes"

    def password(self, host: str, prompt: str) -> str | None:
        """Ask for a password."""
        return self._ask(Question(host, "Password", (f"{clean(host)}: {clean(prompt)}",), secret=True))

    def passphrase(self, host: str, keyfile: str) -> str | None:
        """Ask for a key's passphrase."""
        text = f"{clean(host)}: passphrase of {clean(keyfile)}"
        return self._ask(Question(host, "Passphrase", (text,), secret=True))

    def sudo_password(self, host: str) -> str | None:
        """Ask for the password for sudo."""
        return self._ask(Question(host, "sudo", (f"{clean(host)}: password for sudo",), secret=True))

    def _ask(self, question: Question) -> str | None:
        with self._lock:
            if self._closed:
                return None
            self._waiting.append(question)
            self._open.append(question)
        if self._notify:
            self._notify()
        try:
            return question.answer.result()
        finally:
            with self._lock:
                if question in self._open:
                    self._open.remove(question)
