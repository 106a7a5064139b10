"""What known_hosts files say of a host's key: every pattern and marker that ssh knows, and nothing that it does not.

paramiko's own reader fails on a whole file for one ``@revoked`` line and matches no wildcards (measured), so this one
reads them instead. Lines that cannot be read are skipped, as ssh does.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

MAX_BYTES = 32 << 20


class Verdict(Enum):
    """What the files say of an offered key."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"
    AUTHORITY = "authority"
    """No key is listed, but a certificate authority is trusted for the host."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file."""

    path: Path
    line: int
    marker: str
    """``@revoked``, ``@cert-authority`` or nothing."""
    names: str
    key_type: str
    key: bytes

    @property
    def where(self) -> str:
        """File and line, as ssh prints them."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict and the line that it rests on."""

    verdict: Verdict
    entry: Entry | None = None


def read(paths: Iterable[Path]) -> list[Entry]:
    """Return the readable lines of all files that exist."""
    return [entry for path in paths for entry in _entries(path)]


def _entries(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if entry := _entry(path, number, line):
            yield entry


def _entry(path: Path, number: int, line: str) -> Entry | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3 or marker not in {"", "@revoked", "@cert-authority"}:
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(path, number, marker, words[0], words[1], key) if _type_of(key) == words[1] else None


def _type_of(key: bytes) -> str:
    """Return the type that a key blob itself names."""
    length = int.from_bytes(key[:4], "big")
    return key[4 : 4 + length].decode("ascii", "replace") if length <= 64 else ""


def matches(names: str, host: str) -> bool:
    """Tell whether the first field of a line names `host` (in lower case, ``[host]:port`` off port 22)."""
    if names.startswith("|1|"):
        return _hashed(names, host)
    found = False
    for pattern in names.lower().split(","):
        wanted = pattern.removeprefix("!")
        if not _wildcard(wanted, host):
            continue
        if pattern.startswith("!"):
            return False
        found = True
    return found


def _wildcard(pattern: str, host: str) -> bool:
    """Match with ``*`` and ``?`` only: brackets are part of ``[host]:port``."""
    return fnmatch.fnmatchcase(host, pattern.replace("[", "[[]"))


def _hashed(names: str, host: str) -> bool:
    try:
        _, _, salt, digest = names.split("|")
        expected = base64.b64decode(digest, validate=True)
        return hmac.compare_digest(hmac.digest(base64.b64decode(salt, validate=True), host.encode(), "sha1"), expected)
    except (binascii.Error, ValueError):
        return False


def check(entries: list[Entry], host: str, key: bytes, bare: str = "") -> Answer:
    """Judge the `key` that `host` offers. `bare` is its name without the port: a key that matches there counts too."""
    mine = [entry for entry in entries if matches(entry.names, host)]
    plain = [entry for entry in entries if bare and matches(entry.names, bare)]
    for entry in mine + plain:
        if entry.marker == "@revoked" and entry.key == key:
            return Answer(Verdict.REVOKED, entry)
    listed = [entry for entry in mine if not entry.marker]
    for entry in listed + [entry for entry in plain if not entry.marker]:
        if entry.key == key:
            return Answer(Verdict.KNOWN, entry)
    if listed:
        same = [entry for entry in listed if entry.key_type == _type_of(key)]
        return Answer(Verdict.CHANGED, (same or listed)[0])
    authority = next((entry for entry in mine if entry.marker == "@cert-authority"), None)
    return Answer(Verdict.AUTHORITY, authority) if authority else Answer(Verdict.UNKNOWN)


def key_types(entries: list[Entry], host: str) -> list[str]:
    """Return the types of the keys listed for `host`: the ones to ask it for."""
    return list(dict.fromkeys(entry.key_type for entry in entries if not entry.marker and matches(entry.names, host)))


def fingerprint(key: bytes) -> str:
    """Return the fingerprint as ssh shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def add(path: Path, host: str, key: bytes, hashed: bool = False) -> None:
    """Append a key, hashed when `hashed` or when the file's other lines are.

    Raises:
        OSError: the file cannot be written.
    """
    present = list(_entries(path))
    name = _hash_name(host) if hashed or any(entry.names.startswith("|1|") for entry in present) else host
    line = f"{name} {_type_of(key)} {base64.b64encode(key).decode()}\n".encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)


def _hash_name(host: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, host.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
