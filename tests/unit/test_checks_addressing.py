"""Addresses broken by hand: each brings exactly its finding, and what only looks like it brings none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.checks.underlay_clashes import answered
from hostgw.fabric import Fabric
from hostgw.mesh import Intent
from hostgw.mesh.build import build
from hostgw.model.change import AddressChange
from hostgw.model.finding import Finding, listed
from hostgw.model.ip import address_number, prefix
from hostgw.model.kernel import Address, Link, Neighbour, Route, Setting, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, routes

CODES = {
    "subnet-overlap",
    "bridge-address-wrong",
    "bridges-share-subnet",
    "subnet-everywhere",
    "subnet-over-network",
    "underlay-address-shared",
    "underlay-not-held",
    "address-duplicate",
    "container-address-duplicate",
    "container-address-foreign",
    "container-mask-wide",
    "ipam-exhausted",
}
Break = Callable[[Fabric], Fabric]
INTENTS = {f"vm{n}": Intent((prefix(f"10.239.{n - 1}.0/24"),)) for n in (1, 2, 3)}


def found(fabric: Fabric, intents: Mapping[str, Intent] | None = None) -> list[Finding]:
    return [f for f in listed(run(fabric, build(fabric, intents))) if f.code in CODES]


def held(fabric: Fabric, name: str, index: int, *texts: str, ns: int = 0) -> Fabric:
    """The fabric with these addresses on a device, and no others; connected routes as the kernel makes them."""
    parts = [text.split("/") for text in texts]
    new = [Address(index, address, int(length)) for address, length in parts]
    connected = [
        Route(str(prefix(text)), oif=index, protocol="kernel", scope="link", src=text.split("/")[0])
        for text in texts
        if not text.endswith("/32")
    ]
    fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [*(a for a in rows if a.index != index), *new], ns)
    return routes(
        fabric,
        name,
        lambda rows: [*connected, *(r for r in rows if r.oif != index or r.protocol != "kernel")],
        ns,
    )


def linked(fabric: Fabric, name: str, *links: Link) -> Fabric:
    return altered(fabric, name, Section.LINKS, lambda rows: [*rows, *links])


def with_settings(fabric: Fabric, name: str, path: str, /, **values: str) -> Fabric:
    new = [Setting(path, key, value) for key, value in values.items()]
    return altered(fabric, name, Section.SETTINGS, lambda rows: [*rows, *new])


# ---- breaks ----


def nested(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", BRIDGE, "10.239.1.1/24", "10.239.0.129/25")


def moved(fabric: Fabric) -> Fabric:
    """vm2 and its containers were set up with vm1's subnet."""
    fabric = held(fabric, "vm2", BRIDGE, "10.239.0.1/24")
    for ns in (1, 2):
        fabric = held(fabric, "vm2", 2, f"10.239.0.{ns + 1}/24", ns=ns)
        gateway = Route("0.0.0.0/0", gateway="10.239.0.1", oif=2)
        fabric = routes(fabric, "vm2", lambda rows, g=gateway: [g, *(r for r in rows if not r.gateway)], ns)
    fabric = altered(
        fabric,
        "vm2",
        Section.FILTERS,
        lambda rows: [msgspec.structs.replace(r, text=r.text.replace("10.239.1.0", "10.239.0.0")) for r in rows],
    )
    for name in fabric.hosts:
        gone = ("10.239.1.0/24",) if name != "vm2" else ("10.239.1.0/24", "10.239.0.0/24")
        fabric = routes(fabric, name, lambda rows, gone=gone: [r for r in rows if not r.gateway or r.dst not in gone])
    return fabric


