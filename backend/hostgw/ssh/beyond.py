"""What a host's settings ask for that paramiko cannot do: then the `ssh` program takes its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from hostgw.ssh import known_hosts
from hostgw.ssh.known_hosts import Entry
from hostgw.ssh.settings import Settings

_SECURITY_KEY = b"sk-"
"""How the types of keys begin that a security key holds (OpenSSH, PROTOCOL.u2f)."""


class Choice(StrEnum):
    """By what hosts are reached."""

    AUTO = "auto"
    PARAMIKO = "paramiko"
    SSH = "ssh"


def by_openssh(settings: Settings, choice: Choice, entries: Iterable[Entry]) -> bool:
    """Tell whether a host is to be reached by the `ssh` program."""
    if choice is Choice.AUTO:
        return shutil.which("ssh") is not None and bool(reason(settings, entries))
    return choice is Choice.SSH


def reason(settings: Settings, entries: Iterable[Entry]) -> str:
    """Return what paramiko cannot do for a host; empty when it can do all."""
    if settings.pkcs11:
        return "a key on a PKCS#11 token"
    if any(map(_is_on_security_key, settings.identities)):
        return "a key on a security key"
    if settings.gssapi and not settings.identities and not _agent(settings) and _has_ticket():
        return "a login by GSSAPI"
    if by_authority_only(entries, settings.known_name):
        return "a host certificate"
    return ""


def _is_on_security_key(identity: Path) -> bool:
    try:
        with identity.with_name(f"{identity.name}.pub").open("rb") as file:
            return file.read(len(_SECURITY_KEY)) == _SECURITY_KEY
    except OSError:
        return identity.name.endswith("_sk")


def _agent(settings: Settings) -> bool:
    return settings.agent_socket != "none" and bool(settings.agent_socket or os.environ.get("SSH_AUTH_SOCK"))


def _has_ticket() -> bool:
    """Tell whether there is a Kerberos ticket: Debian allows GSSAPI everywhere, which alone says nothing."""
    return "KRB5CCNAME" in os.environ or Path(f"/tmp/krb5cc_{os.getuid()}").exists()  # noqa: S108 - Kerberos's own


def by_authority_only(entries: Iterable[Entry], host: str) -> bool:
    """Tell whether a host is trusted by an authority alone: a plain key of its own is then never taken."""
    markers = {entry.marker for entry in entries if known_hosts.matches(entry.names, host)} - {"@revoked"}
    return markers == {"@cert-authority"}
