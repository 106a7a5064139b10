"""From one thing to another that has to do with it: finding, host, route, rules, path; and back again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from hostgw.live.places import containers
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, maybe_prefix
from hostgw.topology.blame import ABOUT_ROUTES

if TYPE_CHECKING:
    from hostgw.live.view import View

MOST = 20
"""Places that can be gone back to."""
OF_RULES = ("N", "F")
"""How entries of the catalogue begin that are about NAT and filter rules."""


class Place(NamedTuple):
    """A screen, the host that it shows, and what the cursor is on."""

    mode: str
    host: str = ""
    key: str = ""


class Jump(NamedTuple):
    """A key of a dialog, what it leads to in a word, and the place."""

    key: str
    what: str
    place: Place


def of_finding(finding: Finding, view: View) -> tuple[Jump, ...]:
    """Return where to go from a finding: its host, its route or rules, and the path that it breaks."""
    about = maybe_prefix(finding.subject) if finding.code.startswith(ABOUT_ROUTES) else None
    found = [Jump("2", "host", Place("host", finding.host, _device(finding, view)))]
    if about:
        found.append(Jump("3", "route", Place("routes", finding.host, str(about))))
        found += path_to(view, finding.host, about)
    elif finding.entry.startswith(OF_RULES):
        found.append(Jump("4", "rules", Place("nat", finding.host)))
    return tuple(found)


def of_route(view: View, host: str, about: Prefix, owner: str) -> tuple[Jump, ...]:
    """Return where to go from a route: its owner, and the path along it."""
    return (Jump("2", "owner", Place("host", owner)), *path_to(view, host, about))


def path_to(view: View, host: str, about: Prefix) -> Iterator[Jump]:
    """Yield the path from a host's first container, or itself, to the first container of a subnet, or its owner."""
    known = list(containers(view.fabric))
    start = next((f"{each}:{name}" for each, _, name, _ in known if each == host), host)
    owner = next((subnet.owner for subnet in view.mesh.subnets if subnet.prefix.overlaps(about)), "")
    end = next((f"{each}:{name}" for each, _, name, _ in known if each == owner), owner)
    if owner and owner != host:
        yield Jump("6", "path", Place("path", host, f"{start} {end}"))


def _device(finding: Finding, view: View) -> str:
    """Return the row of the host's tree that a finding is about, where it names a device."""
    host = view.fabric.hosts.get(finding.host)
    link = host.root.links_by_name.get(finding.subject) if host else None
    return f"0/{link.index}" if link else ""
