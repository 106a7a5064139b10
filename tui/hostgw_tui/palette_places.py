"""The palette's other half: hosts, containers and findings, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, cast

from textual.command import Hit, Hits, Provider

from hostgw.live.places import containers
from hostgw_tui.jumps import Place

if TYPE_CHECKING:
    from hostgw.live.view import View
    from hostgw_tui.app import HostgwApp

MOST = 30
"""Hits of a kind that are offered; a fabric may have many thousand."""
LIKELY = 0.5
"""Score of what has the typed text in it: below the actions that match well."""
Found = tuple[str, str, Place]


class PlaceProvider(Provider):
    """Offers what has the typed text in its name."""

    async def search(self, query: str) -> Hits:
        """Offer hosts, containers and findings."""
        app = cast("HostgwApp", self.app)
        wanted = query.lower().strip()
        matcher = self.matcher(query)
        for kind in (_hosts, _containers, _findings):
            matching = (each for each in kind(app.shown) if wanted in each[0].lower())
            for text, told, place in islice(matching, MOST):
                yield Hit(LIKELY, matcher.highlight(text), partial(app.jump, place), help=told)


def _hosts(view: View) -> Iterator[Found]:
    for host in view.fabric.hosts.values():
        yield host.name, f"host, {host.state.value}", Place("host", host.name)


def _containers(view: View) -> Iterator[Found]:
    for host, ns, name, address in containers(view.fabric):
        yield f"{host}:{name}", f"container, {address}", Place("host", host, f"ns {ns}")


def _findings(view: View) -> Iterator[Found]:
    for finding in view.listed:
        yield f"{finding.code} {finding.host}", finding.summary, Place("overview", finding.host, finding.id)
