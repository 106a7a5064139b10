"""Predicted ways over fabrics made by hand: each hop as a capture would show it, and why a packet is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.kernel import Address, Link, Neighbour, NextHop, Route, Sysctl
from hostgw.model.path import End, Leg, Outcome, Prediction, Query
from hostgw.paths.predict import find_end, predict
from hostgw.wire import Row, Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, routes, subnet

ALL_THE_WAY = [
    "vm1/c1/eth0 out 64", "vm1/veth-c1 in 64", "vm1/br0 in 64", "vm1/eth0 out 63",
    "vm2/eth0 in 63", "vm2/br0 out 62", "vm2/veth-c1 out 62", "vm2/c1/eth0 in 62",
]  # fmt: skip


def way(fabric: Fabric, source: str = "vm1:c1", destination: str = "vm2:c1", **query: object) -> Prediction:
    mesh = build(fabric)
    start, end = find_end(fabric, mesh, source), find_end(fabric, mesh, destination)
    return predict(fabric, start, end, Query(**query))  # type: ignore[arg-type]


def hops(leg: Leg | None) -> list[str]:
    assert leg is not None
    return [f"{'/'.join(filter(None, (h.host, h.namespace, h.interface)))} {h.direction} {h.ttl}" for h in leg.hops]


def sysctl(fabric: Fabric, host: str, path: str, value: str) -> Fabric:
    kept = lambda rows: [r for r in rows if not (isinstance(r, Sysctl) and r.path == path)]  # noqa: E731
    return altered(fabric, host, Section.SYSCTLS, lambda rows: [*kept(rows), Sysctl(path, value)])


def test_container_to_container_on_another_host() -> None:
    found = way(healthy())
    assert found.works
    assert hops(found.forward) == ALL_THE_WAY
    assert [h.changed for h in found.forward.hops] == [(), (), (), ("mac", "ttl"), (), ("mac", "ttl"), (), ()]
    assert "via 10.5.7.61" in found.forward.hops[3].because
    assert hops(found.back)[0] == "vm2/c1/eth0 out 64"
    assert hops(found.back)[-1] == "vm1/c1/eth0 in 62"


def test_to_the_outside_the_source_is_the_hosts_and_the_answer_is_put_back() -> None:
    found = way(healthy(), destination="192.0.2.9")
    assert (found.works, found.forward.outcome) == (True, Outcome.OUTSIDE)
    assert (found.forward.hops[-1].source, "snat" in found.forward.hops[-1].changed) == ("10.5.7.60", True)
    assert found.back is not None
    assert [h.destination for h in found.back.hops] == ["10.5.7.60", "10.239.0.2", "10.239.0.2", "10.239.0.2"]


def test_on_the_same_bridge_the_bridge_itself_sees_nothing() -> None:
    found = way(healthy(), destination="vm1:c2")
    assert hops(found.forward) == [
        "vm1/c1/eth0 out 64", "vm1/veth-c1 in 64", "vm1/veth-c2 out 64", "vm1/c2/eth0 in 64",
    ]  # fmt: skip


def test_a_host_sends_from_the_address_that_its_route_chooses() -> None:
    found = way(healthy(), "vm1", "vm1:c1")
    assert found.source.address == "10.239.0.1"
    assert hops(found.forward) == ["vm1/br0 out 64", "vm1/veth-c1 out 64", "vm1/c1/eth0 in 64"]


@pytest.mark.parametrize(
    ("route", "outcome", "reason", "last"),
    [
        (None, Outcome.OUTSIDE, "10.5.7.1 takes it", "vm1/eth0 out 63"),
        (Route(subnet(2), type="blackhole"), Outcome.LOST, "a blackhole route swallows it", "vm1/br0 in 64"),
        (Route(subnet(2), gateway="10.5.7.62", oif=NIC), Outcome.DELIVERED, "10.239.1.2", "vm2/c1/eth0 in 61"),
        (Route(subnet(2), oif=NIC), Outcome.LOST, "nobody answers ARP for 10.239.1.2", "vm1/br0 in 64"),
        (
            Route(subnet(2), nexthops=(NextHop(NIC, "10.5.7.61"), NextHop(NIC, "10.5.7.62"))),
            Outcome.UNKNOWN,
            "a hash of the addresses chooses on vm1",
            "vm1/br0 in 64",
        ),
    ],
    ids=["none", "blackhole", "detour", "on-link", "multipath"],
)
def test_another_route(route: Route | None, outcome: Outcome, reason: str, last: str) -> None:
    others = lambda rs: [r for r in rs if r.dst != subnet(2)]  # noqa: E731
    found = way(routes(healthy(), "vm1", lambda rs: [*others(rs), *([route] if route else [])]))
    assert found.forward.outcome is outcome
    assert reason in found.forward.reason
    assert hops(found.forward)[-1] == last
    assert found.works is (outcome is Outcome.DELIVERED)


def mtu(fabric: Fabric, host: str, name: str, size: int) -> Fabric:
    smaller = lambda rows: [structs.replace(r, mtu=size) if is_link(r, name) else r for r in rows]  # noqa: E731
    return altered(fabric, host, Section.LINKS, smaller)


@pytest.mark.parametrize(
    ("where", "size", "whole", "outcome", "reason", "last"),
    [
        (("vm1", "eth0", 1400), 1372, True, Outcome.DELIVERED, "10.239.1.2", "vm2/c1/eth0 in 62"),
        (("vm1", "eth0", 1400), 1373, True, Outcome.LOST, "eth0 on vm1 lets 1400 through", "vm1/br0 in 64"),
        (("vm1", "eth0", 1400), 1373, False, Outcome.DELIVERED, "10.239.1.2", "vm2/c1/eth0 in 62"),
        (("vm2", "veth-c1", 1300), 1276, True, Outcome.DELIVERED, "10.239.1.2", "vm2/c1/eth0 in 62"),
        (("vm2", "veth-c1", 1300), 1277, False, Outcome.LOST, "drops 1305 bytes in silence", "vm2/br0 out 62"),
        (("vm1", "veth-c1", 1300), 1400, False, Outcome.LOST, "veth-c1 on vm1 drops", "vm1/c1/eth0 out 64"),
    ],
)
def test_what_an_mtu_does_to_a_size(
    where: tuple[str, str, int], size: int, whole: bool, outcome: Outcome, reason: str, last: str
) -> None:
    found = way(mtu(healthy(), *where), size=size, whole=whole)
    assert found.forward.outcome is outcome
    assert reason in found.forward.reason
    assert hops(found.forward)[-1] == last


def test_what_is_cut_is_told_and_the_answer_may_be_cut_too() -> None:
    fabric = mtu(healthy(), "vm1", "eth0", 1400)
    assert "in fragments of at most 1396 bytes" in way(fabric, size=1400).forward.hops[3].because
    assert "eth0 on vm1 drops 1428 bytes in silence" in way(fabric, size=1400).back.reason  # type: ignore[union-attr]
    back = way(mtu(fabric, "vm2", "eth0", 1400), "vm2:c1", "vm1:c1", size=1376).back
    assert "in fragments of at most 1396 bytes" in back.hops[3].because  # type: ignore[union-attr]
    assert way(fabric, size=1400, protocol="udp", port=9).forward.outcome is Outcome.DELIVERED


def test_forwarding_that_is_off_on_the_second_host() -> None:
    found = way(sysctl(healthy(), "vm2", "net/ipv4/conf/eth0/forwarding", "0"))
    assert "forwarding is off on vm2" in found.forward.reason
    assert found.forward.lost_after is found.forward.hops[-1]
    assert hops(found.forward)[-1] == "vm2/eth0 in 63"
    assert found.back is None


def test_strict_reverse_path_filter_drops_what_would_be_answered_elsewhere() -> None:
    fabric = sysctl(healthy(), "vm2", "net/ipv4/conf/eth0/rp_filter", "1")
    assert way(fabric).works
    away = Route(subnet(1), oif=BRIDGE)
    fabric = routes(fabric, "vm2", lambda rs: [*(r for r in rs if r.dst != subnet(1)), away])
    assert "rp_filter=1 on vm2" in way(fabric).forward.reason


def test_a_device_that_is_down_ends_the_way() -> None:
    down = lambda rows: [structs.replace(r, up=False) if is_link(r, "eth0") else r for r in rows]  # noqa: E731
    found = way(altered(healthy(), "vm2", Section.LINKS, down))
    assert found.forward.reason == "eth0 on vm2 is down"
    assert hops(found.forward)[-1] == "vm1/eth0 out 63"


def is_link(row: Row, name: str) -> bool:
    return isinstance(row, Link) and row.name == name


def test_a_pinned_neighbour_leads_to_who_has_that_mac_or_astray() -> None:
    fabric = healthy()
    third = fabric.hosts["vm3"].root.links_by_name["eth0"].mac
    for mac, outcome in ((third, Outcome.DELIVERED), ("02:00:00:00:00:99", Outcome.LOST)):
        pinned = Neighbour(NIC, "10.5.7.61", mac, "permanent")
        found = way(altered(fabric, "vm1", Section.NEIGHBOURS, lambda rows, p=pinned: [*rows, p]))  # type: ignore[misc]
        assert found.forward.outcome is outcome, mac
        assert found.forward.hops[3].destination_mac == mac
        assert found.forward.astray is (outcome is Outcome.LOST)


def test_two_hosts_with_one_address_leave_it_to_who_answers_first() -> None:
    taken = Address(NIC, "10.5.7.61", 24)
    found = way(altered(healthy(), "vm3", Section.ADDRESSES, lambda rows: [*rows, taken]))
    assert found.forward.outcome is Outcome.UNKNOWN
    assert "who answers ARP first decides" in found.forward.reason


def test_what_arp_was_answered_decides_where_nothing_is_known() -> None:
    fabric = healthy()
    mesh = build(fabric)
    source, destination = (find_end(fabric, mesh, text) for text in ("vm1:c1", "192.0.2.9"))
    found = predict(fabric, source, destination)
    (asked,) = found.forward.asks
    assert asked == ("vm1", NIC, "10.5.7.1")
    heard = predict(fabric, source, destination, heard={asked: ()})
    assert (heard.forward.outcome, heard.works) == (Outcome.LOST, False)
    heard = predict(fabric, source, destination, heard={asked: ("02:00:00:00:00:01",)})
    assert heard.forward.hops[-1].destination_mac == "02:00:00:00:00:01"
    assert heard.forward.asks == ()


def test_a_circle_ends_with_the_ttl() -> None:
    fabric = routes(healthy(), "vm2", lambda rs: [*(r for r in rs if r.dst != subnet(2)), to_first()])
    found = way(fabric)
    assert "its TTL is used up" in found.forward.reason
    assert min(hop.ttl for hop in found.forward.hops) == 1


def to_first() -> Route:
    return Route(subnet(2), gateway="10.5.7.60", oif=NIC)


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("vm9", "vm1", "there is no host vm9"),
        ("vm1:c9", "vm1", "there is no container c9"),
        ("192.0.2.9", "vm1", "is not on a listed host"),
        ("vm1", "10.5.7.999", "there is no host 10.5.7.999"),
    ],
)
def test_ends_that_are_none(source: str, destination: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        way(healthy(), source, destination)


def test_a_container_that_only_root_could_read_is_not_called_empty() -> None:
    fabric = altered(healthy(), "vm2", Section.ADDRESSES, lambda rows: [], ns=1)
    with pytest.raises(UsageError, match="container c1 has no IPv4 address"):
        way(fabric, "vm1:c1", "vm2:c1")
    vm2 = fabric.hosts["vm2"]
    assert vm2.snapshot is not None
    facts = structs.replace(vm2.snapshot.facts, uid=1000)
    fabric = fabric.with_host(replace(vm2, snapshot=replace(vm2.snapshot, facts=facts)))
    with pytest.raises(UsageError, match="container c1 cannot be read"):
        way(fabric, "vm1:c1", "vm2:c1")


def test_an_address_is_known_by_who_holds_it() -> None:
    fabric = healthy()
    found = find_end(fabric, build(fabric), "10.239.1.2")
    assert (found.host, found.container, str(found)) == ("vm2", "c1", "vm2:c1 (10.239.1.2)")


def test_a_container_that_has_gone_is_not_taken_for_its_host() -> None:
    with pytest.raises(UsageError, match="is not on a listed host"):
        predict(healthy(), End("10.239.0.9", "vm1", "gone"), End("10.239.1.2", "vm2", "c1"))


def test_an_ipv6_address_is_told_as_that() -> None:
    fabric = healthy()
    with pytest.raises(UsageError, match="fd00::1 is an IPv6 address"):
        find_end(fabric, build(fabric), "fd00::1")
