"""What all sessions share: slots for handshakes, opened keys, connections to jump hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostgw.ssh.jumps import Jumps
from hostgw.ssh.keys import KeyRing
from hostgw.ssh.limits import Limits

if TYPE_CHECKING:
    from hostgw.ssh.paramiko_transport import ParamikoTransport


class Pool:
    """One per fleet; every session of the fleet gets the same."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.keys = KeyRing()
        self.jumps: Jumps[ParamikoTransport] = Jumps()
