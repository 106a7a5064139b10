"""From a host's settings to a connection that is logged in: dial, host key, login; jump hosts by the way."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh import host_key
from hostgw.ssh.auth import Login
from hostgw.ssh.considerate import Considerate
from hostgw.ssh.dial import dial
from hostgw.ssh.jumps import Lease
from hostgw.ssh.keys import KeyRing
from hostgw.ssh.lifeline import Lifeline
from hostgw.ssh.limits import Slot
from hostgw.ssh.paramiko_transport import ParamikoTransport, start
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import Prompter
from hostgw.ssh.proxy import ProxySocket
from hostgw.ssh.settings import Settings, resolve_hop

_DEEPEST = 8
_HANDSHAKE_S = 40.0


@dataclass(frozen=True, slots=True)
class Means:
    """What connecting needs besides the settings."""

    pool: Pool
    prompter: Prompter
    ssh_config: Path | None = None
    timeout_s: float | None = None
    """TCP connect timeout; None: the settings'."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A byte stream to an sshd."""

    sock: socket.socket | paramiko.Channel
    rtt_s: float = 0.0
    lease: Lease[ParamikoTransport] | None = None


def connect(settings: Settings, means: Means, lifeline: Lifeline, depth: int = 0) -> ParamikoTransport:
    """Connect, check the host key, log in.

    Raises:
        HostError: with the state that says why not.
        Cut: the session was closed meanwhile.
    """
    if depth > _DEEPEST:
        raise HostError(HostState.UNREACHABLE, "jump hosts lead in a circle", "", "Correct ProxyJump.", settings.name)
    try:
        if settings.proxy_jump and not settings.proxy_command:
            return _behind_jump(settings, means, lifeline, depth)
        with means.pool.limits.slot((settings.hostname, settings.port), lifeline) as slot:
            return _logged_in(settings, means, lifeline, slot, _direct(settings, means, lifeline))
    except HostError as error:
        error.host = error.host or settings.name
        raise


def _direct(settings: Settings, means: Means, lifeline: Lifeline) -> _Way:
    if settings.proxy_command:
        return _Way(ProxySocket.start(settings.proxy_command, settings.name))
    dialled = dial(settings.hostname, settings.port, means.timeout_s or settings.connect_timeout, lifeline)
    return _Way(dialled.sock, dialled.rtt_s)


def _behind_jump(settings: Settings, means: Means, lifeline: Lifeline, depth: int) -> ParamikoTransport:
    *rest, last = settings.proxy_jump
    hop = resolve_hop(last, rest, means.ssh_config)
    key = (hop.hostname, hop.port, hop.user, hop.proxy_command, hop.proxy_jump)
    lease = means.pool.jumps.lease(key, lambda: connect(hop, means, lifeline, depth + 1))
    try:
        with means.pool.limits.slot((settings.hostname, settings.port), lifeline) as slot:
            way = _Way(lease.hop.open_tunnel(settings.hostname, settings.port), lease=lease)
            return _logged_in(settings, means, lifeline, slot, way)
    except BaseException:
        lease.release()
        raise


def _logged_in(settings: Settings, means: Means, lifeline: Lifeline, slot: Slot, way: _Way) -> ParamikoTransport:
    try:
        transport = start(way.sock, way.rtt_s)
    except BaseException:
        way.sock.close()
        raise
    try:
        with lifeline.holding(lambda: _abandon(transport, way)):
            _handshake(transport, settings, way, means.pool.keys, Considerate(means.prompter, slot))
    except BaseException:
        _abandon(transport, way)
        lifeline.check()
        raise
    return ParamikoTransport(transport, settings.name, way.lease.release if way.lease else None)


def _abandon(transport: paramiko.Transport, way: _Way) -> None:
    transport.packetizer.complete_handshake()  # its timer is a thread that outlives the attempt
    transport.close()
    way.sock.close()


def _handshake(
    transport: paramiko.Transport, settings: Settings, way: _Way, ring: KeyRing, prompter: Considerate
) -> None:
    entries = host_key.entries_for(settings)
    options = transport.get_security_options()
    options.key_types = host_key.preferred(entries, settings, tuple(options.key_types))
    try:
        transport.start_client(timeout=_HANDSHAKE_S + 20 * way.rtt_s)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
        raise _handshake_failure(settings, way, error) from error
    host_key.judge(settings, entries, key.get_name(), key.asbytes(), prompter.confirm_host_key)
    Login(transport, settings, ring, prompter).run()


def _handshake_failure(settings: Settings, way: _Way, error: Exception) -> HostError:
    said = way.sock.said() if isinstance(way.sock, ProxySocket) else ""
    if isinstance(error, IncompatiblePeer):
        what, remedy = f"{settings.hostname} and we have no algorithm in common", "Update its sshd."
        return HostError(HostState.UNREACHABLE, what, clean(str(error), 160), remedy, settings.name)
    cause = said or clean(str(error), 160) or "it closed the connection"
    what = f"no SSH handshake with {settings.hostname} port {settings.port}"
    return HostError(HostState.UNREACHABLE, what, cause, "Is this an sshd, and is it not overloaded?", settings.name)
