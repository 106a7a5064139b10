"""NetworkManager: routes in the keyfile of the NIC's connection, edited in place, and a connection for the bridge.

Sources: nm-settings-keyfile(5): ``routeN=PREFIX,GATEWAY[,METRIC]`` in [ipv4].
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

from hostgw.model.file import HostFile
from hostgw.plans.persist.model import MARK, NAME, BridgeConfig, Draft, Files, Unusable, Wanted, Way

MANAGER = "NetworkManager"
DIRECTORY = "/etc/NetworkManager/system-connections/"
PRIVATE = 0o600
"""NetworkManager reads no connection that others may read."""
COMMENT = f"# {MARK}: routes to the container subnets of other hosts."
_ROUTE = re.compile(r"^route(\d+)=([^,\s]+),([^,\s]*)")
_SECTION = re.compile(r"^\[(.+)\]\s*$")
_FAMILY = uuid.UUID("7c0b9f6e-5a3d-4d1c-9a52-3f0e2c9b1d47")
"""Under which the ids of our connections are made of names."""


def drafts(wanted: Wanted, files: Files) -> Iterator[Draft]:
    """Yield the changed keyfile of the NIC, and the one of the bridge.

    Raises:
        Unusable: the connection is in no keyfile.
    """
    if wanted.ways:
        held = connection(wanted.nic.place, files)
        if held is None or held.text is None:
            raise Unusable(f"the connection of {wanted.nic.name} is in no file below {DIRECTORY}")
        if change := files.change(held.path, with_routes(held.text, wanted.ways)):
            yield Draft(change, f"NetworkManager sets the routes with {wanted.nic.name}", ("routes-not-persistent",))
    for bridge in wanted.bridges:
        path = f"{DIRECTORY}{NAME}-{bridge.name}.nmconnection"
        if change := files.change(path, bridge_text(bridge), PRIVATE):
            yield Draft(change, f"NetworkManager makes {bridge.name} with its address")


def connection(identity: str, files: Files) -> HostFile | None:
    """Return the keyfile of a connection."""
    line = re.compile(rf"^\s*uuid\s*=\s*{re.escape(identity)}\s*$", re.MULTILINE)
    return next((file for file in files.under(DIRECTORY) if identity and line.search(file.text or "")), None)


def with_routes(text: str, ways: Sequence[Way]) -> str:
    """Return a keyfile with routes; all other lines stay as they are, byte for byte.

    Raises:
        Unusable: it has no section for IPv4.
    """
    lines = text.split("\n")
    start = next((place for place, line in enumerate(lines) if line.strip() == "[ipv4]"), -1)
    if start < 0:
        raise Unusable("the connection says nothing of IPv4")
    end = next((p for p in range(start + 1, len(lines)) if _SECTION.match(lines[p])), len(lines))
    section = _section(lines[start + 1 : end], ways)
    return "\n".join([*lines[: start + 1], *section, *lines[end:]])


def _section(lines: list[str], ways: Sequence[Way]) -> list[str]:
    """Return the lines of a section with routes behind those that are there."""
    held = {match[2]: (place, match) for place, line in enumerate(lines) if (match := _ROUTE.match(line))}
    kept = list(lines)
    number = max((int(match[1]) for _, match in held.values()), default=0)
    new = []
    for way in ways:
        place, match = held.get(way.dst, (-1, None))
        if match is None:
            number += 1
            new.append(f"route{number}={_value(way)}")
            new += [f"route{number}_options=onlink=true"] if way.onlink else []
        elif match[3] != way.gateway:
            kept[place] = f"route{match[1]}={_value(way)}"
    filled = max((place + 1 for place, line in enumerate(kept) if line.strip()), default=0)
    comment = [COMMENT] if new and COMMENT not in kept else []
    return [*kept[:filled], *comment, *new, *kept[filled:]]


def _value(way: Way) -> str:
    return f"{way.dst},{way.gateway}" + (f",{way.metric}" if way.metric else "")


def bridge_text(bridge: BridgeConfig) -> str:
    """Return the keyfile of the bridge."""
    identity = uuid.uuid5(_FAMILY, f"{bridge.name} {bridge.mac}")
    return "\n".join(
        [
            f"# {MARK}: the bridge of this host's containers.",
            *("[connection]", f"id={NAME}-{bridge.name}", f"uuid={identity}", "type=bridge"),
            *(f"interface-name={bridge.name}", ""),
            *("[bridge]", f"mac-address={bridge.mac}", "stp=false", ""),
            *("[ipv4]", "method=manual", f"address1={bridge.address}", ""),
            *("[ipv6]", "method=disabled", ""),
        ]
    )
