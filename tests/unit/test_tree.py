"""Findings in tree order: each headline with all that it explains."""

from __future__ import annotations

from hostgw.checks.tree import in_tree_order
from hostgw.model.finding import Finding, Severity


def finding(code: str, *caused_by: str) -> Finding:
    return Finding(code, "R1", Severity.ERROR, "vm1", "x", code, "", (), tuple(f"{name}/vm1/x" for name in caused_by))


def shape(*findings: Finding) -> list[tuple[str, str, int]]:
    return [(p.finding.code, p.below.partition("/")[0], p.explains) for p in in_tree_order(findings)]


def test_effects_of_effects_stand_below_the_one_headline() -> None:
    assert shape(finding("a"), finding("b"), finding("d", "c"), finding("c", "a")) == [
        ("a", "", 2),
        ("d", "a", 0),
        ("c", "a", 0),
        ("b", "", 0),
    ]


def test_what_nothing_listed_explains_is_a_headline() -> None:
    assert shape(finding("b", "gone"), finding("c", "b", "gone")) == [("b", "", 1), ("c", "b", 0)]


def test_a_circle_loses_nothing() -> None:
    found = shape(finding("a", "b"), finding("b", "a"), finding("c", "a"))
    assert sorted(code for code, _, _ in found) == ["a", "b", "c"]
    assert all(below in ("", "a", "b", "c") for _, below, _ in found)
    heads = {code for code, below, _ in found if not below}
    assert {below for _, below, _ in found if below} <= heads


def test_nothing_is_nothing() -> None:
    assert shape() == []
