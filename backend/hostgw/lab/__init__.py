"""A cluster of hosts on one Linux machine, in namespaces: for the demo, for tests, and to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostgw.errors import LabError
from hostgw.lab.addresses import Host
from hostgw.lab.faults import Expected, Fault, break_
from hostgw.lab.lab import Lab, load
from hostgw.lab.life import down, up
from hostgw.lab.reach import connect, enter_operator, open_stream
from hostgw.lab.reading import differences, state
from hostgw.lab.sshconf import inside_ssh_config, ssh_config
from hostgw.lab.store import names
from hostgw.lab.table import FAULTS
from hostgw.lab.variants import VARIANTS

__all__ = [
    "FAULTS",
    "VARIANTS",
    "Expected",
    "Fault",
    "Host",
    "Lab",
    "LabError",
    "break_",
    "connect",
    "differences",
    "down",
    "enter_operator",
    "heal",
    "inside_ssh_config",
    "load",
    "names",
    "open_stream",
    "ssh_config",
    "state",
    "up",
]

if TYPE_CHECKING:
    from hostgw.lab.healing import heal


def __getattr__(name: str) -> object:
    """Bring in healing, and with it pyroute2, when it is first asked for."""
    if name == "heal":
        from hostgw.lab.healing import heal

        return heal
    raise AttributeError(name)
