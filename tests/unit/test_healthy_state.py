"""False alarms, where a lab cannot hold the state: healthy hosts by hand, of which nothing may be said."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh import Intent
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, listed
from hostgw.model.ip import prefix
from hostgw.model.kernel import Address, Filter, Link, Route, Rule, Sysctl
from hostgw.wire import Row, Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, nat, underlay

Rows = list[Row]
BOND, SECOND, VLAN, EXTRA = 4, 5, 6, 7
OWN = {f"10.239.{number - 1}.0/24": f"vm{number}" for number in (1, 2, 3)}


def judged(fabric: Fabric, **intents: Intent) -> tuple[Finding, ...]:
    """Findings in a fabric, of which it is known who owns what."""
    mesh = build(fabric, intents)
    assert {str(subnet): owner for subnet, owner in mesh.owners.items()} == OWN
    return listed(run(fabric, mesh))


def everywhere(fabric: Fabric, section: Section, change: Callable[[int, Rows], Rows]) -> Fabric:
    """Change a section of every host, each by its number."""
    for number in (1, 2, 3):
        fabric = altered(fabric, f"vm{number}", section, lambda rows, number=number: change(number, rows))
    return fabric


def moved(index: int) -> Callable[[int, Rows], Rows]:
    """Move what is on the NIC to another link."""

    def change(_: int, rows: Rows) -> Rows:
        field = "index" if isinstance(rows[0], Address) else "oif"
        return [msgspec.structs.replace(r, **{field: index}) if getattr(r, field) == NIC else r for r in rows]

    return change


def bonded(number: int, rows: Rows) -> Rows:
    """eth0 and eth1 in bond0: ports of a bond bear its MAC, all of them."""
    mac = f"02:00:00:00:00:{number:02x}"
    others = [row for row in rows if isinstance(row, Link) and row.index != NIC]
    ports = [Link(index, f"eth{index % 2}", "", True, True, mac, master=BOND) for index in (NIC, SECOND)]
    return [*others, *ports, Link(BOND, "bond0", "bond", True, True, mac)]


def with_bond(top: int) -> Fabric:
    fabric = everywhere(healthy(), Section.LINKS, bonded)
    fabric = everywhere(fabric, Section.ADDRESSES, moved(top))
    return everywhere(fabric, Section.ROUTES, moved(top))


def test_bond() -> None:
    assert judged(with_bond(BOND)) == ()


def test_vlan_on_a_bond() -> None:
    vlan = lambda number: Link(VLAN, "bond0.7", "vlan", True, True, f"02:00:00:00:00:{number:02x}", peer=BOND)  # noqa: E731
    fabric = everywhere(with_bond(VLAN), Section.LINKS, lambda number, rows: [*rows, vlan(number)])
    assert judged(fabric) == ()


def test_bond_whose_standby_port_is_down() -> None:
    def unplugged(_: int, rows: Rows) -> Rows:
        return [msgspec.structs.replace(r, carrier=False) if r.index == SECOND else r for r in rows]  # type: ignore[union-attr]

    assert judged(everywhere(with_bond(BOND), Section.LINKS, unplugged)) == ()


@pytest.mark.parametrize(("name", "kind"), [("tunl0", "ipip"), ("tun-1062", "ipip"), ("wg0", "wireguard")])
def test_host_of_another_segment_behind_a_tunnel(name: str, kind: str) -> None:
    """Calico IPIPMode CrossSubnet, kube-router's overlay for other subnets, a mesh over WireGuard."""
    far = "10.6.0.62"
    fabric = everywhere(
        healthy(), Section.LINKS, lambda _, rows: [*rows, Link(EXTRA, name, kind, True, True, mtu=1480)]
    )
    fabric = altered(fabric, "vm3", Section.ADDRESSES, lambda rows: [_readdressed(row, far) for row in rows])

    def tunnelled(number: int, rows: Rows) -> Rows:
        gateways = {f"10.239.{other - 1}.0/24": underlay(other) if other < 3 else far for other in (1, 2, 3)}
        kept = [row for row in rows if isinstance(row, Route)]
        found: Rows = []
        for route in kept:
            if route.gateway and (number == 3 or route.dst == "10.239.2.0/24") and route.dst in gateways:
                flags = ("onlink",) if kind == "ipip" else ()
                gateway = gateways[route.dst] if kind == "ipip" else ""
                route = Route(route.dst, gateway=gateway, oif=EXTRA, protocol="bird", flags=flags)
            elif number == 3 and route.dst == "10.5.7.0/24":
                route = Route("10.6.0.0/24", oif=NIC, protocol="kernel", scope="link", src=far)
            elif number == 3 and route.dst == "0.0.0.0/0":
                route = Route(route.dst, gateway="10.6.0.1", oif=NIC)
            found.append(route)
        return found

    fabric = everywhere(fabric, Section.ROUTES, tunnelled)
    assert judged(fabric) == ()


