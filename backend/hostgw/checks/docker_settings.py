"""Settings that Docker has not read yet, or cannot read (A2)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.agent.settings import BROKEN
from hostgw.checks.bridge_addresses import prefixes_of
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.assigned import BIP_REASON, DAEMON_JSON, assignments
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text

_WORDS = {
    "Expecting ',' delimiter": "a comma is missing before this place",
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected here",
    "Expecting ':' delimiter": "a colon is missing before this place",
    "Expecting value": "a value is missing here",
    "Extra data": "the file goes on after its last brace",
}
"""What Python's JSON reader says, in words for who wrote the file."""


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield files that their programs cannot read, and an address that Docker will give its bridge when it starts."""
    yield from _broken(host)
    yield from _pending(host, mesh)


def _broken(host: Host) -> Iterator[Finding]:
    for path, values in host.root.settings.items():
        if BROKEN not in values:
            continue
        place, _, reason = values[BROKEN].partition(": ")
        summary = f"{path} of {host.name} is no valid JSON: {place}: {_WORDS.get(reason, reason)}"
        yield finding("settings-broken", host.name, path, summary, _consequence(path), (f"{place}: {reason}",))


def _consequence(path: str) -> str:
    if path == DAEMON_JSON:
        return "Docker does not start with it; one that runs still has what the file said before"
    return "what reads it does without, or does not start"


def _pending(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a ``bip`` that the bridge does not have, where the bridge serves another subnet of the mesh meanwhile."""
    member = mesh.members.get(host.name)
    served = {s.bridge: s for s in member.subnets if s.reason != BIP_REASON} if member else {}
    for told in assignments(host):
        subnet, bridge = served.get(told.bridge), host.root.links_by_name.get(told.bridge)
        if told.reason != BIP_REASON or subnet is None or bridge is None or told.prefix in prefixes_of(host, bridge):
            continue
        wanted = f"{address_text(told.gateway)}/{told.prefix.length}"
        held = ", ".join(f"{a.address}/{a.length}" for a in host.root.addresses_of(bridge.index)) or "no address"
        summary = f"{bridge.name} of {host.name} has {held}, and gets {wanted} when Docker starts again"
        effect = f"then containers of {host.name} have addresses of {told.prefix}, and the others route {subnet.prefix}"
        evidence = (f'"bip": "{wanted}" in {DAEMON_JSON}', f"{bridge.name}: inet {held}")
        yield finding("bridge-address-pending", host.name, bridge.name, summary, effect, evidence)
