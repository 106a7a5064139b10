"""One cause, one headline: which findings are effects of which."""

from __future__ import annotations

import pytest

from hostgw.checks.catalogue import CODES
from hostgw.checks.causes import RULES, linked
from hostgw.checks.run import ordered
from hostgw.checks.words import finding
from hostgw.mesh.build import build
from hostgw.model.finding import Finding
from tests.fabrics import healthy

FABRIC = healthy()
MESH = build(FABRIC)


def found(code: str, host: str, subject: str) -> Finding:
    return finding(code, host, subject, "", "")


def causes(*findings: Finding) -> dict[str, tuple[str, ...]]:
    return {f.id: f.caused_by for f in linked(findings, FABRIC, MESH)}


def test_every_rule_names_codes_that_exist() -> None:
    for rule in RULES:
        assert set(rule.causes) | set(rule.effects) <= set(CODES)


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        (("underlay-down", "vm1", "eth0"), ("route-missing", "vm1", "10.239.1.0/24")),
        (("bridge-no-address", "vm2", "br0"), ("subnet-unrouted", "vm2", "10.239.1.0/24")),
        (("subnet-overlap", "vm2", "10.239.1.0/24"), ("route-shadowed", "vm1", "10.239.1.0/26")),
        (("arp-ignored", "vm2", "net.ipv4.conf.eth0.arp_ignore"), ("neighbour-unresolved", "vm1", "10.5.7.61")),
        (("route-missing", "vm1", "10.239.1.0/24"), ("reverse-path-strict", "vm1", "10.239.1.0/24")),
    ],
)
def test_a_cause_explains_its_effect(cause: tuple[str, str, str], effect: tuple[str, str, str]) -> None:
    first, second = found(*cause), found(*effect)
    assert causes(second, first) == {first.id: (), second.id: (first.id,)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("underlay-down", "vm1", "eth0"), ("route-missing", "vm2", "10.239.0.0/24")),
        (("bridge-no-address", "vm2", "br0"), ("subnet-unrouted", "vm1", "10.239.0.0/24")),
        (("subnet-overlap", "vm2", "10.239.1.0/24"), ("route-shadowed", "vm1", "10.239.2.0/26")),
        (("arp-ignored", "vm2", "net.ipv4.conf.eth0.arp_ignore"), ("neighbour-unresolved", "vm1", "10.5.7.62")),
    ],
)
def test_what_only_looks_alike_stays_a_root(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    first, second = found(*one), found(*other)
    assert causes(first, second) == {first.id: (), second.id: ()}


def test_roots_come_first() -> None:
    down, lost = found("underlay-down", "vm2", "eth0"), found("route-missing", "vm2", "10.239.0.0/24")
    other = found("route-missing", "vm1", "10.239.1.0/24")
    assert [f.id for f in ordered(linked((lost, other, down), FABRIC, MESH))] == [other.id, down.id, lost.id]