def _readdressed(row: Row, address: str) -> Row:
    return msgspec.structs.replace(row, address=address) if isinstance(row, Address) and row.index == NIC else row


def test_docker_28_0_with_its_ipset() -> None:
    """dockerd 28.0.0 asks an ipset for its bridges; the operator's accepts are in DOCKER-USER."""

    def rules(number: int, _: Rows) -> Rows:
        own = f"10.239.{number - 1}.0/24"
        text = f"""\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
[9:756] -A FORWARD -j DOCKER-USER
[0:0] -A FORWARD -m set --match-set docker-ext-bridges-v4 dst -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[0:0] -A FORWARD -j DOCKER-ISOLATION-STAGE-1
[0:0] -A FORWARD -m set --match-set docker-ext-bridges-v4 dst -j DOCKER
[0:0] -A FORWARD -i br0 -j ACCEPT
[0:0] -A DOCKER ! -i br0 -o br0 -j DROP
[0:0] -A DOCKER-ISOLATION-STAGE-1 -i br0 ! -o br0 -j DOCKER-ISOLATION-STAGE-2
[0:0] -A DOCKER-ISOLATION-STAGE-2 -o br0 -j DROP
[9:756] -A DOCKER-USER -s 10.239.0.0/16 -d 10.239.0.0/16 -j ACCEPT
[0:0] -A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
[0:0] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN
[0:0] -A POSTROUTING -s {own} ! -o br0 -j MASQUERADE
[0:0] -A DOCKER -i br0 -j RETURN
COMMIT"""
        head = "create docker-ext-bridges-v4 hash:net family inet hashsize 1024 maxelem 65536"
        return [Filter("nft", text), Filter("ipset", f"{head}\nadd docker-ext-bridges-v4 {own}")]

    assert judged(everywhere(healthy(), Section.FILTERS, rules)) == ()


def test_sets_that_cannot_be_read_are_no_evidence() -> None:
    """Calico's rules on a host without the command ipset."""

    def rules(number: int, _: Rows) -> Rows:
        calico = (
            "[0:0] -A POSTROUTING -m set --match-set cali40masq-ipam-pools src "
            "-m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully"
        )
        table = nat(f"10.239.{number - 1}.0/24").splitlines()
        text = "\n".join([*table[:3], calico, *table[3:]])
        return [Filter("nft", text), Filter("ipset", error="ipset is not installed")]

    assert judged(everywhere(healthy(), Section.FILTERS, rules)) == ()


def test_host_without_any_packet_filter() -> None:
    """Neither iptables nor nft is installed: there is nothing to read, and nothing to say."""
    assert judged(everywhere(healthy(), Section.FILTERS, lambda _, __: [])) == ()


