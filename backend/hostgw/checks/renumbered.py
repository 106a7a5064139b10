"""A host has a new address, and its peers still route to the old one (catalogue R25): told apart from a mere typo."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text, prefix
from hostgw.paths.fib import fib


def told(findings: tuple[Finding, ...], fabric: Fabric, mesh: Mesh) -> tuple[Finding, ...]:
    """Return the findings; where every peer routes an owner's subnet to one address that nobody holds, it says so."""
    astray: dict[str, list[Finding]] = defaultdict(list)
    for found in findings:
        if found.code == "route-wrong-next-hop" and found.entry == "R5":
            astray[found.subject].append(found)
    renamed = {new.id: new for same in astray.values() for new in _renamed(same, fabric, mesh)}
    return tuple(renamed.get(found.id, found) for found in findings) if renamed else findings


def _renamed(same: list[Finding], fabric: Fabric, mesh: Mesh) -> Iterable[Finding]:
    wanted = prefix(same[0].subject)
    owner = mesh.owners.get(wanted)
    peers = [name for name in mesh.routes if name != owner]
    old = {route.gateway for f in same for route in fib(fabric.hosts[f.host].root).exact(wanted)[:1]}
    underlay = mesh.members[owner].underlay if owner else None
    if owner is None or underlay is None or len(old) != 1 or "" in old or len(same) < len(peers):
        return ()
    if len(peers) < 2 and fabric.hosts[owner].address not in old:
        return ()  # one peer alone proves nothing, unless we know the owner by that address ourselves
    return _with_words(same, owner, old.pop(), address_text(underlay.address))


def _with_words(same: list[Finding], owner: str, old: str, new: str) -> Iterator[Finding]:
    for found in same:
        summary = f"{found.host} sends {found.subject} to {old}: {owner} had that address, and has {new} now"
        yield msgspec.structs.replace(found, entry="R25", summary=summary)
