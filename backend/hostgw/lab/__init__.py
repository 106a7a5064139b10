"""A cluster of hosts on one Linux machine, in namespaces: for the demo, for tests, and to learn.

The names below are brought in when they are first asked for: the command line knows of labs without building any.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostgw.errors import LabError
    from hostgw.lab.addresses import Host
    from hostgw.lab.faults import Expected, Fault, break_
    from hostgw.lab.healing import heal
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
_HOMES = {
    "hostgw.errors": ("LabError",),
    "hostgw.lab.addresses": ("Host",),
    "hostgw.lab.faults": ("Expected", "Fault", "break_"),
    "hostgw.lab.healing": ("heal",),
    "hostgw.lab.lab": ("Lab", "load"),
    "hostgw.lab.life": ("down", "up"),
    "hostgw.lab.reach": ("connect", "enter_operator", "open_stream"),
    "hostgw.lab.reading": ("differences", "state"),
    "hostgw.lab.sshconf": ("inside_ssh_config", "ssh_config"),
    "hostgw.lab.store": ("names",),
    "hostgw.lab.table": ("FAULTS",),
    "hostgw.lab.variants": ("VARIANTS",),
}


def __getattr__(name: str) -> object:
    home = next((home for home, names in _HOMES.items() if name in names), "")
    if not home:
        raise AttributeError(name)
    return getattr(import_module(home), name)
