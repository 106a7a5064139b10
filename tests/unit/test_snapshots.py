"""Snapshots: what an event does not touch is kept, what it touches is made anew."""

from __future__ import annotations

from functools import cached_property

import pytest

from hostgw.fabric import _READ, NamespaceState
from hostgw.mesh.stations import stations
from hostgw.model.kernel import Neighbour, Route
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, delta, healthy

ROUTE = Route("10.9.0.0/24", gateway="10.5.7.9", oif=NIC, protocol="static")


def test_every_index_says_what_it_is_made_of() -> None:
    indexes = {name for name, value in vars(NamespaceState).items() if isinstance(value, cached_property)}
    assert indexes == set(_READ)


@pytest.mark.parametrize("name", _READ)
def test_an_index_outlives_what_does_not_touch_it(name: str) -> None:
    snapshot = healthy(2).hosts["vm1"].snapshot
    assert snapshot
    before = getattr(snapshot.root, name)
    own = _READ[name]
    other = Section.RULES if own is not Section.RULES else Section.FDB
    assert getattr(snapshot.with_delta(delta(other, [])).root, name) is before
    after = getattr(snapshot.with_delta(delta(own, [])).root, name)
    assert not after
    assert getattr(snapshot.root, name) == before


def test_rows_that_came_are_seen() -> None:
    snapshot = healthy(2).hosts["vm1"].snapshot
    assert snapshot
    count = len(snapshot.root.routes)
    after = snapshot.with_delta(delta(Section.ROUTES, [ROUTE], full=False))
    assert len(after.root.routes) == count + 1
    assert len(snapshot.root.routes) == count


def test_containers_are_walked_through_again_only_when_they_changed() -> None:
    host = healthy(2).hosts["vm1"]
    snapshot = host.snapshot
    assert snapshot
    from dataclasses import replace

    before = stations(host)
    heard = snapshot.with_delta(delta(Section.NEIGHBOURS, [Neighbour(NIC, "10.5.7.61", "02:00:00:00:00:02", "stale")]))
    assert stations(replace(host, snapshot=heard)) is before
    ports = [link for link in snapshot.root.links.values() if link.name != "veth-c1"]
    unplugged = snapshot.with_delta(delta(Section.LINKS, ports))
    assert len(stations(replace(host, snapshot=unplugged))) == len(before) - 1
    inside = snapshot.with_delta(delta(Section.ADDRESSES, [], ns=1))
    assert stations(replace(host, snapshot=inside))[0].addresses == ()
    assert unplugged.root.ports_of(BRIDGE) != snapshot.root.ports_of(BRIDGE)
