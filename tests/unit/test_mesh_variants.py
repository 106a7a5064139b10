"""Networks of all kinds, made by hand: the mesh is as their operators mean it, and nothing is found in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Intent, Mesh
from hostgw.mesh.build import build
from hostgw.model.finding import listed
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number, prefix
from hostgw.model.kernel import Address, Filter, Link, NextHop, Route, Setting
from hostgw.wire import Row, Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, healthy_rows, host, only, routes

OWN = {"10.239.0.0/24": "vm1", "10.239.1.0/24": "vm2", "10.239.2.0/24": "vm3"}
Rows = list[Row]


def owners(mesh: Mesh) -> dict[str, str]:
    return {str(p): owner for p, owner in mesh.owners.items()}


def assert_healthy(fabric: Fabric, expected: dict[str, str] | None = None) -> Mesh:
    mesh = build(fabric)
    assert owners(mesh) == (OWN if expected is None else expected)
    assert listed(run(fabric, mesh)) == ()
    return mesh


def everywhere(fabric: Fabric, section: Section, change: Callable[[Rows], Rows]) -> Fabric:
    for name in fabric.hosts:
        fabric = altered(fabric, name, section, change)
    return fabric


def with_nic(fabric: Fabric, name: str, link: Link, *texts: str) -> Fabric:
    """The fabric with a device and its addresses and connected routes."""
    parts = [text.split("/") for text in texts]
    held = [Address(link.index, address, int(length)) for address, length in parts]
    connected = [
        Route(str(prefix(text)), oif=link.index, protocol="kernel", scope="link", src=text.split("/")[0])
        for text in texts
    ]
    fabric = altered(fabric, name, Section.LINKS, lambda rows: [*rows, link])
    fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [*rows, *held])
    return routes(fabric, name, lambda rows: [*rows, *connected])


# ---- underlays ----


def test_vagrant() -> None:
    """The same 10.0.2.15 on the first NIC of every machine, with the default route; eth1 is the segment."""
    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = with_nic(fabric, name, Link(9, "enp0s3", "", True, True), "10.0.2.15/24")
        fabric = routes(
            fabric,
            name,
            lambda rows: [
                Route("0.0.0.0/0", gateway="10.0.2.2", oif=9),
                *(r for r in rows if r.dst != "0.0.0.0/0"),
            ],
        )
    mesh = assert_healthy(fabric)
    assert {m.underlay.interface for m in mesh.members.values() if m.underlay} == {"eth0"}


def test_bond() -> None:
    def bonded(rows: Rows) -> Rows:
        slaves = [Link(n, f"eno{n}", "", True, True, f"02:00:00:00:05:{n:02x}", master=NIC) for n in (7, 8)]
        kept = [msgspec.structs.replace(r, kind="bond", name="bond0", peer=0) if r.index == NIC else r for r in rows]
        return [*kept, *slaves]

    mesh = assert_healthy(everywhere(healthy(3), Section.LINKS, bonded))
    assert {m.underlay.interface for m in mesh.members.values() if m.underlay} == {"bond0"}


def test_several_underlay_addresses() -> None:
    """Any address of the owner on the segment is a valid next hop."""
    second = {"vm1": "10.5.7.160", "vm2": "10.5.7.161", "vm3": "10.5.7.162"}
    fabric = healthy(3)
    for name, address in second.items():
        held = Address(NIC, address, 24, secondary=True)
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows, held=held: [*rows, held])
    fabric = routes(
        fabric,
        "vm1",
        lambda rows: [
            msgspec.structs.replace(r, gateway=second["vm2"]) if r.gateway == "10.5.7.61" else r for r in rows
        ],
    )
    assert_healthy(fabric)


def test_a_nic_that_is_down_keeps_its_place() -> None:
    fabric = altered(
        healthy(3),
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, up=False, carrier=False) if r.index == NIC else r for r in rows],
    )
    fabric = routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != NIC])
    mesh = build(fabric)
    underlay = mesh.members["vm2"].underlay
    assert underlay is not None
    assert (underlay.interface, underlay.up) == ("eth0", False)
    assert owners(mesh) == OWN


def test_an_address_that_another_host_took_stays_the_owners() -> None:
    taken = Address(NIC, "10.5.7.61", 24, secondary=True)
    fabric = altered(healthy(3), "vm3", Section.ADDRESSES, lambda rows: [*rows, taken])
    mesh = build(fabric)
    assert mesh.host_of_address[address_number("10.5.7.61")] == "vm2"
    assert mesh.host_of_address[address_number("10.5.7.62")] == "vm3"
    assert owners(mesh) == OWN


def test_an_address_that_another_host_took_stays_the_owners_whatever_other_nics_it_has() -> None:
    taken = Address(NIC, "10.5.7.61", 24, secondary=True)
    fabric = altered(healthy(3), "vm3", Section.ADDRESSES, lambda rows: [*rows, taken])
    fabric = with_nic(fabric, "vm2", Link(9, "eth1", "", True, True), "192.168.50.4/24")
    mesh = build(fabric)
    underlay = mesh.members["vm2"].underlay
    assert underlay is not None
    assert underlay.interface == "eth0"
    assert [f.id for f in run(fabric, mesh) if f.code == "address-duplicate"] == ["address-duplicate/vm3/10.5.7.61"]


# ---- hosts ----


def test_an_external_host() -> None:
    rows = {key: held for key, held in healthy_rows(4, 4, 0).items() if key[1] is not Section.FILTERS}
    rows[0, Section.LINKS] = [r for r in rows[0, Section.LINKS] if r.index != BRIDGE]  # type: ignore[union-attr]
    rows[0, Section.ADDRESSES] = [r for r in rows[0, Section.ADDRESSES] if r.index != BRIDGE]  # type: ignore[union-attr]
    rows[0, Section.ROUTES] = [r for r in rows[0, Section.ROUTES] if r.oif != BRIDGE]  # type: ignore[union-attr]
    mesh = assert_healthy(healthy(3).with_host(host("ext1", rows, "10.5.7.63")))
    assert mesh.members["ext1"].role is Role.EXTERNAL
    assert len(mesh.expected_of("ext1")) == 3


@pytest.mark.parametrize("names", [("vm1", "vm2"), ("vm1", "vm3"), ("vm2", "vm3")])
def test_two_of_three_are_listed(names: tuple[str, str]) -> None:
    assert_healthy(only(healthy(3), *names), {p: owner for p, owner in OWN.items() if owner in names})


@pytest.mark.parametrize("seen_before", [True, False])
def test_one_host_is_down(seen_before: bool) -> None:
    fabric = healthy(3)
    down = replace(fabric.hosts["vm2"], state=HostState.UNREACHABLE, error="no answer")
    assert_healthy(fabric.with_host(down if seen_before else replace(down, snapshot=None)))


# ---- CNIs without a bridge ----


def bridgeless(fabric: Fabric, blocks: dict[str, str], protocol: str, container: str) -> Fabric:
    """Each host routes its containers one by one, and the others' blocks to their hosts; no bridge, no NAT of ours."""
    addresses = {h.name: h.address for h in fabric.hosts.values()}
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
        fabric = altered(
            fabric,
            name,
            Section.LINKS,
            lambda rows: [
                msgspec.structs.replace(r, master=0, name=f"cali{r.index}") if r.master == BRIDGE else r
                for r in rows
                if r.index != BRIDGE
            ],
        )
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
        wanted = [
            Route(block, gateway=addresses[owner], oif=NIC, protocol=protocol)
            for block, owner in blocks.items()
            if owner != name
        ]
        for ns, block in zip((1, 2), [b for b, owner in blocks.items() if owner == name] * 2, strict=False):
            address = block.replace(".0/", f".{ns + 4}/").rpartition("/")[0]
            wanted.append(Route(f"{address}/32", oif=10 + ns, scope="link"))
            text, length = address, int(container or block.rpartition("/")[2])
            fabric = altered(fabric, name, Section.ADDRESSES, lambda _, t=text, n=length: [Address(2, t, n)], ns)
            fabric = routes(fabric, name, lambda _, g=text: [Route("0.0.0.0/0", gateway="169.254.1.1", oif=2)], ns)
        if container:
            wanted += [
                Route(block, type="blackhole", protocol=protocol) for block, owner in blocks.items() if owner == name
            ]
        fabric = routes(
            fabric,
            name,
            lambda rows, new=wanted: [*(r for r in rows if r.dst in BASE or (r.oif == NIC and not r.gateway)), *new],
        )
    return fabric


