"""Reach a host by paramiko, with the work-arounds that measurements asked for.

TCP, proxy and host keys are our own (`dial`, `proxy`, `known_hosts`). paramiko's transport thread wakes ten times a
second by default; once logged in ours wakes every `_POLL_S`. Closing wakes it at once: our sockets shut down first.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence

import paramiko

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState

_OPEN_S = 30.0
_POLL_S = 5.0

_LOG = logging.getLogger("paramiko")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False  # it would print tracebacks, and text of the server's, into the terminal


class ParamikoProcess:
    """A command in a session channel."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def read(self, size: int, timeout: float) -> bytes:
        """Return what it wrote; see `transport.Process`."""
        self._channel.settimeout(timeout)
        return self._channel.recv(size)

    def read_stderr(self) -> bytes:
        """Return what is there."""
        return self._channel.recv_stderr(1 << 16) if self._channel.recv_stderr_ready() else b""

    def write(self, data: bytes) -> None:
        """Send all of it, however slowly the host takes it."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._channel.send(view[: 1 << 20]) :]  # type: ignore[arg-type]
            except TimeoutError:
                if self._channel.closed:
                    raise OSError("channel is closed") from None
            except (EOFError, paramiko.SSHException) as error:
                raise OSError(clean(str(error) or "connection lost")) from error

    def exit_status(self, timeout: float) -> int | None:
        """Return the exit status; -1 when the server sent none."""
        return self._channel.recv_exit_status() if self._channel.status_event.wait(timeout) else None

    def failure(self, said: Sequence[str]) -> HostError | None:
        """Return nothing: a command that runs has come all the way."""
        return None

    def close(self) -> None:
        """Close the channel; sshd closes the command's standard input."""
        self._channel.close()


class ParamikoTransport:
    """A connection that is logged in."""

    def __init__(self, transport: paramiko.Transport, host: str, release: Callable[[], object] | None = None) -> None:
        self._transport, self._host, self._release = transport, host, release
        transport.sock.settimeout(_POLL_S)

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._transport.is_active()

    def open_process(self, command: str) -> ParamikoProcess:
        """Run `command` in the login shell."""
        try:
            channel = self._transport.open_session(timeout=_OPEN_S)
            channel.settimeout(_OPEN_S)
            channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._refused("the host runs no command for us", error) from error
        return ParamikoProcess(channel)

    def open_tunnel(self, host: str, port: int) -> paramiko.Channel:
        """Open a connection from there to `host`: this is a jump host.

        Raises:
            HostError: it cannot reach the host, or does not forward.
        """
        try:
            return self._transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=_OPEN_S)
        except paramiko.ChannelException as error:
            raise _tunnel_failure(self._host, host, port, error) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._refused("the connection to the jump host broke", error) from error

    def close(self) -> None:
        """Close everything."""
        self._transport.close()
        if self._release:
            self._release()

    def _refused(self, what: str, error: Exception) -> HostError:
        state = HostState.STALE if not self.alive else HostState.UNREACHABLE
        cause = clean(str(error), 160) or "connection closed"
        return HostError(state, what, cause, "Does it give this user a shell?", self._host)


def _tunnel_failure(jump: str, host: str, port: int, error: paramiko.ChannelException) -> HostError:
    where, text = f"{clean(host)} port {port}", clean(str(error.text), 120)
    if error.code == 1:
        remedy = "AllowTcpForwarding and PermitOpen in its sshd_config decide."
        return HostError(HostState.UNREACHABLE, f"jump host {jump} does not forward to {where}", text, remedy)
    what = f"jump host {jump} cannot connect to {where}"
    return HostError(HostState.UNREACHABLE, what, text, "Is the host up, and sshd running there?")


def start(sock: socket.socket | paramiko.Channel, rtt_s: float) -> paramiko.Transport:
    """Make the transport over `sock`; AES-GCM first, which is twice as fast here, and little patience with banners."""
    transport = paramiko.Transport(sock)
    options = transport.get_security_options()
    options.ciphers = tuple(sorted(options.ciphers, key=lambda name: "gcm" not in name))
    transport.banner_timeout = 5.0 + 10 * rtt_s
    transport.handshake_timeout = 15.0 + 20 * rtt_s
    transport.auth_timeout = 30.0 + 10 * rtt_s
    return transport
