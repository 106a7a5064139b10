"""Open a TCP connection, and say in one word why when it cannot be."""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.lifeline import Lifeline

_DEAD_PEER_MS = 15_000
_TIMEOUTS = {errno.ETIMEDOUT}


class QuickAckSocket(socket.socket):
    """Acknowledges at once: the server's Nagle otherwise waits for our delayed ACK, 43 ms a connection (measured)."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive, and arm the quick ACK again, for the kernel forgets it."""
        data = super().recv(bufsize, flags)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def close(self) -> None:
        """Close, waking whoever still reads."""
        shut(self)
        super().close()


@dataclass(frozen=True, slots=True)
class Dialled:
    """An open connection and how long it took to open: one round trip."""

    sock: socket.socket
    rtt_s: float


def shut(sock: socket.socket) -> None:
    """Wake every thread that reads from or connects `sock`."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def dial(host: str, port: int, timeout: float, lifeline: Lifeline) -> Dialled:
    """Connect to the first address of `host` that answers.

    Raises:
        HostError: REFUSED, TIMEOUT or UNREACHABLE, with the cause.
    """
    last: OSError = OSError("no address")
    for family, kind, protocol, _, address in _look_up(host, port):
        started = time.monotonic()
        try:
            sock = _connected(QuickAckSocket(family, kind, protocol), address, timeout, lifeline)
        except OSError as error:
            lifeline.check()
            last = error
        else:
            return Dialled(sock, time.monotonic() - started)
    raise failure(last, host, port, timeout)


_Found = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def _look_up(host: str, port: int) -> list[_Found]:
    try:
        return [(*found,) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        cause = clean(getattr(error, "strerror", None) or str(error))
        what = f"the name {clean(host)} has no address"
        raise HostError(HostState.UNREACHABLE, what, cause, "Check the name, or give an address.") from error


def _connected(sock: QuickAckSocket, address: object, timeout: float, lifeline: Lifeline) -> QuickAckSocket:
    try:
        sock.settimeout(timeout)
        with lifeline.holding(lambda: shut(sock)):
            sock.connect(address)  # type: ignore[arg-type]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_MS)
    except BaseException:
        sock.close()
        raise
    return sock


def failure(error: OSError, host: str, port: int, timeout: float) -> HostError:
    """Return the HostError that says what `error` of a connect means."""
    where = f"{clean(host)} port {port}"
    if isinstance(error, TimeoutError) or error.errno in _TIMEOUTS:
        cause = f"no answer within {timeout:g} s"
        return HostError(HostState.TIMEOUT, f"cannot connect to {where}", cause, "Is it up? Does a firewall drop this?")
    cause = clean(error.strerror or str(error))
    if error.errno == errno.ECONNREFUSED:
        return HostError(HostState.REFUSED, f"{where} refuses connections", cause, "Is sshd running there?")
    return HostError(HostState.UNREACHABLE, f"cannot reach {where}", cause, "Check the route and the address.")
