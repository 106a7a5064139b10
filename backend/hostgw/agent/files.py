"""Configuration files of the host, found and read so that no link leads elsewhere.

Only files below a short list of directories, reached by directories that belong to root and that not everybody can
write to, each opened without following links.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

Row = Dict[str, Any]
BELOW = (
    *("/etc/systemd/", "/etc/NetworkManager/", "/etc/netplan/", "/etc/network/", "/etc/sysctl.d/", "/etc/iptables/"),
    *("/etc/sysconfig/", "/etc/nftables.d/", "/etc/modules-load.d/"),
)
SINGLE = ("/etc/nftables.conf", "/etc/docker/daemon.json")
MAX_SIZE = 256 << 10
MAX_TOTAL = 2 << 20
MAX_FILES = 64
"""Of one directory."""
RUNS = "/run/systemd/system"
"""Exists where systemd is PID 1 (sd_booted(3))."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINK = (errno.ELOOP, errno.ENOTDIR)


class Held(NamedTuple):
    """What a file is."""

    text: str
    status: os.stat_result

    @property
    def mode(self) -> int:
        """Permissions."""
        return stat.S_IMODE(self.status.st_mode)


def check(path: str) -> None:
    """Raise ValueError where a path is none that we touch."""
    plain = all(part not in ("", ".", "..") for part in path[1:].split("/")) and path.isprintable()
    if not plain or not (path in SINGLE or path.startswith(BELOW)):
        raise ValueError(f"{path!r} is no configuration file that is read or changed here")


def split(path: str) -> Tuple[str, str]:
    """Return directory and name."""
    directory, _, name = path.rpartition("/")
    return directory, name


def enter(directory: str) -> int:
    """Open a directory, each part of its path without following links.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a part of it is a link, no directory, or somebody else's.
    """
    inner = os.open("/", _DIRECTORY)
    for part in directory.strip("/").split("/"):
        outer = inner
        try:
            inner = os.open(part, _DIRECTORY, dir_fd=outer)
        except OSError as error:
            if error.errno in _LINK:
                raise ValueError(f"{part} in {directory} is a link, or no directory") from None
            raise
        finally:
            os.close(outer)
        _trust(inner, part, directory)
    return inner


def _trust(fd: int, part: str, directory: str) -> None:
    status = os.fstat(fd)
    if status.st_uid != 0 or status.st_mode & stat.S_IWOTH:
        os.close(fd)
        raise ValueError(f"{part} in {directory} is not root's alone")


def read(path: str) -> Optional[Held]:
    """Return a file, or None where there is none.

    Raises:
        ValueError: the path is none of ours, or what is there is no regular file of text that is short enough.
    """
    check(path)
    directory, name = split(path)
    try:
        outer = enter(directory)
    except FileNotFoundError:
        return None
    try:
        return _read(outer, name, path)
    finally:
        os.close(outer)


def _read(outer: int, name: str, path: str) -> Optional[Held]:
    try:
        fd = os.open(name, _FILE, dir_fd=outer)
    except FileNotFoundError:
        return None
    except OSError as error:
        what = "is a link" if error.errno in _LINK else error.strerror
        raise ValueError(f"{path} {what}") from None
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is no regular file")
        content = file.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise ValueError(f"{path} is longer than {MAX_SIZE >> 10} KiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no UTF-8 text") from None
    if "\0" in text:
        raise ValueError(f"{path} is no text")
    return Held(text, status)


def missing(path: str) -> List[str]:
    """Return the directories above a path that are not there, the outermost first."""
    parts = split(path)[0].split("/")
    above = ["/".join(parts[: end + 1]) for end in range(1, len(parts))]
    return [directory for directory in above if not os.path.lexists(directory)]


def answer(paths: List[str]) -> List[Row]:
    """Return files, and of paths that end in a slash what their directories hold, as rows for the operator."""
    rows: List[Row] = []
    left = MAX_TOTAL
    for path in [each for asked in paths for each in _expanded(asked)]:
        row = _row(path)
        left -= len(row["text"] or "")
        rows.append(row if left >= 0 else {**row, "text": None, "error": "more than is read at once"})
    return rows


def _expanded(path: str) -> List[str]:
    if not path.endswith("/"):
        return [path]
    check(path + "x")
    try:
        fd = enter(path.rstrip("/"))
    except FileNotFoundError:
        return []
    try:
        names = sorted(entry.name for entry in os.scandir(fd) if not entry.is_dir(follow_symlinks=False))
    finally:
        os.close(fd)
    return [path + name for name in names if name.isprintable()][:MAX_FILES]


def _row(path: str) -> Row:
    row: Row = {"path": path, "text": None, "mode": 0, "missing": [], "error": ""}
    try:
        held = read(path)
    except (OSError, ValueError) as error:
        return {**row, "error": str(error)[:400]}
    return {**row, "text": held.text, "mode": held.mode} if held else {**row, "missing": missing(path)}
