"""The exit code of commands that only show: which hosts could be read."""

from __future__ import annotations

from hostgw.live.view import View
from hostgw_tui.commands.output import narrate


def reached(view: View) -> int:
    """Narrate the hosts that could not be read; return 0 all, 4 some, 3 none."""
    hosts = view.fabric.hosts.values()
    failed = [host for host in hosts if not host.readable]
    for host in failed:
        narrate(f"{host.name}: {host.error or host.state.value}")
    if not failed:
        return 0
    return 3 if len(failed) == len(hosts) else 4
