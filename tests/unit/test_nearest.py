"""The finding that a lost packet leads to, among others on the same host."""

from __future__ import annotations

from msgspec import structs

from hostgw.model.finding import Finding, Severity
from hostgw.model.path import Hop, Leg, Outcome
from hostgw.paths.nearest import nearest

MASQUERADED = Finding(
    "masquerade-between-containers", "N3", Severity.ERROR, "vm1", "10.239.0.0/24",
    "vm1 masquerades traffic between containers: the exemption stands behind it", "",
    ("10.239.0.2 to 10.239.1.2: -A POSTROUTING -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",),
)  # fmt: skip
MISSING = Finding(
    "route-missing", "R1", Severity.ERROR, "vm1", "10.239.1.0/24", "vm1 has no route to 10.239.1.0/24 (vm2)", "",
    ("expected: 10.239.1.0/24 via 10.5.7.61 dev eth0", "no route covers it"),
)  # fmt: skip
DROPPED = Finding(
    "forward-dropped", "F5", Severity.ERROR, "vm1", "10.239.0.0/24",
    "vm1 drops traffic between containers: the policy of iptables (nf_tables) filter FORWARD", "",
    ("iptables (nf_tables), filter: -P FORWARD DROP", "10.239.0.2 to 10.239.1.2 in by br0"),
)  # fmt: skip
OFF = Finding(
    "forwarding-off", "F1", Severity.ERROR, "vm1", "net.ipv4.ip_forward", "vm1 does not forward: ip_forward is 0", "",
    ("net.ipv4.ip_forward = 0",),
)  # fmt: skip
ALL = (MASQUERADED, OFF, DROPPED, MISSING)


def lost(reason: str, host: str = "vm1") -> Leg:
    """Return a way from a container of vm1 to one of vm2 that ends on vm1's bridge."""
    hop = Hop("vm1", "br0", None, "in", "", "", "10.239.0.2", "10.239.1.2", 64, 1500, "")
    return Leg((hop,), Outcome.LOST, reason, host)


def test_it_speaks_of_why_the_way_ends() -> None:
    assert nearest(ALL, lost("there is no route to 10.239.1.2 on vm1")) is MISSING
    assert nearest(ALL, lost("-P FORWARD DROP in filter FORWARD (nft) drops it on vm1")) is DROPPED
    assert nearest(ALL, lost("forwarding is off on vm1 for what comes in by br0")) is OFF


def test_only_root_causes_where_the_way_ends() -> None:
    reason = "there is no route to 10.239.1.2 on vm1"
    effect = structs.replace(MISSING, caused_by=(OFF.id,))
    assert nearest((OFF, effect), lost(reason)) is OFF
    assert nearest(ALL, lost(reason, host="vm2")) is None


def test_a_route_to_another_subnet_does_not_matter() -> None:
    elsewhere = structs.replace(MISSING, subject="10.239.3.0/24")
    assert nearest((elsewhere,), lost("10.5.7.1 takes it, which is no listed host")) is None
