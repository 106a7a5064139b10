"""The way to one host: settings, connection, agent. A session takes it at each attempt, a confirm once more."""

from __future__ import annotations

import sys

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh.beyond import by_authority_only, by_openssh
from hostgw.ssh.bootstrap import Started, Wishes, start_agent
from hostgw.ssh.connect import Means, connect
from hostgw.ssh.host_key import entries_for
from hostgw.ssh.lifeline import Lifeline
from hostgw.ssh.local import LocalTransport
from hostgw.ssh.openssh import openssh
from hostgw.ssh.options import Options
from hostgw.ssh.plain_process import start_plain
from hostgw.ssh.pool import Pool
from hostgw.ssh.remembering import Remembering
from hostgw.ssh.settings import resolve
from hostgw.ssh.target import Target
from hostgw.ssh.transport import Transport
from hostgw.wire import Request, encode


class Reach:
    """How to come to an agent on `target`."""

    def __init__(self, target: Target, options: Options, prompter: Remembering, pool: Pool) -> None:
        self._target, self._options, self._prompter, self._pool = target, options, prompter, pool
        self.address = target.host or target.name
        """Where ssh's settings say the host is; a name or an address."""

    def transport(self, lifeline: Lifeline) -> Transport:
        """Open a new connection; `lifeline` closes it.

        Raises:
            HostError: with the state that says why not.
            UsageError: ssh refuses its settings.
        """
        transport: Transport
        if self._target.local:
            transport = LocalTransport()
        else:
            options = self._options
            means = Means(self._pool, self._prompter, options.ssh_config, options.connect_s)
            settings = resolve(self._target, options.ssh_config)
            self.address = settings.hostname
            known = entries_for(settings)
            if by_openssh(settings, options.transport, known):
                new = options.accept_new and not by_authority_only(known, settings.known_name)
                transport = openssh(self._target, settings, options.ssh_config, new, options.connect_s)
            else:
                transport = connect(settings, means, lifeline)
        self._prompter.succeeded()
        lifeline.hold(transport.close)
        return transport

    def agent(self, first: Request, lifeline: Lifeline) -> Started:
        """Start an agent over a new connection and send it `first`; without a Python there, what stands in for it."""
        try:
            started = self._started(self.transport(lifeline), encode(first))
        except HostError as error:
            lifeline.check()
            error.host = error.host or self._target.name
            if error.state in {HostState.AUTH_FAILED, HostState.NO_ROOT}:
                self._prompter.forget()
            raise
        lifeline.hold(started.process.close)
        return started

    def _started(self, transport: Transport, first: bytes) -> Started:
        wishes = self._wishes()
        try:
            return start_agent(transport, wishes, first, self._options.stage)
        except HostError as error:
            if error.state is not HostState.NO_PYTHON or wishes.python:
                raise  # who names a Python wants that one
            return start_plain(transport, wishes.host, wishes.sudo, error)

    @property
    def asks_each_time(self) -> bool:
        """A person has to answer something at every login."""
        return self._prompter.one_time

    def forget_refusals(self) -> None:
        """Ask again for what nobody answered."""
        self._pool.keys.forget_refusals()

    def _wishes(self) -> Wishes:
        target, options = self._target, self._options
        sudo = options.sudo if target.sudo is None else target.sudo
        return Wishes(
            host=target.name,
            sudo=sudo,
            python=target.python or options.python or (sys.executable if target.local else ""),
            deadline_s=options.bootstrap_s,
            sudo_password=lambda: self._prompter.sudo_password(target.name),
        )