def test_vrf_of_a_management_nic() -> None:
    """A VRF for another NIC, with its l3mdev rule before the rule for local addresses."""
    links = [
        Link(EXTRA, "mgmt", "vrf", True, True, "02:00:00:00:0f:01"),
        Link(EXTRA + 1, "eth9", "", True, True, "02:00:00:00:0f:02", master=EXTRA),
    ]
    routes = [
        Route("0.0.0.0/0", table=10, gateway="192.168.9.1", oif=EXTRA + 1),
        Route("192.168.9.0/24", table=10, oif=EXTRA + 1, protocol="kernel", scope="link", src="192.168.9.1"),
        Route("0.0.0.0/0", table=10, type="unreachable", metric=4278198272),
    ]
    rules = [Rule(1000, 0, l3mdev=True), Rule(2000, 255), Rule(32766, 254), Rule(32767, 253)]
    fabric = everywhere(healthy(), Section.LINKS, lambda _, rows: [*rows, *links])
    address = lambda number: Address(EXTRA + 1, f"192.168.9.{number + 1}", 24)  # noqa: E731
    fabric = everywhere(fabric, Section.ADDRESSES, lambda number, rows: [*rows, address(number)])
    fabric = everywhere(fabric, Section.ROUTES, lambda _, rows: [*rows, *routes])
    assert judged(everywhere(fabric, Section.RULES, lambda _, __: list(rules))) == ()


def test_cilium_in_native_routing() -> None:
    """No bridge and no rule: cilium_host holds the gateway, BPF does the rest; ownership is told."""

    def links(number: int, rows: Rows) -> Rows:
        kept = [msgspec.structs.replace(r, master=0, port=None) for r in rows if r.index != BRIDGE]  # type: ignore[union-attr]
        pair = [("cilium_net", EXTRA, EXTRA + 1), ("cilium_host", EXTRA + 1, EXTRA)]
        return [
            *kept,
            *(Link(i, name, "veth", True, True, f"02:00:00:0{number}:0e:0{i}", peer=p) for name, i, p in pair),
        ]

    def addresses(number: int, rows: Rows) -> Rows:
        kept = [row for row in rows if row.index != BRIDGE]  # type: ignore[union-attr]
        return [*kept, Address(EXTRA + 1, f"10.239.{number - 1}.1", 32)]

    def routes(number: int, rows: Rows) -> Rows:
        kept = [row for row in rows if row.oif != BRIDGE]  # type: ignore[union-attr]
        own = f"10.239.{number - 1}"
        mine = Route(f"{own}.0/24", gateway=f"{own}.1", oif=EXTRA + 1, protocol="kernel", src=f"{own}.1")
        return [*kept, mine, Route(f"{own}.1/32", oif=EXTRA + 1, protocol="kernel", scope="link")]

    fabric = everywhere(healthy(), Section.LINKS, links)
    fabric = everywhere(fabric, Section.ADDRESSES, addresses)
    fabric = everywhere(fabric, Section.ROUTES, routes)
    fabric = everywhere(fabric, Section.FILTERS, lambda _, __: [Filter("nft", "")])
    told = {f"vm{n}": Intent(subnets=(prefix(f"10.239.{n - 1}.0/24"),)) for n in (1, 2, 3)}
    assert judged(fabric, **told) == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"net/ipv4/conf/all/rp_filter": "2", "net/ipv4/conf/eth0/rp_filter": "2", "net/ipv4/conf/br0/rp_filter": "2"},
        {"net/bridge/bridge-nf-call-iptables": "1"},
        {"net/netfilter/nf_conntrack_count": "100000", "net/netfilter/nf_conntrack_max": "262144"},
        {"net/ipv4/neigh/default/gc_thresh1": "128", "net/ipv4/neigh/default/gc_thresh3": "1024"},
        {"net/ipv4/conf/all/send_redirects": "0", "net/ipv4/conf/all/accept_redirects": "0"},
        {"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2"},
        {"net/ipv4/conf/br0/proxy_arp": "0", "net/ipv4/conf/all/route_localnet": "1"},
    ],
)
def test_ordinary_settings(settings: dict[str, str]) -> None:
    more = [Sysctl(path, value) for path, value in settings.items()]
    assert judged(everywhere(healthy(), Section.SYSCTLS, lambda _, rows: [*rows, *more])) == ()
