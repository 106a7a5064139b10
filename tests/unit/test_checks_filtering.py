"""Filter verdicts by evaluation: what drops, in which backend, and what is healthy though it looks alike."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import ChainChange, NftRuleChange, SysctlChange
from hostgw.model.finding import Finding, Severity, listed
from hostgw.model.kernel import Address, Filter, Link, Program, Route, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import NIC, altered, healthy, nat, routes

NET, OWN = "10.239.0.0/16", "10.239.0.0/24"
DROPPED = f"forward-dropped/vm1/{OWN}"
SHUT = f"direct-access-dropped/vm1/{OWN}"


def saved(table: str, *lines: str) -> str:
    chains = [line for line in lines if line.startswith(":")]
    rules = [f"[0:0] {line}" for line in lines if not line.startswith(":")]
    return "\n".join([f"*{table}", *chains, *rules, "COMMIT"])


def forward(*rules: str, policy: str = "ACCEPT") -> str:
    names = dict.fromkeys(rule.split()[1] for rule in rules)
    chains = [f":{name} - [0:0]" for name in names if name != "FORWARD"]
    return saved("filter", f":FORWARD {policy} [0:0]", *chains, *rules)


def iptables(*tables: str) -> list[Filter]:
    return [Filter("nft", "\n".join([nat(OWN), *tables]))]


def native(
    family: str, table: str, hook: str, *rules: list[object], policy: str = "accept", prio: int = 0
) -> list[object]:
    """A table with one base chain, as `nft -j` lists it."""
    where = {"family": family, "table": table}
    base = {**where, "name": "base", "type": "filter", "hook": hook, "prio": prio, "policy": policy, "handle": 1}
    listed = [{"table": {"family": family, "name": table, "handle": 1}}, {"chain": base}]
    return [*listed, *({"rule": {**where, "chain": "base", "handle": 2 + i, "expr": r}} for i, r in enumerate(rules))]


def nftables(*entries: object) -> list[Filter]:
    head = {"metainfo": {"json_schema_version": 1}}
    return [*iptables(), Filter("nftables", json.dumps({"nftables": [head, *entries]}))]


def compared(field: str, value: object, op: str = "==", what: str = "payload") -> dict[str, object]:
    left = {"payload": {"protocol": "ip", "field": field}} if what == "payload" else {"meta": {"key": field}}
    return {"match": {"op": op, "left": left, "right": value}}


def inside(field: str) -> dict[str, object]:
    return compared(field, {"prefix": {"addr": "10.239.0.0", "len": 16}})


TO_BRIDGE = compared("oifname", "br0", what="meta")
NOT_BRIDGE = compared("iifname", "br0", "!=", "meta")


def filtered(rows: list[Filter], name: str = "vm1") -> Fabric:
    return altered(healthy(3), name, Section.FILTERS, lambda _: rows)


def found(fabric: Fabric) -> tuple[Finding, ...]:
    return listed(run(fabric, build(fabric)))


def noticed(fabric: Fabric, code: str) -> list[Finding]:
    return [f for f in run(fabric, build(fabric)) if f.code == code]


DOCKER = (
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -j DOCKER-FORWARD",
    "-A DOCKER-USER -j RETURN",
    "-A DOCKER-FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A DOCKER-FORWARD -o br0 -j DOCKER",
    "-A DOCKER-FORWARD -i br0 -j ACCEPT",
    "-A DOCKER ! -i br0 -o br0 -j DROP",
)
UFW = (
    "-A FORWARD -j ufw-before-forward",
    "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
)
FLANNEL = (
    "-A FORWARD -j FLANNEL-FWD",
    f"-A FLANNEL-FWD -s {NET} -j ACCEPT",
    f"-A FLANNEL-FWD -d {NET} -j ACCEPT",
)
KUBE = (
    "-A FORWARD -j KUBE-FORWARD",
    "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
)
LIBVIRT = (
    "-A FORWARD -j LIBVIRT_FWI",
    "-A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A LIBVIRT_FWI -o virbr0 -j REJECT --reject-with icmp-port-unreachable",
)
BROKEN = {
    "F5": iptables(forward(policy="DROP")),
    "F5 only answers": iptables(forward("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT", policy="DROP")),
    "F6": iptables(
        forward("-A FORWARD -j REJECT --reject-with icmp-host-prohibited", f"-A FORWARD -s {NET} -j ACCEPT")
    ),
    "F6 mangle": iptables(saved("mangle", ":FORWARD ACCEPT [0:0]", "-A FORWARD -o br0 -j DROP")),
    "F8": iptables(forward(*UFW, policy="DROP")),
    "F11": iptables(forward(*DOCKER)),
    "F7": nftables(*native("inet", "firewalld", "forward", [TO_BRIDGE, {"drop": None}])),
    "F7 policy": nftables(*native("inet", "wall", "forward", policy="drop")),
    "F9": nftables(
        *native("inet", "wall", "forward", [TO_BRIDGE, {"drop": None}]),
        *native("ip", "lan", "forward", [inside("saddr"), inside("daddr"), {"accept": None}], prio=10),
    ),
    "F5 legacy": [*iptables(), Filter("legacy", forward(policy="DROP"))],
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_drops_is_named(name: str) -> None:
    told = found(filtered(BROKEN[name]))
    assert [f.id for f in told] == [DROPPED]
    assert told[0].entry == name.split()[0]
    assert told[0].severity is Severity.ERROR


@pytest.mark.parametrize("name", BROKEN)
def test_the_plan_puts_an_accept_before_it(name: str) -> None:
    fabric = filtered(BROKEN[name])
    made = plan(found(fabric), fabric, build(fabric))
    change = made.steps[0].change
    assert len(made.steps) == 1
    if isinstance(change, NftRuleChange):
        assert (change.source, change.destination, change.before, change.after) == (NET, NET, 0, 1)
    else:
        assert isinstance(change, ChainChange)
        assert change.after[0].endswith(f"-s {NET} -d {NET} -j ACCEPT")
        assert change.chain == ("DOCKER-USER" if name == "F11" else "FORWARD")


def test_each_chain_that_drops_gets_its_accept() -> None:
    rows = [*iptables(forward(policy="DROP")), Filter("legacy", forward(policy="DROP"))]
    fabric = filtered(rows)
    made = plan(found(fabric), fabric, build(fabric))
    assert {getattr(step.change, "backend", "") for step in made.steps} == {"nft", "legacy"}


def test_an_accept_behind_a_drop_that_stands_before_dockers_chain_goes_first() -> None:
    rows = iptables(forward("-A FORWARD -i br0 -j DROP", *DOCKER[:3]))
    fabric = filtered(rows)
    change = plan(found(fabric), fabric, build(fabric)).steps[0].change
    assert isinstance(change, ChainChange)
    assert change.chain == "FORWARD"


HEALTHY = {
    "flannel": iptables(forward(*FLANNEL, policy="DROP")),
    "kube-proxy": iptables(forward(*KUBE)),
    "libvirt": iptables(forward(*LIBVIRT)),
    "ufw with a route": iptables(forward(*UFW, f"-A FORWARD -s {NET} -d {NET} -j ACCEPT", policy="DROP")),
    "docker with an accept of ours": iptables(forward(f"-A DOCKER-USER -s {NET} -d {NET} -j ACCEPT", *DOCKER)),
    "one port": iptables(forward("-A FORWARD -o br0 -p tcp -m tcp --dport 25 -j DROP")),
    "icmp only": iptables(forward("-A FORWARD -p icmp -j DROP")),
    "one container": iptables(forward("-A FORWARD -d 10.239.0.2/32 -j DROP")),
    "invalid": iptables(forward("-A FORWARD -m conntrack --ctstate INVALID -j DROP")),
    "a match that is not known": iptables(forward("-A FORWARD -m strange --odd 5 -j DROP")),
    "another family": nftables(*native("ip6", "wall", "forward", policy="drop")),
    "another device": nftables(
        *native("inet", "wall", "forward", [compared("oifname", "virbr0", what="meta"), {"drop": None}])
    ),
    "input": nftables(*native("inet", "wall", "input", policy="drop")),
    "legacy loaded": [*iptables(), Filter("legacy", saved("nat", ":POSTROUTING ACCEPT [0:0]"))],
    "legacy only": [Filter("legacy", "\n".join([nat(OWN), forward(*FLANNEL, policy="DROP")]))],
    "raw drop of another bridge": iptables(
        saved("raw", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP")
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_rules_are_no_finding(name: str) -> None:
    assert found(filtered(HEALTHY[name])) == ()


RAW = ":PREROUTING ACCEPT [0:0]"
DIRECT = {
    "F10 per container": iptables(saved("raw", RAW, "-A PREROUTING -d 10.239.0.2/32 ! -i br0 -j DROP")),
    "F10 per subnet": iptables(saved("raw", RAW, f"-A PREROUTING -d {OWN} ! -i br0 -j DROP")),
    "F10 per port": iptables(
        saved("raw", RAW, "-A PREROUTING -d 10.239.0.2/32 ! -i br0 -p tcp -m tcp --dport 80 -j DROP")
    ),
    "F12": nftables(
        *native(
            "ip",
            "docker-bridges",
            "prerouting",
            [compared("daddr", "10.239.0.3"), NOT_BRIDGE, {"drop": None}],
            prio=-300,
        )
    ),
}


@pytest.mark.parametrize("name", DIRECT)
def test_dockers_protection_is_named_and_passed(name: str) -> None:
    fabric = filtered(DIRECT[name])
    told = found(fabric)
    assert [f.id for f in told] == [SHUT]
    assert told[0].entry == name.split()[0]
    made = plan(told, fabric, build(fabric))
    change = made.steps[0].change
    if isinstance(change, NftRuleChange):
        assert (change.table, change.chain, change.destination) == ("docker-bridges", "base", OWN)
    else:
        assert isinstance(change, ChainChange)
        assert change.after[0] == f"-A PREROUTING -s {NET} -d {OWN} -j ACCEPT"
    assert not made.refused
    assert "Docker" in made.owner


def test_rules_that_cannot_be_read_are_a_warning_for_root() -> None:
    told = found(filtered([*iptables(), Filter("legacy", "", "iptables-legacy-save: incompatible")]))
    assert [(f.code, f.subject) for f in told] == [("filter-unreadable", "legacy")]


def test_input_that_drops_is_a_notice() -> None:
    told = noticed(filtered(iptables(saved("filter", ":INPUT DROP [0:0]"))), "input-dropped")
    assert [(f.host, f.subject, f.severity) for f in told] == [("vm1", "br0", Severity.NOTICE)]
    assert found(filtered(iptables(saved("filter", ":INPUT DROP [0:0]")))) == ()


def test_a_drop_of_everything_before_other_rules_is_a_notice() -> None:
    lost = iptables(forward("-A FORWARD -j CHECKED", "-A CHECKED -j DROP", f"-A CHECKED -s {NET} -j ACCEPT"))
    assert [f.subject for f in noticed(filtered(lost), "rule-without-match")] == ["CHECKED"]
    last = iptables(forward(f"-A FORWARD -s {NET} -j ACCEPT", "-A FORWARD -j DROP"))
    assert noticed(filtered(last), "rule-without-match") == []


# ---- reverse path ----


def with_sysctls(fabric: Fabric, name: str, values: dict[str, str]) -> Fabric:
    new = [Sysctl(f"net/ipv4/conf/{path}", value) for path, value in values.items()]
    return altered(fabric, name, Section.SYSCTLS, lambda rows: [*rows, *new])


def two_nics(strict: dict[str, str]) -> Fabric:
    """vm1 and vm2 also share 10.6.0.0/24; vm2 sends to vm1's containers there, vm1 answers by eth0."""
    fabric = healthy(3)
    for name, last in (("vm1", 60), ("vm2", 61)):
        eth1 = Link(9, "eth1", "macvlan", True, True, f"02:00:00:00:09:{last:02x}")
        fabric = altered(fabric, name, Section.LINKS, lambda rows, eth1=eth1: [*rows, eth1])
        address = Address(9, f"10.6.0.{last}", 24)
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows, new=address: [*rows, new])
        link = Route("10.6.0.0/24", oif=9, protocol="kernel", scope="link", src=address.address)
        fabric = routes(fabric, name, lambda rows, link=link: [*rows, link])
    other = Route(OWN, gateway="10.6.0.60", oif=9, protocol="static")
    fabric = routes(fabric, "vm2", lambda rows: [*(r for r in rows if r.dst != OWN), other])
    return with_sysctls(fabric, "vm1", strict)


