"""Network namespaces: entering them, and names for them under /run/netns."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED: Final = Path("/run/netns")
"""Where `ip netns` looks for names."""
_NEWNET: Final = 0x40000000
_BIND, _REC, _SHARED, _DETACH = 0x1000, 0x4000, 0x100000, 2
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def enter(path: str) -> None:
    """Move the calling thread into the network namespace at a path; raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(handle, _NEWNET), f"setns {path}")
    finally:
        os.close(handle)


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Let the calling thread work in a network namespace, then go back; raises OSError."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(path)
        try:
            yield
        finally:
            _check(_libc.setns(home, _NEWNET), "setns back")
    finally:
        os.close(home)


def _bind(source: str, target: Path, flags: int) -> int:
    return int(_libc.mount(source.encode(), bytes(target), b"none", ctypes.c_ulong(flags), None))


def share_names() -> bool:
    """Make /run/netns a shared mount point as iproute2 does; True when it was not one before."""
    NAMED.mkdir(mode=0o755, exist_ok=True)
    if _bind("", NAMED, _SHARED | _REC) == 0:
        return False
    _check(_bind(str(NAMED), NAMED, _BIND | _REC), f"mount {NAMED}")
    _check(_bind("", NAMED, _SHARED | _REC), f"share {NAMED}")
    return True


def unshare_names() -> None:
    """Take the mount point on /run/netns away when no name is left in it."""
    if NAMED.is_dir() and not any(NAMED.iterdir()):
        _libc.umount2(bytes(NAMED), _DETACH)
        with suppress(OSError):
            NAMED.rmdir()


def give_name(name: str, source: str) -> None:
    """Bind a namespace file to a name; raises OSError, also when the name is taken."""
    target = NAMED / name
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o444))
    try:
        _check(_bind(source, target, _BIND), f"mount {target}")
    except OSError:
        target.unlink()
        raise


def make(name: str) -> None:
    """Make a new, named network namespace; raises OSError."""
    with inside("/proc/thread-self/ns/net"):
        _check(_libc.unshare(_NEWNET), "unshare")
        give_name(name, "/proc/thread-self/ns/net")


def take_name(name: str) -> None:
    """Remove a name; the namespace goes with its last user. A name that is not there is no error."""
    target = NAMED / name
    _libc.umount2(bytes(target), _DETACH)
    target.unlink(missing_ok=True)


def names(prefix: str) -> list[str]:
    """Names under /run/netns that begin with a prefix, sorted."""
    if not NAMED.is_dir():
        return []
    return sorted(path.name for path in NAMED.iterdir() if path.name.startswith(prefix))
