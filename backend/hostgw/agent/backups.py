"""Copies of the files that were replaced, until they are put back.

They lie in a directory of our own: beside a file, some program reads whatever is there (``interfaces.d/*``). A copy is
named after the file and what it held, so that a file which gets back what a copy holds gives up this copy.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import Optional

from hostgw.agent import files

ABOVE, OURS = "/var/lib", "hostgw-tui"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def name(path: str, text: Optional[str]) -> str:
    """Return how the copy of a file with this text is called; an empty one says that there was no file."""
    held = "absent" if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{path.strip('/').replace('/', '%')}.{held}"


def holds(path: str, text: Optional[str]) -> bool:
    """Tell whether there is a copy of a file with this text."""
    try:
        place = _enter(make=False)
    except FileNotFoundError:
        return False
    try:
        os.stat(name(path, text), dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return False
    finally:
        os.close(place)
    return True


def keep(path: str, text: Optional[str]) -> None:
    """Copy what a file holds."""
    place = _enter(make=True)
    try:
        with open(os.open(name(path, text), _NEW, 0o600, dir_fd=place), "wb") as file:
            file.write((text or "").encode())
            file.flush()
            os.fsync(file.fileno())
        os.fsync(place)
    finally:
        os.close(place)


def drop(path: str, text: Optional[str]) -> None:
    """Delete a copy, and our directory with the last of them."""
    with suppress(FileNotFoundError):
        place = _enter(make=False)
        try:
            os.unlink(name(path, text), dir_fd=place)
        finally:
            os.close(place)
        above = files.enter(ABOVE)
        try:
            with suppress(OSError):  # there are others
                os.rmdir(OURS, dir_fd=above)
        finally:
            os.close(above)


def _enter(make: bool) -> int:
    if make:
        above = files.enter(ABOVE)
        try:
            with suppress(FileExistsError):
                os.mkdir(OURS, 0o700, dir_fd=above)
        finally:
            os.close(above)
    return files.enter(f"{ABOVE}/{OURS}")
