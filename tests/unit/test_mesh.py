from __future__ import annotations

from dataclasses import replace

import msgspec

from hostgw.checks.run import run
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Intent
from hostgw.mesh.build import build
from hostgw.model.finding import listed
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number, prefix
from hostgw.model.kernel import Address, Filter, Link, Route
from hostgw.wire import Row, Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, healthy_rows, host, only, routes


def test_healthy_mesh_knows_network_owners_and_routes() -> None:
    mesh = build(healthy(3))
    assert str(mesh.network) == "10.239.0.0/16"
    assert {str(p): owner for p, owner in mesh.owners.items()} == {
        "10.239.0.0/24": "vm1",
        "10.239.1.0/24": "vm2",
        "10.239.2.0/24": "vm3",
    }
    assert [str(e) for e in mesh.expected_of("vm1")] == [
        "10.239.1.0/24 via 10.5.7.61 dev eth0",
        "10.239.2.0/24 via 10.5.7.62 dev eth0",
    ]
    assert len(list(mesh.expected)) == 6


def test_underlay_is_the_shared_nic_not_the_repeated_address() -> None:
    """Vagrant: every host holds 10.0.2.15 on its first NIC."""

    def with_nat_nic(rows):
        return [*rows, Address(9, "10.0.2.15", 24)]

    def with_link(rows):
        return [*rows, Link(9, "eth9", "", True, True)]

    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.LINKS, with_link)
        fabric = altered(fabric, name, Section.ADDRESSES, with_nat_nic)
    mesh = build(fabric)
    assert {m.underlay.interface for m in mesh.members.values() if m.underlay} == {"eth0"}


def test_ownership_survives_a_bridge_without_address() -> None:
    fabric = altered(healthy(3), "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    fabric = routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])
    mesh = build(fabric)
    subnet = mesh.members["vm2"].subnets[0]
    assert (str(subnet.prefix), subnet.bridge, subnet.gateway) == (
        "10.239.1.0/24",
        "br0",
        address_number("10.239.1.1"),
    )
    assert any("10.239.1.0/24 belongs to vm2" in line for line in mesh.assumptions)


def test_ownership_survives_no_address_and_no_containers_by_nat_rule_three() -> None:
    fabric = altered(healthy(3, 0), "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    assert build(fabric).owners[prefix("10.239.1.0/24")] == "vm2"


def test_unreachable_host_is_owner_by_its_peers_routes() -> None:
    fabric = healthy(3)
    fabric = fabric.with_host(Host("vm2", HostState.UNREACHABLE, "no answer", None, address="10.5.7.61"))
    mesh = build(fabric)
    assert mesh.owners[prefix("10.239.1.0/24")] == "vm2"
    assert [h for h, needed in mesh.routes.items() if any(str(e.subnet.prefix) == "10.239.1.0/24" for e in needed)] == [
        "vm1",
        "vm3",
    ]


def test_a_route_to_a_host_that_shows_another_subnet_is_no_evidence() -> None:
    stale = Route("10.239.9.0/24", gateway="10.5.7.61", oif=NIC, protocol="static")
    mesh = build(routes(healthy(3), "vm1", lambda rows: [*rows, stale]))
    assert prefix("10.239.9.0/24") not in mesh.owners


def test_identical_idle_bridges_are_local_only() -> None:
    fabric = healthy(2)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.LINKS, lambda rows: [*rows, Link(20, "virbr0", "bridge", True)])
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [*rows, Address(20, "192.168.122.1", 24)])
    mesh = build(fabric)
    assert {str(p) for p in mesh.owners} == {"10.239.0.0/24", "10.239.1.0/24"}
    assert str(mesh.network) == "10.239.0.0/16"


def test_network_is_the_common_prefix_without_nat_rules() -> None:
    fabric = healthy(2)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
    assert str(build(fabric).network) == "10.239.0.0/23"


def test_network_told_wins() -> None:
    assert str(build(healthy(2), told_network=prefix("10.0.0.0/8")).network) == "10.0.0.0/8"


def test_inventory_wins_over_observation() -> None:
    intents = {"vm2": Intent((prefix("10.239.7.0/24"),), None, Role.OWNER)}
    mesh = build(healthy(2), intents)
    assert mesh.owners[prefix("10.239.7.0/24")] == "vm2"


def test_some_hosts_listed() -> None:
    mesh = build(only(healthy(3), "vm1", "vm2"))
    assert [str(e) for e in mesh.expected] == [
        "10.239.1.0/24 via 10.5.7.61 dev eth0",
        "10.239.0.0/24 via 10.5.7.60 dev eth0",
    ]


def test_empty_fabric() -> None:
    mesh = build(Fabric())
    assert not list(mesh.expected)
    assert mesh.network is None