@pytest.mark.parametrize(
    "strict", [{"eth1/rp_filter": "1", "all/rp_filter": "0"}, {"eth1/rp_filter": "0", "all/rp_filter": "1"}]
)
def test_strict_filter_with_answers_by_another_nic(strict: dict[str, str]) -> None:
    fabric = two_nics(strict)
    told = found(fabric)
    assert [f.id for f in told] == ["reverse-path-strict/vm1/net.ipv4.conf.eth1.rp_filter"]
    change = plan(told, fabric, build(fabric)).steps[0].change
    assert isinstance(change, SysctlChange)
    assert change.after == {"net/ipv4/conf/eth1/rp_filter": "2"}


def loose(fabric: Fabric) -> Fabric:
    return with_sysctls(fabric, "vm1", {"all/rp_filter": "2"})


def strict(fabric: Fabric) -> Fabric:
    return with_sysctls(fabric, "vm1", {"all/rp_filter": "1", "eth0/rp_filter": "1", "br0/rp_filter": "1"})


@pytest.mark.parametrize(
    ("fabric", "mend"),
    [(healthy(3), strict), (two_nics({"eth1/rp_filter": "2", "all/rp_filter": "1"}), lambda same: same)],
)
def test_symmetric_or_loose_is_healthy(fabric: Fabric, mend: Callable[[Fabric], Fabric]) -> None:
    assert found(mend(fabric)) == ()


