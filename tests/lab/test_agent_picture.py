"""What the agent says first equals what ip(8) and bridge(8) say."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from hostgw.fabric import NamespaceState
from hostgw.model.kernel import NextHop, Route
from tests.lab.agent_rig import Nets, Operator, operator, run

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
TYPES = {"1": "unicast", "6": "blackhole", "7": "unreachable", "8": "prohibit", "9": "throw"}
PROTOCOLS = {"2": "kernel", "3": "boot", "4": "static", "16": "dhcp", "186": "bgp"}
SCOPES = {"0": "global", "253": "link", "254": "host", "200": "site"}
SHOWN_FLAGS = {"onlink", "linkdown", "dead"}

ROUTES = [
    "10.20.0.0/16 via 10.9.0.2 proto static",
    "10.20.0.0/16 via 10.9.0.3 metric 50",
    "10.20.0.0/16 via 10.9.0.4 tos 0x10",
    "10.21.0.0/16 nexthop via 10.9.0.2 weight 3 nexthop via 10.9.0.3 nexthop via 99.1.1.1 dev eth0 onlink",
    "10.22.0.0/16 nhid 5",
    "10.23.0.0/16 nhid 7",
    "10.24.0.0/16 nhid 8",
    "blackhole 10.25.0.0/16",
    "unreachable 10.26.0.0/16 metric 4294967294",
    "prohibit 10.27.0.0/16 table 1000",
    "throw 10.28.0.0/16 table 70000",
    "10.29.0.0/16 via 10.9.0.2 mtu 1400 advmss 1360 window 60000",
    "10.30.0.0/16 via 10.9.0.2 mtu lock 1300",
    "10.31.0.0/16 via 99.9.9.9 dev eth0 onlink",
    "10.32.0.0/16 via 10.9.0.2 src 10.200.1.1",
    "10.33.0.1 dev eth0",
    "default via 10.9.0.2 table 70000 proto bgp",
    "10.34.0.0/16 dev dead0",
    "10.35.0.0/16 via 10.9.0.2 proto 77 scope site",
    "10.36.0.0/16 via inet6 fe80::7 dev eth0",
]
RULES = [
    "pref 100 fwmark 0x3/0xff lookup 1000",
    "pref 101 iif eth0 not from 10.9.0.0/24 lookup 70000",
    "pref 102 lookup main suppress_prefixlength 0",
    "pref 103 oif br0 to 10.200.0.0/16 tos 0x10 lookup 1000",
    "pref 104 from 10.7.0.0/16 blackhole",
    "pref 105 goto 200",
    "pref 200 unreachable to 10.99.0.0/16",
    "pref 201 ipproto tcp dport 80 lookup 1000",
    "pref 202 iif gone0 prohibit",
]


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=2)
        made.add("spare")
        made.pair("h", "dead0", "spare", "x")
        made.ip("spare", "link set x down")
        made.batch("h", ["nexthop add id 5 via 10.9.0.9 dev eth0", "nexthop add id 6 via 10.9.0.8 dev eth0"])
        made.batch("h", ["nexthop add id 7 group 5,3/6", "nexthop add id 8 blackhole"])
        made.sysctl("h", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.disable_ipv6=0")
        for line in ROUTES:
            made.ip("h", f"route add {line}")
        for line in RULES:
            made.ip("h", f"rule add {line}")
        made.batch("h", ["neigh add 10.9.0.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent"])
        made.exec("c1", "ping", "-c", "1", "-W", "5", "10.200.1.12")
        yield made


@pytest.fixture(scope="module")
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def device(state: NamespaceState, index: int) -> str:
    return state.links[index].name if index else ""


def ip_route(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ip(8)'s JSON that we know, in one form."""
    dst = row["dst"]
    dst = "0.0.0.0/0" if dst == "default" else dst if "/" in dst else f"{dst}/32"
    hops = [
        (hop.get("gateway", ""), hop.get("dev", ""), hop["weight"], sorted(SHOWN_FLAGS & set(hop["flags"])))
        for hop in row.get("nexthops", [])
    ]
    kind = TYPES[row.get("type", "1")]
    return {
        "dst": dst,
        "table": int(row.get("table", "254")),
        "type": kind,
        "gateway": row.get("gateway", ""),
        "via": row.get("via", {}).get("host", ""),
        "dev": row.get("dev", "") if kind == "unicast" else "",
        "metric": row.get("metric", 0),
        "protocol": PROTOCOLS.get(row["protocol"], row["protocol"]),
        "scope": SCOPES.get(row["scope"], row["scope"]),
        "src": row.get("prefsrc", ""),
        "tos": int(row.get("tos", "0"), 0),
        "flags": sorted(SHOWN_FLAGS & set(row["flags"])),
        "hops": hops,
        "nhid": row.get("nhid", 0),
        "metrics": {name: value for group in row.get("metrics", []) for name, value in group.items()},
    }


