"""Secrets that a person gave, so that no text for others ever holds them.

They are known here from the moment they are typed. Log records pass `redacted`; nothing else needs it, for secrets are
put into no message.
"""

from __future__ import annotations

import re

HIDDEN = "[secret]"
SHORTEST = 3
"""A shorter secret would blot out half of every text."""
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
_NAMED = re.compile(r"(?i)\b((?:pass(?:word|phrase|wd)?|secret|token)\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)")
_secrets: set[str] = set()


def keep(secret: str | None) -> str | None:
    """Note a secret, and return it."""
    if secret and len(secret) >= SHORTEST:
        _secrets.add(secret)
    return secret


def redacted(text: str) -> str:
    """Return a text without secrets that are known here, private keys, and what is called a password."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN).replace(repr(secret)[1:-1], HIDDEN)
    return _NAMED.sub(lambda found: f"{found[1]}{HIDDEN}", _KEY.sub(HIDDEN, text))
