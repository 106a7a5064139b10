"""The host key policy: known keys pass, an unknown one is asked about once, a changed or revoked one stops the host."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import HostError, KeyUnknownError
from hostgw.model.host_state import HostState
from hostgw.ssh import known_hosts
from hostgw.ssh.known_hosts import Answer, Entry, Verdict
from hostgw.ssh.settings import Settings

Confirm = Callable[[str, str, str], bool]
"""Asks a person: host, key type, fingerprint."""

_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_CHANGED_REMEDY = "If the change is intended, remove the line with `ssh-keygen -R`; if not, somebody else may answer."


def entries_for(settings: Settings) -> list[Entry]:
    """Read the host's known_hosts files."""
    return known_hosts.read((*settings.user_known_hosts, *settings.global_known_hosts))


def preferred(entries: list[Entry], settings: Settings, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Order the algorithms to ask for: those whose keys we know come first, else a known host would look unknown."""
    listed = known_hosts.key_types(entries, settings.known_name) or known_hosts.key_types(entries, _bare(settings))
    first = [algorithm for kind in listed for algorithm in _ALGORITHMS.get(kind, (kind,)) if algorithm in offered]
    return tuple(dict.fromkeys((*first, *offered)))


def judge(settings: Settings, entries: list[Entry], key_type: str, key: bytes, confirm: Confirm) -> None:
    """Let a known key pass, ask about an unknown one and remember the yes.

    Raises:
        KeyUnknownError: it is unknown and nobody accepted it.
        HostError: it changed or is revoked; nobody is asked.
    """
    name = settings.known_name
    answer = known_hosts.check(entries, name, key, _bare(settings))
    if answer.verdict is not Verdict.REVOKED and _revoked(settings, key_type, key):
        answer = Answer(Verdict.REVOKED)
    if answer.verdict is Verdict.KNOWN:
        return
    if answer.verdict is Verdict.UNKNOWN:
        _ask(settings, key_type, key, confirm)
        return
    raise _stop(settings, answer, key_type, known_hosts.fingerprint(key))


def _bare(settings: Settings) -> str:
    return "" if settings.host_key_alias or settings.port == 22 else settings.hostname.lower()


def _ask(settings: Settings, key_type: str, key: bytes, confirm: Confirm) -> None:
    print_ = known_hosts.fingerprint(key)
    if not confirm(settings.name, clean(key_type, 60), print_):
        remedy = f"Compare it, then connect once with `{settings.command}`, or start with --accept-new."
        raise KeyUnknownError(settings.name, clean(key_type, 60), print_, remedy)
    if not settings.user_known_hosts:
        return
    path = settings.user_known_hosts[0]
    try:
        known_hosts.add(path, settings.known_name, key, settings.hash_known_hosts)
    except OSError as error:
        cause = clean(f"{path}: {error.strerror}")
        raise HostError(
            HostState.KEY_UNKNOWN, "the key cannot be remembered", cause, "Make the file writable.", settings.name
        ) from error


def _stop(settings: Settings, answer: Answer, key_type: str, print_: str) -> HostError:
    where = answer.entry.where if answer.entry else settings.revoked_keys
    offered = f"it offers {clean(key_type, 60)} {print_}"
    if answer.verdict is Verdict.REVOKED:
        what, cause, remedy = "host key is revoked", f"{offered}, revoked in {where}", "Give the host a new key."
    elif answer.verdict is Verdict.AUTHORITY:
        what, cause = "host is trusted by certificate only", f"{where} names an authority; {offered}"
        remedy = "Leave out --transport paramiko, which knows no certificates, or list the plain key in known_hosts."
        return HostError(HostState.KEY_UNKNOWN, what, cause, remedy, settings.name)
    else:
        listed = answer.entry.key_type if answer.entry else ""
        what, cause, remedy = (
            "HOST KEY HAS CHANGED",
            f"{offered}, but {where} lists another ({listed})",
            _CHANGED_REMEDY,
        )
    return HostError(HostState.KEY_CHANGED, what, cause, remedy, settings.name)


def _revoked(settings: Settings, key_type: str, key: bytes) -> bool:
    """Look the key up in RevokedHostKeys: a list of keys or a binary KRL. One that cannot be read revokes every key."""
    if not settings.revoked_keys:
        return False
    path = Path(settings.revoked_keys).expanduser()
    line = f"{key_type} {base64.b64encode(key).decode()}"
    try:
        data = path.read_bytes()
    except OSError:
        return True
    return _in_krl(path, line) if data.startswith(b"SSHKRL") else line.split()[1].encode() in data.split()


def _in_krl(path: Path, line: str) -> bool:
    """Ask ssh-keygen, which knows the format."""
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(line + "\n")
        file.flush()
        argv = ["ssh-keygen", "-Q", "-f", str(path), file.name]
        return (
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).returncode != 0
        )