def our_route(state: NamespaceState, route: Route) -> dict[str, Any]:
    def hop(way: NextHop) -> tuple[str, str, int, list[str]]:
        return way.gateway, device(state, way.oif), way.weight, sorted(SHOWN_FLAGS & set(way.flags))

    return {
        "dst": route.dst,
        "table": route.table,
        "type": route.type,
        "gateway": route.gateway,
        "via": route.via,
        "dev": device(state, route.oif) if route.type == "unicast" else "",
        "metric": route.metric,
        "protocol": route.protocol,
        "scope": route.scope,
        "src": route.src,
        "tos": route.tos,
        "flags": sorted(SHOWN_FLAGS & set(route.flags)),
        "hops": [hop(way) for way in route.nexthops],
        "nhid": route.nexthop_id,
        "metrics": {name: value for name, value in route.metrics.items() if name != "lock"},
    }


def in_order(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return routes by table and prefix; equal ones stay in the kernel's order."""
    return sorted(routes, key=lambda route: (route["table"], route["dst"]))


def test_routes_equal_ip_route(nets: Nets, told: Operator) -> None:
    rows = [row for row in nets.json("h", "-4 route show table all") if row["table"] != "255"]
    assert len(rows) >= len(ROUTES) + 2
    ours = [our_route(told.root, route) for route in told.root.routes]
    assert in_order(ours) == in_order([ip_route(row) for row in rows])
    assert any(route.metrics.get("lock") for route in told.root.routes if route.dst == "10.30.0.0/16")
    assert "linkdown" in next(route.flags for route in told.root.routes if route.dst == "10.34.0.0/16")


@pytest.mark.parametrize("container", ["c1", "c2"])
def test_routes_of_containers_equal_ip_route(nets: Nets, told: Operator, container: str) -> None:
    state = told.container(nets.name(container))
    rows = [row for row in nets.json(container, "-4 route show table all") if row["table"] != "255"]
    ours = [our_route(state, route) for route in state.routes]
    assert ours
    assert in_order(ours) == in_order([ip_route(row) for row in rows])


def test_links_equal_ip_link(nets: Nets, told: Operator) -> None:
    rows = {row["ifindex"]: row for row in nets.json("h", "link")}
    assert set(told.root.links) == set(rows)
    for index, link in told.root.links.items():
        row = rows[index]
        assert (link.name, link.mtu, link.mac) == (row["ifname"], row["mtu"], row["address"])
        assert (link.up, link.carrier) == ("UP" in row["flags"], "LOWER_UP" in row["flags"])
        assert device(told.root, link.master) == row.get("master", "")
        assert (link.peer, link.peer_nsid) == (row.get("link_index", 0), row.get("link_netnsid", -1))
        assert link.kind == ("loopback" if link.name == "lo" else row["linkinfo"]["info_kind"])
        if link.master:
            assert link.port is not None
            assert link.port.state == row["linkinfo"]["info_slave_data"]["state"] or link.port.state == "forwarding"
    assert told.root.links_by_name["br0"].bridge is not None


@pytest.mark.parametrize("place", ["h", "c1", "c2"])
def test_addresses_equal_ip_addr(nets: Nets, told: Operator, place: str) -> None:
    state = told.root if place == "h" else told.container(nets.name(place))
    expected = [
        (row["ifindex"], info["local"], info["prefixlen"], SCOPES.get(info["scope"], info["scope"]))
        for row in nets.json(place, "addr")
        for info in row["addr_info"]
    ]
    ordered = sorted(state.addresses, key=lambda row: (row.index, row.family))
    assert expected == [(row.index, row.address, row.length, row.scope) for row in ordered]


def test_neighbours_equal_ip_neigh(nets: Nets, told: Operator) -> None:
    for place in ("h", "c1"):
        state = told.root if place == "h" else told.container(nets.name(place))
        rows = nets.json(place, "-4 neigh")
        expected = {(row["dev"], row["dst"], row.get("lladdr", "")) for row in rows}
        assert expected == {(device(state, row.index), row.address, row.mac) for row in state.neighbours}
        assert expected
    pinned = next(row for row in told.root.neighbours if row.address == "10.9.0.77")
    assert pinned.state == "permanent"


def test_fdb_equals_bridge_fdb(nets: Nets, told: Operator) -> None:
    rows = json.loads(nets.exec("h", "bridge", "-j", "fdb"))
    expected = {(r["ifname"], r["mac"], r.get("vlan", 0), r["state"] == "permanent") for r in rows if "master" in r}
    found = {(device(told.root, row.index), row.mac, row.vlan, row.permanent) for row in told.root.fdb}
    assert found == expected
    assert any(not row.permanent for row in told.root.fdb)


def test_rules_equal_ip_rule(nets: Nets, told: Operator) -> None:
    rows = nets.json("h", "-4 rule")
    ours = told.root.rules
    assert [rule.priority for rule in ours] == [row["priority"] for row in rows]
    for rule, row in zip(ours, rows, strict=True):
        expected = "all" if not rule.src else str(ipaddress.ip_network(rule.src).network_address)
        assert row["src"] == expected
        assert row.get("dst", "") == (str(ipaddress.ip_network(rule.dst).network_address) if rule.dst else "")
        assert (row.get("iif", ""), row.get("oif", "")) == (rule.iif, rule.oif)
        assert rule.inverted == ("not" in row)
        assert rule.mark == int(row.get("fwmark", "0"), 0)
        assert rule.tos == int(row.get("tos", "0"), 0)
        assert rule.suppress_prefixlength == row.get("suppress_prefixlen", -1)
        assert rule.goto == int(row.get("goto", 0))
        if rule.action == "lookup":
            assert int(row["table"]) == rule.table
    by_priority = {rule.priority: rule for rule in ours}
    assert by_priority[100].mask == 0xFF
    assert [by_priority[n].action for n in (104, 105, 200, 202)] == ["blackhole", "goto", "unreachable", "prohibit"]
    assert {"ip_proto", "dport_range"} <= set(by_priority[201].other)


def test_namespaces_and_settings(nets: Nets, told: Operator) -> None:
    assert told.snapshot is not None
    assert [ns.name for ns in told.snapshot.containers] == [nets.name(short) for short in ("c1", "c2", "spare")]
    host = told.snapshot.namespaces[0]
    assert host.inode == int(run("stat", "-Lc", "%i", f"/run/netns/{nets.name('h')}"))
    assert told.root.sysctls["net/ipv4/ip_forward"] == nets.exec("h", "cat", "/proc/sys/net/ipv4/ip_forward").strip()
    assert told.root.sysctls["net/ipv4/conf/br0/rp_filter"] in {"0", "1", "2"}