BASE = ("0.0.0.0/0", "10.5.7.0/24")


def test_calico_without_encapsulation() -> None:
    """Blocks of /26, several on a host; the owner's own is a blackhole with /32 routes of its containers in it."""
    blocks = {
        "10.244.1.0/26": "vm1",
        "10.244.9.0/26": "vm1",
        "10.244.2.0/26": "vm2",
        "10.244.3.0/26": "vm3",
    }
    assert_healthy(bridgeless(healthy(3), blocks, "bird", "32"), blocks)


def test_calico_nodes_with_an_idle_docker_beside() -> None:
    blocks = {f"10.244.{n}.0/26": f"vm{n}" for n in (1, 2, 3)}
    fabric = bridgeless(healthy(3), blocks, "bird", "32")
    for name in fabric.hosts:
        fabric = with_nic(fabric, name, Link(60, "docker0", "bridge", True), "172.17.0.1/16")
    assert_healthy(fabric, blocks)


def test_kindnet() -> None:
    """Point-to-point veths: containers have the node's mask, the host a route for each."""
    blocks = {f"10.244.{n}.0/24": f"vm{n}" for n in (1, 2, 3)}
    assert_healthy(bridgeless(healthy(3), blocks, "boot", ""), blocks)


def test_calico_by_several_next_hops_is_no_evidence_against_anybody() -> None:
    """An anycast service address with several next hops lies beside the network."""
    anycast = Route("203.0.113.7/32", nexthops=(NextHop(NIC, "10.5.7.61"), NextHop(NIC, "10.5.7.62")), protocol="bird")
    assert_healthy(routes(healthy(3), "vm1", lambda rows: [*rows, anycast]))


