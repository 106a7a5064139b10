"""What is kept as long as a picture is must not keep the picture: a dashboard runs for weeks."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from hostgw.checks.run import run
from hostgw.mesh.build import build
from hostgw.paths.netfilter.passages import passages
from tests.fabrics import healthy


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Circles are not collected: with as few collections as there are, they would stay for hours."""
    gc.disable()
    yield
    gc.enable()


def test_a_state_goes_with_all_that_was_worked_out_of_it() -> None:
    fabric = healthy(3)
    found = run(fabric, build(fabric))
    for host in fabric.readable:
        passages(host.root)
    states = [ref(state) for host in fabric.readable if host.snapshot for state in host.snapshot.states.values()]
    assert all(state() for state in states)
    del fabric, found, host
    assert [state() for state in states if state()] == []


def test_a_snapshot_goes_with_its_notes() -> None:
    fabric = healthy(3)
    run(fabric, build(fabric))
    snapshots = [ref(host.snapshot) for host in fabric.readable if host.snapshot]
    del fabric
    assert [snapshot() for snapshot in snapshots if snapshot()] == []


def test_a_bare_snapshot_has_the_same_tables_and_nothing_that_was_worked_out() -> None:
    (snapshot, *_) = (host.snapshot for host in healthy(2).readable if host.snapshot)
    snapshot.notes["worked out"] = 1
    assert snapshot.root.links_by_name
    bare = snapshot.bare()
    assert bare.root.tables == snapshot.root.tables
    assert bare.container_notes is snapshot.container_notes
    assert bare.notes == {}
    assert "links_by_name" not in vars(bare.root)
