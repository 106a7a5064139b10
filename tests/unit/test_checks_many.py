"""Many containers that stand alike are judged at once, and events one after the other: nothing gets lost by that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw.checks.run import Checker, run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.mesh.memory import Memory
from hostgw.model.finding import listed
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Filter, Link, Neighbour, Port, Route, Rule, Sysctl
from hostgw.wire import Row, Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, routes, underlay

Fault = Callable[[Fabric], Fabric]
FABRIC = healthy(4, 40)


def edit(section: Section, ns: int, wanted: int | None = None, **fields: Any) -> Fault:
    """Set fields of the rows of vm2 with this index, or of all rows."""

    def change(rows: list[Row]) -> list[Row]:
        fits = [wanted is None or getattr(row, "index", None) == wanted for row in rows]
        return [msgspec.structs.replace(row, **fields) if fit else row for row, fit in zip(rows, fits, strict=True)]

    return lambda fabric: altered(fabric, "vm2", section, change, ns)


def row(section: Section, new: Row, ns: int = 0) -> Fault:
    return lambda fabric: altered(fabric, "vm2", section, lambda rows: [*rows, new], ns)


def without(section: Section, ns: int, name: str, value: object) -> Fault:
    def change(rows: list[Row]) -> list[Row]:
        return [r for r in rows if getattr(r, name) != value]

    return lambda fabric: altered(fabric, "vm2", section, change, ns)


def second_cable(fabric: Fabric) -> Fabric:
    """c7 hangs on the LAN by a second veth; its addresses there are nobody's business."""
    fabric = row(Section.LINKS, Link(90, "veth-lan", "veth", True, True, peer=3, peer_nsid=7))(fabric)
    fabric = row(Section.LINKS, Link(3, "eth1", "veth", True, True, peer=90), 7)(fabric)
    return row(Section.ADDRESSES, Address(3, "192.168.9.9", 24), 7)(fabric)


def elsewhere(rows: list[Route]) -> list[Route]:
    return [msgspec.structs.replace(r, gateway="10.239.1.77") if r.gateway else r for r in rows]


def down(fabric: Fabric) -> Fabric:
    """vm3 answers no more: its picture stays, and is old."""
    return fabric.with_host(replace(fabric.hosts["vm3"], state=HostState.STALE, error="nothing heard"))


def copied(fabric: Fabric) -> Fabric:
    """Return the same fabric in objects of which nothing was worked out yet."""
    for host in fabric.hosts.values():
        assert host.snapshot
        states = {ns: replace(state) for ns, state in host.snapshot.states.items()}
        fabric = fabric.with_host(replace(host, snapshot=replace(host.snapshot, states=states)))
    return fabric


ONE_OF_MANY: dict[str, tuple[Fault, set[str]]] = {
    "no default": (without(Section.ROUTES, 7, "dst", "0.0.0.0/0"), {"container-no-default/vm2/c7"}),
    "by another gateway": (
        lambda fabric: routes(fabric, "vm2", elsewhere, 7),
        {"container-wrong-default/vm2/c7"},
    ),
    "wide mask": (edit(Section.ADDRESSES, 7, length=16), {"container-mask-wide/vm2/c7"}),
    "foreign address": (
        edit(Section.ADDRESSES, 7, address="10.99.0.9"),
        {"container-address-foreign/vm2/c7"},
    ),
    "another's address": (
        edit(Section.ADDRESSES, 7, address="10.239.1.9"),
        {"container-address-duplicate/vm2/10.239.1.9"},
    ),
    "of another host": (
        edit(Section.ADDRESSES, 7, address="10.239.2.9"),
        {"container-address-foreign/vm2/c7", "container-address-duplicate/vm2/10.239.2.9"},
    ),
    "loose port": (edit(Section.LINKS, 0, PORT + 7, master=0), {"port-detached/vm2/veth-c7"}),
    "large MTU": (edit(Section.LINKS, 7, mtu=9000), {"mtu-container-large/vm2/br0"}),
    "old gateway MAC": (
        row(Section.NEIGHBOURS, Neighbour(2, "10.239.1.1", "02:aa:00:00:00:01", "reachable"), 7),
        {"container-gateway-mac-old/vm2/c7"},
    ),
    "nothing but a second cable": (second_cable, set()),
}


@pytest.mark.parametrize("name", ONE_OF_MANY)
def test_one_of_many_that_is_odd_is_named_and_no_other(name: str) -> None:
    fault, wanted = ONE_OF_MANY[name]
    fabric = fault(FABRIC)
    found = listed(run(fabric, build(fabric)))
    assert {f.id for f in found} == wanted


EVENTS: tuple[Fault, ...] = (
    *(fault for fault, _ in ONE_OF_MANY.values()),
    lambda fabric: routes(fabric, "vm2", lambda rows: [r for r in rows if r.dst != "10.239.2.0/24"]),
    lambda fabric: routes(fabric, "vm1", lambda rows: [r for r in rows if not r.gateway]),
    row(Section.ROUTES, Route("10.239.3.128/25", gateway=underlay(1), oif=NIC)),
    row(Section.ROUTES, Route("10.239.3.0/24", gateway=underlay(3), oif=NIC, metric=5)),
    edit(Section.LINKS, 0, NIC, up=False, carrier=False),
    edit(Section.LINKS, 0, NIC, mac="02:00:00:00:00:01"),
    edit(Section.LINKS, 0, BRIDGE, up=False),
    edit(Section.LINKS, 0, BRIDGE, mac="02:00:00:00:07:07"),
    edit(Section.LINKS, 0, PORT + 8, port=Port(isolated=True)),
    edit(Section.LINKS, 0, PORT + 9, port=Port(isolated=True)),
    edit(Section.ADDRESSES, 0, BRIDGE, address="10.239.3.1"),
    edit(Section.ADDRESSES, 0, NIC, address=underlay(1)),
    row(Section.RULES, Rule(100, 100, src="10.239.1.0/24")),
    row(Section.NEIGHBOURS, Neighbour(NIC, underlay(3), "02:00:00:00:00:04", "reachable")),
    row(Section.SYSCTLS, Sysctl("net/ipv4/conf/all/rp_filter", "1")),
    edit(Section.FILTERS, 0, text="*filter\n:FORWARD DROP [0:0]\nCOMMIT"),
    edit(
        Section.FILTERS,
        0,
        text="*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.239.1.7/32 -j MASQUERADE\nCOMMIT",
    ),
    without(Section.NAMESPACES, 0, "name", "c3"),
    down,
    row(
        Section.FILTERS, Filter("legacy", "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 10.239.3.0/24 -j DROP\nCOMMIT")
    ),
)


@given(st.lists(st.sampled_from(range(len(EVENTS))), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
def test_event_after_event_says_what_a_look_from_scratch_says(events: list[int]) -> None:
    memory, checker, fabric = Memory(), Checker(), healthy(4, 10)
    mesh = build(fabric, memory=memory)
    for number in events:
        fabric = EVENTS[number](fabric)
        built = build(fabric, memory=memory)
        mesh = mesh if built == mesh else built
        assert built == build(fabric)
        assert checker.run(fabric, mesh) == run(copied(fabric), build(copied(fabric)))