# ---- Docker, libvirt, files ----


def test_docker_with_networks_of_its_own() -> None:
    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = with_nic(fabric, name, Link(60, "docker0", "bridge", True), "172.17.0.1/16")
        fabric = with_nic(fabric, name, Link(61, "br-0123", "bridge", True, True), "172.18.0.1/16")
        fabric = with_nic(fabric, name, Link(62, "virbr0", "bridge", True), "192.168.122.1/24")
    assert_healthy(fabric)


def without_nat(fabric: Fabric) -> Fabric:
    return everywhere(fabric, Section.FILTERS, lambda rows: [Filter("nft", "")])


def flannel(fabric: Fabric) -> Fabric:
    for number, name in enumerate(fabric.hosts):
        env = {"FLANNEL_NETWORK": "10.239.0.0/16", "FLANNEL_SUBNET": f"10.239.{number}.1/24"}
        rows = [Setting("/run/flannel/subnet.env", key, value) for key, value in env.items()]
        fabric = altered(fabric, name, Section.SETTINGS, lambda held, rows=rows: [*held, *rows])
    return fabric


def test_flannels_file_names_the_network() -> None:
    mesh = assert_healthy(flannel(without_nat(healthy(2))), {p: o for p, o in OWN.items() if o != "vm3"})
    assert str(mesh.network) == "10.239.0.0/16"


def test_flannels_file_names_the_owner_when_the_bridge_is_gone() -> None:
    fabric = flannel(without_nat(healthy(3, 0)))
    fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [r for r in rows if r.index != BRIDGE])
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    fabric = routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])
    assert_healthy(fabric)
    lost = everywhere_lost(fabric, "10.239.1.0/24")
    assert owners(build(lost)) == OWN
    assert {f.id for f in listed(run(lost, build(lost)))} == {f"route-missing/vm{n}/10.239.1.0/24" for n in (1, 3)}


def everywhere_lost(fabric: Fabric, dst: str) -> Fabric:
    for name in fabric.hosts:
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != dst])
    return fabric


def test_an_idle_bridge_in_a_wrong_subnet_does_not_hide_the_nat_rules_owner() -> None:
    fabric = altered(
        healthy(3, 0),
        "vm2",
        Section.ADDRESSES,
        lambda rows: [msgspec.structs.replace(a, address="10.239.77.1") if a.index == BRIDGE else a for a in rows],
    )
    mesh = build(fabric)
    assert owners(mesh) == OWN
    assert mesh.members["vm2"].subnets[0].bridge == "br0"


def test_containers_and_nat_rules_together_outweigh_the_bridge_when_no_route_is_left() -> None:
    fabric = altered(
        everywhere_lost(healthy(3), "10.239.1.0/24"),
        "vm2",
        Section.ADDRESSES,
        lambda rows: [msgspec.structs.replace(a, address="10.239.77.1") if a.index == BRIDGE else a for a in rows],
    )
    assert owners(build(fabric)) == OWN


def test_an_inventory_that_names_one_of_two_subnets_takes_away_none_that_is_routed() -> None:
    fabric = healthy(3)
    fabric = with_nic(fabric, "vm2", Link(60, "br1", "bridge", True, True), "10.239.50.1/24")
    for name in ("vm1", "vm3"):
        more = Route("10.239.50.0/24", gateway="10.5.7.61", oif=NIC, protocol="static")
        fabric = routes(fabric, name, lambda rows, more=more: [*rows, more])
    mesh = build(fabric, {"vm2": Intent((prefix("10.239.1.0/24"),))})
    assert owners(mesh) == {**OWN, "10.239.50.0/24": "vm2"}
    assert listed(run(fabric, mesh)) == ()


def test_the_mesh_does_not_depend_on_the_order_of_hosts() -> None:
    fabric = flannel(healthy(4, 1))
    turned = Fabric({name: fabric.hosts[name] for name in reversed(list(fabric.hosts))})
    assert owners(build(fabric)) == owners(build(turned))
    assert build(fabric).network == build(turned).network


def test_a_host_without_a_picture_and_without_routes_to_it_owns_nothing() -> None:
    fabric = healthy(2).with_host(Host("vm9", HostState.TIMEOUT, "no answer", None, address="10.5.7.99"))
    assert build(fabric).members["vm9"].subnets == ()
