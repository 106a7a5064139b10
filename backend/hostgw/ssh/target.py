"""A host as the operator named it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hostgw.clean import clean
from hostgw.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:-]*", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """One host to reach. Names are safe for an argv and for `%h` in a ProxyCommand: see `checked`."""

    name: str
    """What the host is called everywhere; also the name that ssh's own settings are looked up by."""
    user: str = ""
    host: str = ""
    """Where to connect when it is not what the name resolves to."""
    port: int = 0
    """0: what the settings say."""
    local: bool = False
    """This machine, without SSH."""
    sudo: bool | None = None
    """None: what the command line says."""
    python: str = ""
    """Interpreter to try first on the host."""


def checked(target: Target) -> Target:
    """Return `target` if its names may reach an argv.

    Raises:
        UsageError: a name starts with a dash or holds anything but letters, digits and ``._:-``.
    """
    for name in (target.name, target.host or target.name):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{clean(name, 60)!r} is no host name", "allowed: letters, digits, . _ : -")
    if target.user and not _USER.fullmatch(target.user):
        raise UsageError(f"{clean(target.user, 60)!r} is no user name", "allowed: letters, digits, . _ + @ -")
    if not 0 <= target.port <= 65535:
        raise UsageError(f"{target.port} is no port", "allowed: 1 to 65535")
    return target
