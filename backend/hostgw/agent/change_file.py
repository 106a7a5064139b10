"""A configuration file, made, replaced or deleted as a whole.

It is written beside itself and renamed, so that whoever reads it finds the old or the new one, also after a power cut.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Dict, List, Optional

from hostgw.agent import backups, files
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
DIRECTORY_MODE = 0o755
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(watch: Watch, change: Row) -> Optional[str]:
    """Return what the file holds, or None where there is none.

    Raises:
        ValueError: it is none that we touch, or its permissions are not those of the preview.
    """
    if watch.ns != 0:
        raise ValueError("files of containers are not changed")
    held = files.read(change["path"])
    if held and held.mode != change["mode"]:
        raise ValueError(f"{change['path']} has mode {held.mode:o}, not {change['mode']:o}")
    return held.text if held else None


def brief(text: Optional[str]) -> str:
    """Say what is there without its content, which may be secret."""
    return "not there" if text is None else f"another one ({len(text.encode())} bytes)"


def make(_watch: Watch, change: Row, before: Optional[str], after: Optional[str]) -> None:
    """Write or delete the file, keeping a copy of what was there; a failure leaves nothing behind."""
    path = change["path"]
    files.check(path)
    if after is not None and len(after.encode()) > files.MAX_SIZE:
        raise ValueError(f"{path} would be longer than {files.MAX_SIZE >> 10} KiB")
    returns = backups.holds(path, after)
    made: List[str] = []
    try:
        if not returns:
            backups.keep(path, before)
        if after is not None:
            _make_directories(change, made)
        _put(path, after, change["mode"])
    except (OSError, ValueError) as error:
        _remove_directories(made)
        if not returns:
            with suppress(OSError):
                backups.drop(path, before)
        raise ValueError(f"{path}: {getattr(error, 'strerror', '') or error}") from error
    if after is None:
        _remove_directories(_parents(change))
    if returns:
        backups.drop(path, after)


def _put(path: str, text: Optional[str], mode: int) -> None:
    directory, name = files.split(path)
    outer = files.enter(directory)
    try:
        if text is None:
            os.unlink(name, dir_fd=outer)
        else:
            _replace(outer, name, path, text, mode)
        os.fsync(outer)
    finally:
        os.close(outer)


def _replace(outer: int, name: str, path: str, text: str, mode: int) -> None:
    """Write a new file with the owner, permissions and labels of the old one, and give it the old one's name."""
    held, beside = files.read(path), f".{name}.hostgw-new"
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=outer)  # of a run that died
    try:
        with open(os.open(beside, _NEW, 0o600, dir_fd=outer), "wb") as file:
            file.write(text.encode())
            if held:
                os.fchown(file.fileno(), held.status.st_uid, held.status.st_gid)
                _copy_labels(outer, name, file.fileno())
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, name, src_dir_fd=outer, dst_dir_fd=outer)
    except OSError:
        with suppress(OSError):
            os.unlink(beside, dir_fd=outer)
        raise


def _copy_labels(outer: int, name: str, new: int) -> None:
    """Copy SELinux labels and access lists, as far as this file system has them."""
    old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=outer)
    try:
        with suppress(OSError):
            for label in os.listxattr(old):
                os.setxattr(new, label, os.getxattr(old, label))
    finally:
        os.close(old)


# ---- directories ----


def _parents(change: Row) -> List[str]:
    """Return the directories that are there only for the file, the outermost first.

    Raises:
        ValueError: one of them is not above it, or too far.
    """
    for directory in change["parents"]:
        if not change["path"].startswith(f"{directory}/") or directory.count("/") < 2:
            raise ValueError(f"{directory} is no directory for {change['path']}")
    return list(change["parents"])


def _make_directories(change: Row, made: List[str]) -> None:
    for directory in _parents(change):
        above, name = files.split(directory)
        outer = files.enter(above)
        try:
            with suppress(FileExistsError):
                os.mkdir(name, DIRECTORY_MODE, dir_fd=outer)
                os.chmod(name, DIRECTORY_MODE, dir_fd=outer)  # whatever the umask is
                made.append(directory)
            os.fsync(outer)
        finally:
            os.close(outer)


def _remove_directories(directories: List[str]) -> None:
    """Delete directories that are empty, the innermost first."""
    for directory in reversed(directories):
        above, name = files.split(directory)
        with suppress(OSError, ValueError):
            outer = files.enter(above)
            try:
                os.rmdir(name, dir_fd=outer)
                os.fsync(outer)
            finally:
                os.close(outer)
