"""``--hosts vm1,user@10.0.0.5:2222,[fd00::5]:22,local`` as targets."""

from __future__ import annotations

import re

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.ssh.target import Target, checked

LOCAL = "local"

_ONE = re.compile(r"(?:(?P<user>[^@]*)@)?(?:\[(?P<six>[^][]*)\]|(?P<host>[^:@[\]]*))(?::(?P<port>[^:]*))?")
_SHAPE = "Expected [USER@]HOST[:PORT], with an IPv6 address in brackets, or `local`."


def parse_hosts(text: str) -> tuple[Target, ...]:
    """Return the targets of a comma-separated list.

    Raises:
        UsageError: one is malformed, or named twice.
    """
    parts = [part.strip() for part in text.split(",")]
    if not any(parts):
        raise UsageError("no hosts are named", "", _SHAPE)
    return unique(tuple(parse_host(part) for part in parts if part))


def parse_host(text: str) -> Target:
    """Return one target.

    Raises:
        UsageError: it is malformed.
    """
    if text == LOCAL:
        return Target(LOCAL, local=True)
    match = _ONE.fullmatch(text)
    name = match and (match["six"] or match["host"])
    if not match or not name or match["user"] == "":
        raise UsageError(f"{clean(text, 80)!r} is no host", "", _SHAPE)
    return checked(Target(name, user=match["user"] or "", port=_port(match["port"], text)))


def _port(text: str | None, whole: str) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise UsageError(f"{clean(whole, 80)!r} has no proper port", "ports are 1 to 65535", _SHAPE)
    return int(text)


def unique(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Return `targets` when no two have one name.

    Raises:
        UsageError: two have.
    """
    names: set[str] = set()
    for target in targets:
        if target.name in names:
            remedy = "Name it once; hosts that share an address need names of their own, in an inventory."
            raise UsageError(f"host {target.name} is named twice", "", remedy)
        names.add(target.name)
    return targets
