"""netplan: a file of our own, read after the others; sequences such as `routes` are added to theirs.

Sources: netplan-generate(8), "Handling multiple files"; netplan(5). The id is what the other files call the NIC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from hostgw.plans.persist.model import MARK, NAME, BridgeConfig, Draft, Files, Wanted, Way

MANAGER = "netplan"
DIRECTORY = "/etc/netplan/"
OURS = f"{DIRECTORY}90-{NAME}.yaml"
PRIVATE = 0o600
"""netplan warns of files that others may read."""
KINDS = ("ethernets", "bonds", "bridges", "vlans", "wifis", "modems", "vrfs", "dummy-devices")
_KEY = re.compile(r"^( *)[\"']?([^\s:#\"']+)[\"']?:")


def drafts(wanted: Wanted, files: Files) -> Iterator[Draft]:
    """Yield the file of routes and bridge."""
    texts = [file.text or "" for file in files.others(DIRECTORY, ".yaml")]
    text = yaml_text(wanted, kind_of(wanted.nic.place, texts)) if wanted.anything else None
    if change := files.change(OURS, text, PRIVATE):
        what = " and ".join([*(["routes"] if wanted.ways else []), *(bridge.name for bridge in wanted.bridges)])
        mends = ("routes-not-persistent",) if wanted.ways else ()
        yield Draft(change, f"netplan configures the {what}" if what else "nothing of ours for netplan", mends)


def yaml_text(wanted: Wanted, kind: str) -> str:
    """Return our file; `kind` is the mapping that holds the NIC."""
    parts: dict[str, list[str]] = {}
    if wanted.ways:
        routes = [line for way in wanted.ways for line in _route(way)]
        parts.setdefault(kind, []).extend([f"    {_scalar(wanted.nic.place)}:", "      routes:", *routes])
    for bridge in wanted.bridges:
        parts.setdefault("bridges", []).extend(_bridge(bridge))
    body = [line for name, lines in parts.items() for line in (f"  {name}:", *lines)]
    head = f"# {MARK}: routes to the container subnets of other hosts, and the own bridge."
    return "\n".join([head, "network:", "  version: 2", *body, ""])


def _route(way: Way) -> Iterator[str]:
    yield f"        - to: {way.dst}"
    yield f"          via: {way.gateway}"
    if way.metric:
        yield f"          metric: {way.metric}"
    if way.onlink:
        yield "          on-link: true"


def _bridge(bridge: BridgeConfig) -> Iterator[str]:
    yield f"    {_scalar(bridge.name)}:"
    yield f'      macaddress: "{bridge.mac}"'
    yield f"      addresses: [{bridge.address}]"
    yield "      link-local: []"
    yield "      accept-ra: false"
    yield "      optional: true"
    yield "      parameters:"
    yield "        stp: false"


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) else json.dumps(text)


def kind_of(name: str, texts: Iterable[str]) -> str:
    """Return in which mapping the files have a NIC; nearly all are ethernets."""
    for text in texts:
        section = ""
        for line in text.splitlines():
            found = _KEY.match(line)
            if found and found[2] in KINDS:
                section = found[2]
            elif found and found[2] == name and section:
                return section
    return KINDS[0]