def test_host_without_picture_is_a_member() -> None:
    fabric = healthy(2).with_host(replace(Host("vm9"), state=HostState.TIMEOUT))
    assert build(fabric).members["vm9"].underlay is None


def with_bridge(fabric: Fabric, name: str, index: int, bridge: str, address: str, busy: bool) -> Fabric:
    links = [Link(index, bridge, "bridge", True, busy)]
    links += [Link(index + 1, f"{bridge}-p", "tun", True, True, master=index)] if busy else []
    fabric = altered(fabric, name, Section.LINKS, lambda rows: [*rows, *links])
    text, length = address.split("/")
    return altered(fabric, name, Section.ADDRESSES, lambda rows: [*rows, Address(index, text, int(length))])


def subnets_of(fabric: Fabric) -> set[str]:
    return {str(p) for p in build(fabric).owners}


OWN = {"10.239.0.0/24", "10.239.1.0/24", "10.239.2.0/24"}


def test_a_busy_libvirt_bridge_on_one_host_is_its_own_business() -> None:
    fabric = with_bridge(healthy(3), "vm1", 30, "virbr0", "192.168.122.1/24", busy=True)
    assert subnets_of(fabric) == OWN
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
    assert subnets_of(fabric) == OWN


def test_a_second_docker_network_with_containers_is_not_routed_by_anybody() -> None:
    fabric = healthy(3)
    for name in ("vm1", "vm2"):
        fabric = with_bridge(fabric, name, 30, "br-abc", "172.18.0.1/16", busy=True)
    assert subnets_of(fabric) == OWN


def test_two_docker_hosts_whose_routes_are_all_missing_still_own_their_subnets() -> None:
    fabric = healthy(2)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.protocol != "static"])
    assert subnets_of(fabric) == {"10.239.0.0/24", "10.239.1.0/24"}
    assert len(list(build(fabric).expected)) == 2


def test_a_bridge_on_the_lan_is_underlay() -> None:
    """The NIC is a port of br-lan, which holds the host's address and the routes to the others."""

    def moved(rows):
        return [msgspec.structs.replace(a, index=40) if a.index == NIC else a for a in rows]

    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.LINKS, lambda rows: [*rows, Link(40, "br-lan", "bridge", True, True)])
        fabric = altered(fabric, name, Section.ADDRESSES, moved)
        fabric = routes(
            fabric, name, lambda rows: [msgspec.structs.replace(r, oif=40) if r.oif == NIC else r for r in rows]
        )
    mesh = build(fabric)
    assert {m.underlay.interface for m in mesh.members.values() if m.underlay} == {"br-lan"}
    assert listed(run(fabric, mesh)) == ()


def test_a_lan_behind_a_listed_host_makes_no_mesh() -> None:
    """vm9 is a router without containers; one host routes an office network by it."""
    rows = {key: held for key, held in healthy_rows(4, 4, 0).items() if key[1] is not Section.FILTERS}
    rows[0, Section.LINKS] = [link for link in rows[0, Section.LINKS] if link.index != BRIDGE]
    rows[0, Section.ADDRESSES] = [a for a in rows[0, Section.ADDRESSES] if a.index != BRIDGE]
    rows[0, Section.ROUTES] = [r for r in rows[0, Section.ROUTES] if r.oif != BRIDGE]
    fabric = healthy(3).with_host(host("router", rows, "10.5.7.63"))
    office = Route("192.168.7.0/24", gateway="10.5.7.63", oif=NIC, protocol="static")
    fabric = routes(fabric, "vm1", lambda held: [*held, office])
    mesh = build(fabric)
    assert {str(p) for p in mesh.owners} == OWN
    assert listed(run(fabric, mesh)) == ()


def test_hosts_with_a_full_length_address_and_link_routes_are_on_one_segment() -> None:
    """A /32 address and `ip route add PEER dev eth0`: reachable without a next hop all the same."""

    def full(rows):
        return [msgspec.structs.replace(a, length=32) if a.index == NIC else a for a in rows]

    fabric = healthy(2)
    for name, peer in (("vm1", "10.5.7.61"), ("vm2", "10.5.7.60")):
        link = Route(f"{peer}/32", oif=NIC, scope="link", protocol="static")
        fabric = altered(fabric, name, Section.ADDRESSES, full)
        fabric = routes(fabric, name, lambda rows, link=link: [link, *(r for r in rows if r.dst != "10.5.7.0/24")])
    mesh = build(fabric)
    assert all(expected.next_hops for expected in mesh.expected)
    assert listed(run(fabric, mesh)) == ()