def astray(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", BRIDGE, "10.239.77.1/24")


def too_wide(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", BRIDGE, "10.239.1.1/16")


def leased(fabric: Fabric) -> Fabric:
    """Flannel has another lease than the bridge's, and the others route it."""
    fabric = with_settings(
        fabric, "vm2", "/run/flannel/subnet.env", FLANNEL_SUBNET="10.239.9.1/24", FLANNEL_NETWORK="10.239.0.0/16"
    )
    return rerouted(fabric, "10.239.9.0/24")


def rerouted(fabric: Fabric, dst: str) -> Fabric:
    """vm1 and vm3 route another subnet to vm2."""
    for name in ("vm1", "vm3"):
        fabric = routes(
            fabric,
            name,
            lambda rows: [msgspec.structs.replace(r, dst=dst) if r.gateway == "10.5.7.61" else r for r in rows],
        )
    return fabric


def docker_first(fabric: Fabric) -> Fabric:
    """docker0 is where containers are, but flannel's lease is another subnet (P5)."""
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, name="docker0") if r.name == "br0" else r for r in rows],
    )
    fabric = held(fabric, "vm2", BRIDGE, "172.17.0.1/16")
    for ns in (1, 2):
        fabric = held(fabric, "vm2", 2, f"172.17.0.{ns + 1}/16", ns=ns)
    return with_settings(
        fabric, "vm2", "/run/flannel/subnet.env", FLANNEL_SUBNET="10.239.1.1/24", FLANNEL_NETWORK="10.239.0.0/16"
    )


def bip_changed(fabric: Fabric) -> Fabric:
    """daemon.json was edited and the routes adapted, but Docker was not restarted."""
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, name="docker0") if r.name == "br0" else r for r in rows],
    )
    return rerouted(with_settings(fabric, "vm2", "/etc/docker/daemon.json", bip="10.239.9.1/24"), "10.239.9.0/24")


def second_bridge(fabric: Fabric) -> Fabric:
    fabric = linked(fabric, "vm2", Link(30, "br9", "bridge", True))
    return altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, Address(30, "10.239.1.1", 24)])


def vpn(fabric: Fabric) -> Fabric:
    return held(linked(fabric, "vm1", Link(30, "vpn0", "tun", True, True)), "vm1", 30, "10.239.1.140/25")


def on_the_lan(fabric: Fabric) -> Fabric:
    """Another NIC of vm3 stands in an office LAN that is vm1's subnet."""
    return held(linked(fabric, "vm3", Link(30, "eth1", "", True, True)), "vm3", 30, "10.239.0.40/24")


def taken(fabric: Fabric) -> Fabric:
    return held(fabric, "vm3", NIC, "10.5.7.62/24", "10.5.7.61/24")


def heard(fabric: Fabric, name: str, address: str, mac: str, state: str = "reachable") -> Fabric:
    new = Neighbour(NIC, address, mac, state)
    return altered(fabric, name, Section.NEIGHBOURS, lambda rows: [*rows, new])


def two_answers(fabric: Fabric) -> Fabric:
    fabric = heard(fabric, "vm3", "10.5.7.61", "02:00:00:00:00:02")
    return heard(fabric, "vm1", "10.5.7.61", "02:00:00:99:99:99")


