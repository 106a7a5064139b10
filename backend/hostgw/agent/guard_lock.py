"""One pending change per host: a lock that other users can neither take nor fake.

It is a flock(2) on something that only root can open, opened for reading, so that it works on a full or read-only disk.
The guard and its shadow share it: it falls when both are gone, or when one of them lets go.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from typing import Iterator


class Busy(Exception):  # noqa: N818 - somebody else works
    """Another change is pending on this host."""


class Lock:
    """Held from its making until `release`, by this process and those forked from it."""

    def __init__(self) -> None:
        """Take it.

        Raises:
            Busy: somebody else holds it.
            OSError: there is nothing that only root can open.
        """
        self._fd = os.open(_place(), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise Busy from None

    def release(self) -> None:
        """Let go, for all who hold it."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)


def _place() -> str:
    for path in _candidates():
        try:
            found = os.stat(path)
        except OSError:
            continue
        if found.st_uid == 0 and not stat.S_IMODE(found.st_mode) & 0o077:
            return path
    return "/etc/shadow"  # often readable by a group, but by no ordinary user


def _candidates() -> Iterator[str]:
    try:
        yield pwd.getpwuid(0).pw_dir
    except KeyError:
        pass
    yield from ("/root", "/var/lib/private", "/etc/ssl/private", "/lost+found")
