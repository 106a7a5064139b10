"""An inventory as it was found: a hosts.toml that says what the hosts are, for whoever wants to hold them to it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

from hostgw.live.view import View
from hostgw.mesh import Member
from hostgw.model.host import Role
from hostgw.model.ip import address_text

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def hosts_toml(view: View, now_s: float) -> str:
    """Return the text; what could not be found out is a comment that says why."""
    mesh = view.mesh
    network = f"network = {quoted(str(mesh.network))}" if mesh.network else "# network = ... was not found out"
    today = time.strftime("%Y-%m-%d", time.localtime(now_s))
    lines = [
        f"# Hosts of a host-gw network, as hostgw-tui found them on {today}.",
        "# What is written here is what shall be: a host that differs is a finding. All keys: docs/hosts-toml.md",
        "",
        f"{network:<34} # the range of all container subnets",
        "# complete = true                 # no other host belongs to it, so a route to one is stale",
    ]
    for name, host in view.fabric.hosts.items():
        lines += ["", f"[hosts.{name if _BARE.fullmatch(name) else quoted(name)}]"]
        lines += [f"# {host.state.value}: {host.error}"] if not host.readable else []
        lines += [f"address = {quoted(host.address)}"] if host.address and host.address != name else []
        lines += _member(mesh.members.get(name))
    return "\n".join(lines) + "\n"


def _member(member: Member | None) -> Iterator[str]:
    if member is None:
        return
    subnets = [quoted(str(subnet.prefix)) for subnet in member.subnets]
    if member.role is Role.EXTERNAL:
        yield f"role = {quoted(Role.EXTERNAL.value)}                # owns no subnet"
    elif subnets:
        shown = subnets[0] if len(subnets) == 1 else f"[{', '.join(subnets)}]"
        yield f"subnet = {shown:<24} # {member.subnets[0].reason}"
    else:
        yield "# subnet = ... none was found"
    if member.underlay:
        yield f"underlay = {quoted(address_text(member.underlay.address)):<22} # on {member.underlay.interface}"


def quoted(text: str) -> str:
    """Return a basic string of TOML; JSON's escapes are among its own."""
    return json.dumps(text)
