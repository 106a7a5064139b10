"""Predicted ways where the host's address stands on a bridge, a VLAN or a bond: devices below see the frame, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from hostgw.fabric import Fabric
from hostgw.model.kernel import Address, Bridge, Link, Port, Route, Sysctl
from hostgw.model.path import Outcome
from hostgw.wire import Section
from tests.fabrics import NIC, PORT, altered, healthy, routes
from tests.unit.test_predict import hops, way

UPPER, SECOND = 91, 92


def moved(fabric: Fabric, name: str, upper: Link, nic: Callable[[Link], Link]) -> Fabric:
    """Put the host's address and its routes onto another device; `nic` says how eth0 then is."""
    own = next(link for link in fabric.hosts[name].root.links.values() if link.index == NIC)
    changed = [nic(own), structs.replace(upper, mac=own.mac)]
    fabric = altered(fabric, name, Section.LINKS, lambda rows: [r for r in rows if r != own] + changed)
    fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [_on(r, UPPER) for r in rows])
    forwarding = Sysctl(f"net/ipv4/conf/{upper.name}/forwarding", "1")
    fabric = altered(fabric, name, Section.SYSCTLS, lambda rows: [*rows, forwarding])
    return routes(fabric, name, lambda rows: [_by(r, UPPER) for r in rows])


def _on(row: Address, index: int) -> Address:
    return structs.replace(row, index=index) if row.index == NIC else row


def _by(row: Route, index: int) -> Route:
    return structs.replace(row, oif=index) if row.oif == NIC else row


def in_bridge(fabric: Fabric, name: str) -> Fabric:
    lan = Link(UPPER, "br-lan", "bridge", True, True, bridge=Bridge())
    return moved(fabric, name, lan, lambda nic: structs.replace(nic, master=UPPER, port=Port()))


def on_vlan(fabric: Fabric, name: str) -> Fabric:
    return moved(fabric, name, Link(UPPER, "eth0.5", "vlan", True, True, peer=NIC), lambda nic: nic)


def in_bond(fabric: Fabric, name: str) -> Fabric:
    bond = Link(UPPER, "bond0", "bond", True, True)
    return moved(fabric, name, bond, lambda nic: structs.replace(nic, master=UPPER))


def with_second_slave(fabric: Fabric, up: bool) -> Fabric:
    second = Link(SECOND, "eth1", "", up, up, "02:00:00:00:00:aa", master=UPPER)
    return altered(fabric, "vm1", Section.LINKS, lambda rows: [*rows, second])


STACKS = {"br-lan": in_bridge, "eth0.5": on_vlan, "bond0": in_bond}


@pytest.mark.parametrize("device", STACKS)
def test_both_devices_see_it_the_lower_one_nearer_to_the_wire(device: str) -> None:
    found = way(STACKS[device](STACKS[device](healthy(), "vm1"), "vm2"))
    assert found.works
    assert hops(found.forward)[3:7] == [
        f"vm1/{device} out 63",
        "vm1/eth0 out 63",
        "vm2/eth0 in 63",
        f"vm2/{device} in 63",
    ]
    assert found.back is not None
    assert hops(found.back)[3:7] == [f"vm2/{device} out 63", "vm2/eth0 out 63", "vm1/eth0 in 63", f"vm1/{device} in 63"]


@pytest.mark.parametrize("device", STACKS)
def test_to_the_outside_and_back(device: str) -> None:
    found = way(STACKS[device](healthy(), "vm1"), destination="192.0.2.9")
    assert (found.works, found.forward.outcome) == (True, Outcome.OUTSIDE)
    assert hops(found.forward)[-2:] == [f"vm1/{device} out 63", "vm1/eth0 out 63"]
    assert found.back is not None
    assert hops(found.back)[:2] == ["vm1/eth0 in 64", f"vm1/{device} in 64"]


def test_under_a_bond_the_only_one_that_is_up_sees_it_and_of_several_nobody_knows_which() -> None:
    one = way(with_second_slave(in_bond(healthy(), "vm1"), up=False))
    assert hops(one.forward)[3:6] == ["vm1/bond0 out 63", "vm1/eth0 out 63", "vm2/eth0 in 63"]
    several = way(with_second_slave(in_bond(healthy(), "vm1"), up=True))
    assert hops(several.forward)[3:5] == ["vm1/bond0 out 63", "vm2/eth0 in 63"]


def test_a_lower_device_that_is_down_loses_it() -> None:
    fabric = on_vlan(healthy(), "vm1")
    down = lambda rows: [structs.replace(r, up=False) if r.index == NIC else r for r in rows]  # noqa: E731
    found = way(altered(fabric, "vm1", Section.LINKS, down))
    assert (found.forward.outcome, found.forward.reason) == (Outcome.LOST, "eth0 on vm1 is down")


def test_an_unread_container_is_no_way_to_the_wire_where_a_nic_stands_beside_it() -> None:
    other = Link(
        PORT - 1, "veth-x", "veth", True, True, "02:00:00:00:00:bb", master=UPPER, peer=2, peer_nsid=77, port=Port()
    )
    fabric = altered(in_bridge(healthy(), "vm1"), "vm1", Section.LINKS, lambda rows: [other, *rows])
    nic = lambda rows: [structs.replace(r, kind="", peer=0, peer_nsid=-1) if r.index == NIC else r for r in rows]  # noqa: E731
    found = way(altered(fabric, "vm1", Section.LINKS, nic))
    assert hops(found.forward)[3:5] == ["vm1/br-lan out 63", "vm1/eth0 out 63"]