def test_routes_over_a_tunnel_are_not_stale() -> None:
    tunnel = Link(50, "flannel.1", "vxlan", True, True)
    fabric = altered(healthy(3), "vm1", Section.LINKS, lambda rows: [*rows, tunnel])
    over = Route("10.239.9.0/24", gateway="10.239.9.0", oif=50, flags=("onlink",))
    fabric = routes(fabric, "vm1", lambda rows: [*rows, over])
    assert listed(run(fabric, build(fabric))) == ()
    assert listed(run(fabric, build(fabric, complete=True))) == ()


FLANNEL = """*nat
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
[0:0] -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
[0:0] -A FLANNEL-POSTRTG -s SUBNET -d 10.239.0.0/16 -j RETURN
[0:0] -A FLANNEL-POSTRTG -s 10.239.0.0/16 -d SUBNET -j RETURN
[0:0] -A FLANNEL-POSTRTG ! -s 10.239.0.0/16 -d SUBNET -j RETURN
[0:0] -A FLANNEL-POSTRTG -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
COMMIT
"""


def test_flannels_own_rules_name_the_network() -> None:
    fabric = healthy(3)
    for number, name in enumerate(fabric.hosts):
        text = FLANNEL.replace("SUBNET", f"10.239.{number}.0/24")
        fabric = altered(fabric, name, Section.FILTERS, lambda rows, text=text: [Filter("nft", text)])
    mesh = build(fabric)
    assert str(mesh.network) == "10.239.0.0/16"
    assert listed(run(fabric, mesh)) == ()


def test_docker_with_a_container_on_one_host_only() -> None:
    fabric = with_bridge(healthy(3), "vm1", 30, "docker0", "172.17.0.1/16", busy=True)
    mesh = build(fabric)
    assert {str(p) for p in mesh.owners} == OWN
    assert listed(run(fabric, mesh)) == ()


def test_two_halves_by_the_owner_are_as_good_as_the_whole() -> None:
    def halves(gateway):
        return [Route(f"10.239.1.{half}/25", gateway=gateway, oif=NIC, protocol="static") for half in (0, 128)]

    def split(gateway):
        return lambda rows: [*halves(gateway), *(r for r in rows if r.dst != "10.239.1.0/24")]

    fabric = routes(healthy(3), "vm1", split("10.5.7.61"))
    assert listed(run(fabric, build(fabric))) == ()
    fabric = routes(healthy(3), "vm1", split("10.5.7.62"))
    assert listed(run(fabric, build(fabric))) != ()


def test_a_clouds_full_length_address_with_onlink_routes_is_right() -> None:
    def full(rows):
        return [msgspec.structs.replace(a, length=32) if a.index == NIC else a for a in rows]

    def onlink(rows):
        kept = [r for r in rows if r.dst != "10.5.7.0/24"]
        return [msgspec.structs.replace(r, flags=("onlink",)) if r.protocol == "static" else r for r in kept]

    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = routes(altered(fabric, name, Section.ADDRESSES, full), name, onlink)
    assert listed(run(fabric, build(fabric))) == ()


def test_one_host_that_routes_by_the_other_nic_accuses_nobody_else() -> None:
    """Two segments shared by all; vm1 alone uses the second: it works, and the others stay on the first."""
    fabric = healthy(3)
    for number, name in enumerate(fabric.hosts):
        link, address = Link(5, "eth1", "", True, True), Address(5, f"192.168.50.{number + 1}", 24)
        connected = Route("192.168.50.0/24", oif=5, protocol="kernel", scope="link")
        fabric = altered(fabric, name, Section.LINKS, lambda rows, link=link: [*rows, link])
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows, address=address: [*rows, address])
        fabric = routes(fabric, name, lambda rows, connected=connected: [*rows, connected])

    def second(rows):
        other = {"10.5.7.61": "192.168.50.2", "10.5.7.62": "192.168.50.3"}
        return [msgspec.structs.replace(r, gateway=other[r.gateway], oif=5) if r.gateway in other else r for r in rows]

    fabric = routes(fabric, "vm1", second)
    assert listed(run(fabric, build(fabric))) == ()


def test_that_ipv6_is_not_judged_is_said_where_hosts_speak_it() -> None:
    def beside(rows: list[Row], address: str) -> list[Row]:
        return [*rows, Address(BRIDGE, address, 64, family=6, scope="link" if address.startswith("fe80") else "global")]

    linked = altered(healthy(2), "vm1", Section.ADDRESSES, lambda rows: beside(rows, "fe80::1"))
    assert not any("IPv6" in line for line in build(linked).assumptions)
    one = altered(linked, "vm2", Section.ADDRESSES, lambda rows: beside(rows, "fd00::1"))
    assert build(one).assumptions[-1] == "only IPv4 counts: vm2 has IPv6 too, shown and not judged"
    both = altered(one, "vm1", Section.ADDRESSES, lambda rows: beside(rows, "fd00::2"))
    assert build(both).assumptions[-1] == "only IPv4 counts: vm1, vm2 have IPv6 too, shown and not judged"