def twice(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", 2, "10.239.1.2/24", ns=2)


def twice_across(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", 2, "10.239.0.2/24", ns=1)


def foreign(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", 2, "10.88.0.5/16", ns=1)


def mask_wide(fabric: Fabric) -> Fabric:
    return held(fabric, "vm2", 2, "10.239.1.2/16", ns=1)


def exhausted(fabric: Fabric) -> Fabric:
    path = "/var/lib/cni/networks/cbr0"
    return with_settings(fabric, "vm2", path, reservations="253", example="10.239.1.10")


@dataclass(frozen=True)
class Broken:
    name: str
    break_: Break
    expected: tuple[str, ...]
    entries: tuple[str, ...]
    told: bool = True
    """The same with an inventory."""


def broken(entry: str, break_: Break, *expected: str, told: bool = True) -> Broken:
    return Broken(f"{entry}-{break_.__name__}", break_, expected, (entry,), told)


FAULTS = [
    broken("A1", nested, "subnet-overlap/vm2/10.239.0.128/25"),
    broken("A2", astray, "bridge-address-wrong/vm2/br0"),
    broken("A2", too_wide, "bridge-address-wrong/vm2/br0"),
    broken("A14", leased, "bridge-address-wrong/vm2/br0", told=False),
    broken("P5", docker_first, "bridge-address-wrong/vm2/docker0", told=False),
    broken("A2", bip_changed, "bridge-address-wrong/vm2/docker0", told=False),
    broken("A3", second_bridge, "bridges-share-subnet/vm2/br9"),
    broken("A5", vpn, "subnet-over-network/vm1/10.239.1.128/25"),
    broken("A5", on_the_lan, "subnet-over-network/vm3/10.239.0.0/24"),
    broken("A7", taken, "address-duplicate/vm3/10.5.7.61"),
    broken("A7", two_answers, "address-duplicate/vm2/10.5.7.61"),
    broken("A8", twice, "container-address-duplicate/vm2/10.239.1.2"),
    broken("A9", foreign, "container-address-foreign/vm2/c1"),
    broken("A10", mask_wide, "container-mask-wide/vm2/c1"),
    broken("A12", exhausted, "ipam-exhausted/vm2/10.239.1.0/24"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[f.name for f in FAULTS])
def test_fault_is_named_and_nothing_beside_it(fault: Broken) -> None:
    fabric = fault.break_(healthy(3))
    for intents in (None, INTENTS) if fault.told else (None,):
        named = found(fabric, intents)
        assert {f.id for f in named} == set(fault.expected)
        assert {f.entry for f in named} == set(fault.entries)
        assert not any(f.caused_by for f in named)


def test_one_subnet_on_two_hosts_is_the_headline_of_its_duplicates() -> None:
    named = found(moved(healthy(3)))
    roots = {f.id for f in named if not f.caused_by}
    assert roots == {"subnet-overlap/vm2/10.239.0.0/24"}
    assert {f.id for f in named} - roots == {f"container-address-duplicate/vm2/10.239.0.{n}" for n in (2, 3)}
    assert "vm1 and vm2 both own 10.239.0.0/24" in named[0].summary


def test_a_connected_route_of_an_address_in_place_is_not_deleted() -> None:
    """It goes with its address; deleted alone, the bridge would lose its containers."""
    fabric = nested(healthy(3))
    mesh = build(fabric)
    [shadowed] = [f for f in run(fabric, mesh) if f.code == "route-shadowed" and f.host == "vm2"]
    made = plan([shadowed], fabric, mesh)
    assert made.steps == ()
    assert "is the connected route of br0" in made.refused
    assert made.alternatives


def test_one_subnet_on_two_hosts_against_the_inventory_is_the_same_headline() -> None:
    named = {f.id: f for f in found(moved(healthy(3)), INTENTS)}
    assert not named["subnet-overlap/vm2/10.239.0.0/24"].caused_by
    assert named["bridge-address-wrong/vm2/br0"].caused_by == ("subnet-overlap/vm2/10.239.0.0/24",)


def test_the_same_address_in_another_hosts_subnet_is_a_duplicate_because_it_is_foreign() -> None:
    assert {f.id: f.caused_by for f in found(twice_across(healthy(3)))} == {
        "container-address-foreign/vm2/c1": (),
        "container-address-duplicate/vm2/10.239.0.2": ("container-address-foreign/vm2/c1",),
    }


def everywhere(fabric: Fabric) -> Fabric:
    """Docker as it comes: 172.17.0.0/16 on every host, no routes between them."""
    for name in fabric.hosts:
        fabric = held(fabric, name, BRIDGE, "172.17.0.1/16")
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.protocol != "static"])
        for ns in (1, 2):
            fabric = held(fabric, name, 2, f"172.17.0.{ns + 1}/16", ns=ns)
    return fabric


def test_docker_as_it_comes_on_every_host() -> None:
    named = found(everywhere(healthy(3)))
    assert [(f.id, f.entry) for f in named] == [("subnet-everywhere/vm1/172.17.0.0/16", "A4")]
    assert found(everywhere(healthy(3, 0))) == []


def vagrant(fabric: Fabric, own: bool) -> Fabric:
    """Every host has 10.0.2.15 on its NAT NIC; `own` tells whether each has another NIC beside."""
    for name in fabric.hosts:
        if own:
            fabric = held(linked(fabric, name, Link(9, "eth9", "", True, True)), name, 9, "10.0.2.15/24")
        else:
            fabric = held(fabric, name, NIC, "10.0.2.15/24")
    return fabric


def test_hosts_that_are_known_by_one_address() -> None:
    named = found(vagrant(healthy(3), own=False))
    assert [(f.id, f.entry) for f in named] == [("underlay-address-shared/vm1/10.0.2.15", "A6")]
    assert found(vagrant(healthy(3), own=True)) == []


def test_one_machine_under_two_names() -> None:
    fabric = healthy(2)
    for name in ("vm1", "vm2"):
        host = fabric.hosts[name]
        assert host.snapshot is not None
        facts = msgspec.structs.replace(host.snapshot.facts, machine="boot/1")
        fabric = fabric.with_host(replace(host, snapshot=replace(host.snapshot, facts=facts)))
    assert [f.id for f in found(fabric)] == ["underlay-address-shared/vm2/vm1"]


def test_an_address_that_the_host_does_not_hold() -> None:
    intents = {"vm2": Intent((), address_number("203.0.113.9"))}
    assert [(f.id, f.entry) for f in found(healthy(3), intents)] == [("underlay-not-held/vm2/203.0.113.9", "A13")]
    assert found(healthy(3), {"vm2": Intent((), address_number("10.5.7.61"))}) == []


def test_answers_to_an_arp_probe_are_judged_by_whose_the_address_is() -> None:
    fabric = healthy(3)
    mesh = build(fabric)
    right = ("10.5.7.61", "02:00:00:00:00:02")
    stranger, listed_host = ("10.5.7.61", "02:00:00:99:99:99"), ("10.5.7.61", "02:00:00:00:00:03")
    assert list(answered([right, ("10.5.7.240", "02:00:00:99:99:99")], fabric, mesh)) == []
    assert [f.id for f in answered([right, stranger], fabric, mesh)] == ["address-duplicate/vm2/10.5.7.61"]
    (by_proxy,) = answered([right, listed_host], fabric, mesh)
    assert by_proxy.host == "vm2"
    assert "vm3" in by_proxy.summary
    (thief,) = answered([listed_host], taken(fabric), build(taken(fabric)))
    assert thief.id == "address-duplicate/vm3/10.5.7.61"


# ---- what only looks like a fault ----


def proxy_arp(fabric: Fabric) -> Fabric:
    new = Sysctl("net/ipv4/conf/br0/proxy_arp", "1")
    return altered(mask_wide(fabric), "vm2", Section.SYSCTLS, lambda rows: [*rows, new])


def overlay_address(fabric: Fabric) -> Fabric:
    return held(linked(fabric, "vm2", Link(40, "flannel.1", "vxlan", True, True)), "vm2", 40, "10.239.1.0/32")


def vpn_elsewhere(fabric: Fabric) -> Fabric:
    fabric = held(linked(fabric, "vm1", Link(41, "wg0", "wireguard", True, True)), "vm1", 41, "10.8.0.5/24")
    wide = Route("10.0.0.0/8", oif=41, scope="link")
    return routes(fabric, "vm1", lambda rows: [*rows, wide])


def same_lease(fabric: Fabric) -> Fabric:
    """A Kubernetes node: flannel's bridge is right, docker0 idles with Docker's default, and Docker has a bip."""
    fabric = with_settings(
        fabric, "vm2", "/run/flannel/subnet.env", FLANNEL_SUBNET="10.239.1.1/24", FLANNEL_NETWORK="10.239.0.0/16"
    )
    return held(linked(fabric, "vm2", Link(42, "docker0", "bridge", True)), "vm2", 42, "172.17.0.1/16")


def no_pods_yet(fabric: Fabric) -> Fabric:
    """flannel's CNI plugin makes cni0 with the first container; until then docker0 is all there is."""
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, name="docker0") if r.name == "br0" else r for r in rows],
    )
    fabric = held(fabric, "vm2", BRIDGE, "172.17.0.1/16")
    fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [r for r in rows if r.master != BRIDGE])
    fabric = with_settings(
        fabric, "vm2", "/run/flannel/subnet.env", FLANNEL_SUBNET="10.239.1.1/24", FLANNEL_NETWORK="10.239.0.0/16"
    )
    values = {"plugins.0.type": "flannel", "name": "cbr0"}
    return with_settings(fabric, "vm2", "/etc/cni/net.d/10-flannel.conflist", **values)


