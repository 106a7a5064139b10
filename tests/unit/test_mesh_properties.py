"""What must hold for every fabric: no false alarm when it is healthy, exactly the missing routes when some are gone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw.checks.run import run
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
from hostgw.model.finding import listed
from hostgw.model.ip import Prefix
from hostgw.model.prefixes import PrefixSet
from hostgw.plans.build import plan
from tests.fabrics import healthy, only, routes, subnet
from tests.unit.test_checks import apply

FABRIC = healthy(5, 1)
NAMES = tuple(FABRIC.hosts)
GONE = st.sets(st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda pair: pair[0] != pair[1]), max_size=12)


@given(st.sets(st.sampled_from(NAMES), min_size=1))
@settings(deadline=None, max_examples=31)
def test_any_part_of_a_healthy_fabric_is_healthy(names: set[str]) -> None:
    part = only(FABRIC, *sorted(names))
    mesh = build(part)
    assert listed(run(part, mesh)) == ()
    assert len(list(mesh.expected)) == len(names) * (len(names) - 1)


@given(GONE)
@settings(deadline=None, max_examples=40)
def test_missing_routes_are_named_and_mended_whatever_else_is_gone(gone: set[tuple[int, int]]) -> None:
    fabric = FABRIC
    for host, other in gone:
        lost = subnet(other)
        fabric = routes(fabric, f"vm{host}", lambda rows, lost=lost: [r for r in rows if r.dst != lost])  # type: ignore[misc]
    mesh = build(fabric)
    found = listed(run(fabric, mesh))
    named = {f.id for f in found if f.code != "routes-lost"}
    assert named == {f"route-missing/vm{host}/{subnet(other)}" for host, other in gone}
    if found:
        made = plan(found, fabric, mesh)
        assert len(made.steps) == len(gone)
        for step in made.steps:
            fabric = apply(fabric, step.host, step.change)
        assert listed(run(fabric, build(fabric))) == ()


@given(st.lists(GONE, min_size=1, max_size=4))
@settings(deadline=None, max_examples=20)
def test_memory_changes_nothing(rounds: list[set[tuple[int, int]]]) -> None:
    """Built again and again with what was remembered, the mesh is the one that is built from nothing."""
    memory = Memory()
    for gone in rounds:
        fabric = FABRIC
        for host, other in gone:
            lost = subnet(other)
            fabric = routes(fabric, f"vm{host}", lambda rows, lost=lost: [r for r in rows if r.dst != lost])  # type: ignore[misc]
        assert build(fabric, memory=memory) == build(fabric)


PREFIXES = st.builds(lambda a, n: Prefix(a & Prefix(0, n).mask, n), st.integers(0, 2**32 - 1), st.integers(0, 32))
NEAR = st.builds(lambda a, n: Prefix((10 << 24 | a) & Prefix(0, n).mask, n), st.integers(0, 255), st.integers(20, 32))


@given(st.sets(st.one_of(PREFIXES, NEAR), max_size=30), st.one_of(PREFIXES, NEAR))
def test_prefix_set_answers_as_a_search_through_all(members: set[Prefix], wanted: Prefix) -> None:
    found = PrefixSet()
    for member in members:
        found.add(member)
    assert set(found.covering(wanted)) == {m for m in members if m.covers(wanted)}
    assert set(found.inside(wanted)) == {m for m in members if wanted.covers(m) and m != wanted}
    assert set(found.overlapping(wanted)) == {m for m in members if m.overlaps(wanted)}