def test_a_missing_way_back_is_its_own_finding() -> None:
    fabric = routes(strict(healthy(3)), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    assert [f.code for f in found(fabric)] == ["route-missing"]


def test_calico_and_a_loose_filter_are_a_notice() -> None:
    code = "reverse-path-loose-everywhere"
    fabric = loose(healthy(3))
    assert noticed(fabric, code) == []
    fabric = altered(fabric, "vm1", Section.PROGRAMS, lambda _: [Program("calico-node", 7)])
    assert [f.host for f in noticed(fabric, code)] == ["vm1"]
    assert found(fabric) == ()


def test_two_networks_that_docker_keeps_apart_are_a_notice() -> None:
    other = Link(4, "br1", "bridge", True, True, "02:00:00:00:04:01", True)
    fabric = altered(healthy(3), "vm1", Section.LINKS, lambda rows: [*rows, other])
    fabric = altered(fabric, "vm1", Section.ADDRESSES, lambda rows: [*rows, Address(4, "10.239.100.1", 24)])
    link = Route("10.239.100.0/24", oif=4, protocol="kernel", scope="link", src="10.239.100.1")
    fabric = routes(fabric, "vm1", lambda rows: [*rows, link])
    for name, last in (("vm2", 60), ("vm3", 60)):
        way = Route("10.239.100.0/24", gateway=f"10.5.7.{last}", oif=NIC, protocol="static")
        fabric = routes(fabric, name, lambda rows, way=way: [*rows, way])
    isolation = (
        "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
        "-A DOCKER-ISOLATION-STAGE-1 -i br0 ! -o br0 -j DOCKER-ISOLATION-STAGE-2",
        "-A DOCKER-ISOLATION-STAGE-1 -i br1 ! -o br1 -j DOCKER-ISOLATION-STAGE-2",
        "-A DOCKER-ISOLATION-STAGE-2 -o br0 -j DROP",
        "-A DOCKER-ISOLATION-STAGE-2 -o br1 -j DROP",
    )
    fabric = altered(fabric, "vm1", Section.FILTERS, lambda _: iptables(forward(*isolation)))
    assert [(f.host, f.entry) for f in noticed(fabric, "networks-isolated")] == [("vm1", "F13")]
    assert found(fabric) == ()