def left_lease(fabric: Fabric) -> Fabric:
    """flannel was removed, its subnet.env is still there; everybody routes the bridge's subnet."""
    return with_settings(
        fabric, "vm2", "/run/flannel/subnet.env", FLANNEL_SUBNET="10.239.9.1/24", FLANNEL_NETWORK="10.239.0.0/16"
    )


def bip_to_come(fabric: Fabric) -> Fabric:
    """daemon.json was edited, the running bridge is what everybody routes."""
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, name="docker0") if r.name == "br0" else r for r in rows],
    )
    return with_settings(fabric, "vm2", "/etc/docker/daemon.json", bip="10.239.9.1/24")


def second_network(fabric: Fabric) -> Fabric:
    """A container on a user-defined network beside, and the same network on two hosts."""
    for name in ("vm1", "vm2"):
        fabric = linked(fabric, name, Link(50, "br-abc", "bridge", True, True))
        fabric = held(fabric, name, 50, "172.18.0.1/16")
        port = Link(51, "veth-x", "veth", True, True, master=50, peer=3, peer_nsid=1)
        fabric = linked(fabric, name, port)
        inner = Link(3, "eth1", "veth", True, True, peer=51)
        fabric = altered(fabric, name, Section.LINKS, lambda rows, inner=inner: [*rows, inner], 1)
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [*rows, Address(3, "172.18.0.2", 16)], 1)
    return fabric


