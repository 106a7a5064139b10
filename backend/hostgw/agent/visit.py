"""Ask in the namespaces of containers without holding anything there that would keep them alive."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from typing import Iterator, List, Optional

from hostgw.agent.netlink import Message, Netlink

OWN = "/proc/self/ns/net"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def entrance(path: str, inode: int = 0) -> int:
    """Open the namespace at a path.

    Raises:
        OSError: it is gone, another one is at that path by now (`inode` says which is meant), or we may not.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if inode and os.fstat(fd).st_ino != inode:
        os.close(fd)
        raise OSError(errno.ESTALE, f"{path} is another namespace by now")
    return fd


@contextmanager
def inside(path: str, inode: int = 0) -> Iterator[None]:
    """Stand in another namespace for the length of a block: sockets made in it stay there.

    Raises:
        OSError: the namespace is gone, or we may not enter it.
    """
    home, there = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC), -1
    try:
        there = entrance(path, inode)
        _setns(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)
        if there >= 0:
            os.close(there)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Visitor(Netlink):
    """Asks in a container's namespace. A socket there would keep it, and its veth, alive: so none is kept for long."""

    def __init__(self, path: str, inode: int) -> None:
        self.path, self.inode = path, inode
        self._stays = False
        self._kept: Optional[Netlink] = None

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Keep one socket there, once it is needed, for the length of a block."""
        self._stays = True
        try:
            yield
        finally:
            self._stays, kept, self._kept = False, self._kept, None
            if kept:
                kept.close()

    def close(self) -> None:
        """Nothing is open."""

    def dump(self, kind: int, body: bytes) -> List[Message]:
        """Return what the kernel lists there.

        Raises:
            OSError: the namespace is gone.
        """
        with self._socket_there() as netlink:
            return netlink.dump(kind, body)

    def ask(self, kind: int, body: bytes, flags: int = 0) -> List[Message]:
        """Send a request there that is acknowledged.

        Raises:
            OSError: the kernel refuses, or the namespace is gone.
        """
        with self._socket_there() as netlink:
            return netlink.ask(kind, body, flags)

    @contextmanager
    def _socket_there(self) -> Iterator[Netlink]:
        netlink = self._kept
        if netlink is None:
            with inside(self.path, self.inode):
                netlink = Netlink()
        if self._stays:
            self._kept = netlink
        try:
            yield netlink
        finally:
            if netlink is not self._kept:
                netlink.close()
