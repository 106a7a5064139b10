"""Private keys: from the key agent and from identity files, each opened once for all hosts."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from hostgw.clean import clean
from hostgw.ssh.settings import Settings

MOST_OFFERED = 5
"""sshd ends a connection after six failures (MaxAuthTries), and newer ones penalise the address."""

_AGENT_PATIENCE_S = 60.0
"""It may ask its owner."""

AskPassphrase = Callable[[str], str | None]
Idle = Callable[[], contextlib.AbstractContextManager[None]]
"""Entered while we wait for a person."""

_UNREADABLE = (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.pkey.UnknownKeyType)


class KeyRing:
    """Identity files already opened. Keys stay in this process's memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[Path, paramiko.PKey | None] = {}

    def open(self, path: Path, ask: AskPassphrase) -> paramiko.PKey | None:
        """Return the key of a file; None when it cannot be read or nobody knows its passphrase.

        One at a time: many hosts with one key ask for its passphrase once.
        """
        with self._lock:
            if path not in self._opened:
                self._opened[path] = _load(path, ask)
            return self._opened[path]

    def must_ask(self, path: Path) -> bool:
        """Tell whether opening a file waits for a person."""
        return path not in self._opened and is_encrypted(path)

    def forget_refusals(self) -> None:
        """Ask again for passphrases that nobody gave."""
        with self._lock:
            self._opened = {path: key for path, key in self._opened.items() if key is not None}


def _load(path: Path, ask: AskPassphrase) -> paramiko.PKey | None:
    for attempt in range(3):
        passphrase = ask(str(path)) if attempt else None
        if attempt and passphrase is None:
            return None
        try:
            return _from_path(path, passphrase)
        except _UNREADABLE:
            if not is_encrypted(path):
                return None
    return None


def _from_path(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Load a key, and its certificate where one lies beside it."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key_file(str(path), password=passphrase)
        except paramiko.PasswordRequiredException:
            raise
        except _UNREADABLE:
            continue
        certificate = Path(f"{path}-cert.pub")
        if certificate.is_file():
            key.load_certificate(str(certificate))
        return key
    raise paramiko.SSHException(f"cannot read {clean(str(path))}")


def is_encrypted(path: Path) -> bool:
    """Tell whether a key file wants a passphrase."""
    try:
        paramiko.Ed25519Key.from_private_key_file(str(path))
    except paramiko.PasswordRequiredException:
        return True
    except _UNREADABLE:
        return _pem_encrypted(path)
    return False


def _pem_encrypted(path: Path) -> bool:
    try:
        return "ENCRYPTED" in path.read_text("ascii", "replace")[:2000]
    except OSError:
        return False


def offers(settings: Settings, ring: KeyRing, ask: AskPassphrase, idle: Idle) -> Generator[tuple[str, paramiko.PKey]]:
    """Yield (label, key): the agent's that the settings name, its others, files in the clear, then encrypted files."""
    offered: set[bytes] = set()
    with _key_agent(settings) as agent:
        for key in _from_agent(settings, agent):
            offered.add(key.asbytes())
            yield "key agent", key
        for path in sorted(settings.identities, key=is_encrypted):
            if _public_blob(path) in offered:
                continue
            with idle() if ring.must_ask(path) else contextlib.nullcontext():
                opened = ring.open(path, ask)
            if opened is not None and opened.asbytes() not in offered:
                offered.add(opened.asbytes())
                yield str(path), opened


def _from_agent(settings: Settings, agent: Sequence[paramiko.PKey]) -> list[paramiko.PKey]:
    named = {blob for path in settings.identities if (blob := _public_blob(path))}
    wanted = [key for key in agent if key.asbytes() in named]
    others = [] if settings.identities_only else [key for key in agent if key.asbytes() not in named]
    return wanted + others


def _public_blob(path: Path) -> bytes:
    try:
        return base64.b64decode(Path(f"{path}.pub").read_text("ascii").split()[1])
    except (OSError, UnicodeError, IndexError, binascii.Error):
        return b""


class _Agent(AgentSSH):
    """A key agent at a socket of our choice (IdentityAgent)."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_AGENT_PATIENCE_S)
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._close()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _key_agent(settings: Settings) -> Iterator[Sequence[paramiko.PKey]]:
    """Give the agent's keys for the length of a block; they sign through its connection."""
    named = settings.agent_socket.removeprefix("$")
    path = os.environ.get("SSH_AUTH_SOCK", "") if named in {"", "SSH_AUTH_SOCK"} else named
    if path in {"", "none"}:
        yield ()
        return
    try:
        agent = _Agent(str(Path(path).expanduser()))
    except (OSError, paramiko.SSHException):
        yield ()
        return
    try:
        yield agent.get_keys()
    finally:
        agent.close()