def by_macvlan(fabric: Fabric) -> Fabric:
    """vm2 has no bridge: a macvlan device is its containers' gateway, and the inventory or the peers say so."""
    fabric = altered(fabric, "vm2", Section.NAMESPACES, lambda rows: rows[:1])
    fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [r for r in rows if r.index < BRIDGE])
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    fabric = routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])
    return held(linked(fabric, "vm2", Link(60, "gate0", "macvlan", True, True)), "vm2", 60, "10.239.1.1/24")


def second_address(fabric: Fabric) -> Fabric:
    """A container holds a second address beside its own."""
    return held(fabric, "vm2", 2, "10.239.1.2/24", "192.0.2.7/32", ns=1)


def virtual_address(fabric: Fabric) -> Fabric:
    """keepalived's address on one host."""
    return held(fabric, "vm2", NIC, "10.5.7.61/24", "10.5.7.200/32")


def separate_nat_networks(fabric: Fabric) -> Fabric:
    """Virtual machines of two hypervisors: each has a NAT network of its own, with the same prefix."""
    for name, address in (("vm1", "192.168.122.10"), ("vm2", "192.168.122.10"), ("vm3", "192.168.122.11")):
        fabric = held(linked(fabric, name, Link(9, "eth9", "", True, True)), name, 9, f"{address}/24")
    return fabric


def changed_nic(fabric: Fabric) -> Fabric:
    """One host still knows the old MAC address, unconfirmed."""
    fabric = heard(fabric, "vm3", "10.5.7.61", "02:00:00:00:00:02")
    return heard(fabric, "vm1", "10.5.7.61", "02:00:00:99:99:99", "stale")


def nearly_full(fabric: Fabric) -> Fabric:
    path = "/var/lib/cni/networks/cbr0"
    return with_settings(fabric, "vm2", path, reservations="252", example="10.239.1.10")


HEALTHY: list[Break] = [
    proxy_arp,
    overlay_address,
    vpn_elsewhere,
    same_lease,
    no_pods_yet,
    left_lease,
    bip_to_come,
    second_network,
    by_macvlan,
    second_address,
    virtual_address,
    separate_nat_networks,
    changed_nic,
    nearly_full,
]


@pytest.mark.parametrize("variant", HEALTHY, ids=lambda v: v.__name__)
def test_what_only_looks_like_a_fault_is_none(variant: Break) -> None:
    fabric = variant(healthy(3))
    assert found(fabric) == []
    assert found(fabric, INTENTS) == []


# ---- fixes ----


def changes(fabric: Fabric) -> list[AddressChange]:
    made = plan(found(fabric), fabric, build(fabric))
    return [step.change for step in made.steps if isinstance(step.change, AddressChange)]


def test_a_bridge_whose_containers_are_right_moves_to_them() -> None:
    (change,) = changes(astray(healthy(3)))
    assert [(a.address, a.length) for a in change.after] == [("10.239.1.1", 24)]


def test_a_bridge_moves_when_it_is_empty_and_stays_when_containers_stand_there() -> None:
    assert len(changes(leased(healthy(3, 0)))) == 1
    assert changes(leased(healthy(3))) == []


def test_a_second_bridge_loses_its_address_only_while_it_has_no_port() -> None:
    fabric = second_bridge(healthy(3))
    assert [c.after for c in changes(fabric)] == [()]
    busy = linked(fabric, "vm2", Link(31, "tap0", "tun", True, True, master=30))
    assert changes(busy) == []
    assert any("delete the empty bridge" in a for a in plan(found(busy), busy, build(busy)).alternatives)
