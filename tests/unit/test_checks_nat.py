"""NAT verdicts by evaluation, conntrack pressure, tracked flows; and what is healthy though it looks alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from hostgw.agent.sysctls import stepped
from hostgw.checks.run import run
from hostgw.fabric import Fabric, Tracked
from hostgw.mesh.build import build
from hostgw.model.change import ChainChange, ConntrackChange, SysctlChange
from hostgw.model.finding import Finding, Severity, listed
from hostgw.model.kernel import ConntrackEntry, Crowd, Filter, Link, Neighbour, Port, Route, Setting, Snmp, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, nat, routes

NET, OWN = "10.239.0.0/16", "10.239.0.0/24"
EXEMPT = f"-A POSTROUTING -s {NET} -d {NET} -j RETURN"
OUT = f"-A POSTROUTING -s {NET} ! -d 224.0.0.0/4 -j MASQUERADE"
DOCKERS = f"-A POSTROUTING -s {OWN} ! -o br0 -j MASQUERADE"
CNI = (
    "-A POSTROUTING -s 10.239.0.2/32 -j CNI-0a1b",
    "-A POSTROUTING -s 10.239.0.3/32 -j CNI-2c3d",
    f"-A CNI-0a1b -d {OWN} -j ACCEPT",
    "-A CNI-0a1b ! -d 224.0.0.0/4 -j MASQUERADE",
    f"-A CNI-2c3d -d {OWN} -j ACCEPT",
    "-A CNI-2c3d ! -d 224.0.0.0/4 -j MASQUERADE",
)
FLANNEL = (
    "-A POSTROUTING -j KUBE-POSTROUTING",
    "-A POSTROUTING -j FLANNEL-POSTRTG",
    "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
    "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
    "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN",
    f"-A FLANNEL-POSTRTG -s {OWN} -d {NET} -j RETURN",
    f"-A FLANNEL-POSTRTG -s {NET} -d {OWN} -j RETURN",
    f"-A FLANNEL-POSTRTG ! -s {NET} -d {OWN} -j RETURN",
    f"-A FLANNEL-POSTRTG -s {NET} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
    f"-A FLANNEL-POSTRTG ! -s {NET} -d {NET} -j MASQUERADE --random-fully",
)


def rules(*lines: str) -> str:
    names = dict.fromkeys(line.split()[1] for line in lines)
    chains = [f":{name} - [0:0]" for name in names if name != "POSTROUTING"]
    return "\n".join(["*nat", ":POSTROUTING ACCEPT [0:0]", *chains, *(f"[0:0] {line}" for line in lines), "COMMIT"])


def with_rules(*lines: str, name: str = "vm1", backend: str = "nft") -> Fabric:
    return altered(healthy(3), name, Section.FILTERS, lambda _: [Filter(backend, rules(*lines))])


def findings(fabric: Fabric) -> tuple[Finding, ...]:
    return listed(run(fabric, build(fabric)))


def noticed(fabric: Fabric, code: str) -> list[Finding]:
    return [f for f in run(fabric, build(fabric)) if f.code == code]


WRONG = {
    "N1": (DOCKERS, OUT),
    "N2": (*CNI, EXEMPT, OUT),
    "N3": (DOCKERS, EXEMPT, OUT),
    "N5": (f"-A POSTROUTING -s {NET} -d 10.239.0.0/23 -j RETURN", OUT),
    "N5 of another cluster": (f"-A POSTROUTING -s {NET} -d 10.244.0.0/16 -j RETURN", OUT),
    "N1 in flannel's chain": (*FLANNEL[:6], *FLANNEL[9:]),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_masquerading_between_containers_is_named(name: str, backend: str) -> None:
    told = findings(with_rules(*WRONG[name], backend=backend))
    assert [f.id for f in told] == [f"masquerade-between-containers/vm1/{OWN}"]
    assert told[0].entry == name.split()[0]


@pytest.mark.parametrize(
    ("name", "place", "line"),
    [
        ("N1", 0, EXEMPT),
        ("N2", 0, EXEMPT),
        ("N3", 0, EXEMPT),
        ("N5", 1, EXEMPT),
        ("N1 in flannel's chain", 1, EXEMPT),
    ],
)
def test_the_exemption_goes_no_further_forward_than_needed(name: str, place: int, line: str) -> None:
    fabric = with_rules(*WRONG[name])
    made = plan(findings(fabric), fabric, build(fabric))
    chain, flows = (step.change for step in made.steps)
    assert isinstance(chain, ChainChange)
    assert chain.after[place] == line
    assert sorted(chain.after) == sorted({*chain.before, line})
    assert flows == ConntrackChange(OWN, NET, snat=True)


RIGHT = {
    "flannel": FLANNEL,
    "docker, exempted": (EXEMPT, DOCKERS),
    "the CNI plugin, exempted": (EXEMPT, *CNI),
    "docker's own hairpin": (EXEMPT, OUT, "-A POSTROUTING -s 10.239.0.2/32 -d 10.239.0.2/32 -p tcp -j MASQUERADE"),
    "libvirt": (EXEMPT, OUT, "-A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE"),
    "a match that is not known": ("-A POSTROUTING -m strange --odd 5 -j RETURN", EXEMPT, OUT),
}


@pytest.mark.parametrize("name", RIGHT)
def test_healthy_rules_are_no_finding(name: str) -> None:
    assert findings(with_rules(*RIGHT[name])) == ()


def test_no_rules_at_all_is_a_routed_fabric() -> None:
    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda _: [])
    assert findings(fabric) == ()


def test_the_odd_host_without_masquerading_is_a_warning() -> None:
    fabric = with_rules(EXEMPT)
    told = findings(fabric)
    assert [(f.id, f.severity) for f in told] == [(f"masquerade-missing/vm1/{OWN}", Severity.WARNING)]
    change = plan(told, fabric, build(fabric)).steps[0].change
    assert isinstance(change, ChainChange)
    assert change.after == (EXEMPT, f"-A POSTROUTING -s {OWN} ! -d {NET} -j MASQUERADE --random-fully")


def test_a_host_that_leaves_by_another_one_may_leave_it_to_that() -> None:
    by_vm2 = Route("0.0.0.0/0", gateway="10.5.7.61", oif=NIC)
    fabric = routes(with_rules(EXEMPT), "vm1", lambda rows: [by_vm2, *(r for r in rows if r.dst != by_vm2.dst)])
    assert findings(fabric) == ()


def test_half_of_the_hosts_without_masquerading_are_no_odd_ones() -> None:
    fabric = altered(healthy(2), "vm1", Section.FILTERS, lambda _: [Filter("nft", rules(EXEMPT))])
    assert findings(fabric) == ()


def test_masquerading_by_design_is_one_notice_a_host() -> None:
    assert [f.subject for f in noticed(healthy(3), "host-traffic-masqueraded")] == [NET] * 3
    assert [f.subject for f in noticed(healthy(3), "node-traffic-masqueraded")][:1] == [OWN]
    fabric = healthy(3)
    only = [f for f in noticed(fabric, "node-traffic-masqueraded") if f.host == "vm1"]
    change = plan(only, fabric, build(fabric)).steps[0].change
    assert isinstance(change, ChainChange)
    wanted = [f"-A POSTROUTING -s {OWN} -d 10.5.7.{last}/32 -j RETURN" for last in (61, 62)]
    assert list(change.after[1:3]) == wanted


# ---- backends ----


def both(legacy: str) -> Fabric:
    fabric = healthy(3)
    return altered(fabric, "vm1", Section.FILTERS, lambda rows: [*rows, Filter("legacy", legacy)])


def test_rules_in_both_backends_are_a_warning_without_a_key() -> None:
    fabric = both(rules("-A POSTROUTING -s 172.30.0.0/24 -j MASQUERADE"))
    told = findings(fabric)
    assert [f.id for f in told] == ["iptables-split/vm1/legacy"]
    made = plan(told, fabric, build(fabric))
    assert made.refused
    assert made.alternatives


@pytest.mark.parametrize(
    "legacy",
    [
        rules(),
        "*nat\n:POSTROUTING ACCEPT [0:0]\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT",
        "*filter\n:INPUT ACCEPT [0:0]\n[0:0] -A INPUT -i lo -j ACCEPT\nCOMMIT",
        "*mangle\n:FORWARD ACCEPT [0:0]\nCOMMIT",
    ],
)
def test_loaded_tables_and_rules_for_the_host_itself_are_no_split(legacy: str) -> None:
    assert findings(both(legacy)) == ()


def test_dockers_rule_against_its_setting_is_a_warning() -> None:
    setting = Setting("/etc/docker/daemon.json", "ip-masq", "false")

    def dockerd(fabric: Fabric, out: str) -> Fabric:
        def renamed(rows: list[Link]) -> list[Link]:
            from msgspec.structs import replace as changed

            return [changed(row, name="docker0") if row.index == BRIDGE else row for row in rows]

        fabric = altered(fabric, "vm1", Section.LINKS, renamed)  # type: ignore[arg-type]
        fabric = altered(fabric, "vm1", Section.FILTERS, lambda _: [Filter("nft", rules(EXEMPT, out))])
        return altered(fabric, "vm1", Section.SETTINGS, lambda _: [setting])

    docker_rule = f"-A POSTROUTING -s {OWN} ! -o docker0 -j MASQUERADE"
    assert [f.code for f in findings(dockerd(healthy(3), docker_rule))] == ["masquerade-unwanted"]
    assert findings(dockerd(healthy(3), OUT)) == ()


# ---- the table ----


def counting(count: int, most: int = 1000) -> Fabric:
    new = [Sysctl("net/netfilter/nf_conntrack_count", str(count)), Sysctl("net/netfilter/nf_conntrack_max", str(most))]
    return altered(healthy(3), "vm1", Section.SYSCTLS, lambda rows: [*rows, *new])


def test_a_table_that_is_nearly_full_is_an_error() -> None:
    assert findings(counting(850)) == ()
    assert findings(counting(0, 0)) == ()
    fabric = counting(900)
    told = findings(fabric)
    assert [f.id for f in told] == ["conntrack-full/vm1/net.netfilter.nf_conntrack_max"]
    change = plan(told, fabric, build(fabric)).steps[0].change
    assert isinstance(change, SysctlChange)
    assert change.after == {"net/netfilter/nf_conntrack_max": "2000"}


def test_the_agent_tells_the_count_in_twentieths() -> None:
    assert [stepped(str(n), "1000") for n in (0, 49, 50, 899, 900, 1000)] == ["0", "0", "50", "850", "900", "1000"]
    assert stepped("7", "") == "7"


def test_lost_source_ports_are_a_notice_where_they_are_picked_in_order() -> None:
    code = "source-ports-clash"
    fabric = altered(healthy(3), "vm1", Section.SNMP, lambda _: [Snmp("ConntrackInsertFailed", 14)])
    told = noticed(fabric, code)
    assert [f.severity for f in told] == [Severity.NOTICE]
    assert findings(fabric) == ()
    change = plan(told, fabric, build(fabric)).steps[0].change
    assert isinstance(change, ChainChange)
    assert change.after[1] == f"{OUT} --random-fully"
    text = nat(OWN).replace("MASQUERADE", "MASQUERADE --random-fully")
    assert noticed(altered(fabric, "vm1", Section.FILTERS, lambda _: [Filter("nft", text)]), code) == []


# ---- tracked flows ----


def tracking(fabric: Fabric, *flows: ConntrackEntry, crowds: tuple[Crowd, ...] = ()) -> Fabric:
    return fabric.with_host(replace(fabric.hosts["vm1"], tracked=Tracked(flows, crowds)))


udp = partial(ConntrackEntry, "udp")
OLD = udp("10.239.0.2", "10.239.1.2", "10.239.1.2", "10.5.7.60", 4000, 53, 53, 4000)
DEAD = udp("10.5.7.61", "10.5.7.60", "10.239.0.77", "10.5.7.61", 5000, 53, 53, 5000)


def test_a_flow_that_keeps_an_old_source_is_a_warning_of_its_own() -> None:
    fabric = tracking(healthy(3), OLD)
    told = findings(fabric)
    assert [(f.id, f.severity) for f in told] == [(f"flow-keeps-snat/vm1/{OWN}", Severity.WARNING)]
    steps = plan(told, fabric, build(fabric)).steps
    assert [step.change for step in steps] == [ConntrackChange(OWN, NET, snat=True)]
    assert not steps[0].reversible


def test_while_the_rules_are_wrong_the_flow_is_only_an_effect() -> None:
    assert [f.code for f in findings(tracking(with_rules(OUT), OLD))] == ["masquerade-between-containers"]


@pytest.mark.parametrize(
    "flow",
    [
        udp("10.239.0.2", "10.239.1.2", "10.239.1.2", "10.239.0.2"),
        udp("10.239.0.2", "192.0.2.1", "192.0.2.1", "10.5.7.60"),
        ConntrackEntry("tcp", "10.239.0.2", "10.239.1.2", "10.239.1.2", "10.5.7.60", state="TIME_WAIT"),
        udp("10.5.7.60", "10.239.1.2", "10.239.1.2", "10.239.0.1"),
    ],
)
def test_flows_that_are_right_or_ending_are_no_finding(flow: ConntrackEntry) -> None:
    assert findings(tracking(healthy(3), flow)) == ()


def test_a_flow_to_an_address_that_is_gone_is_a_warning() -> None:
    fabric = tracking(healthy(3), DEAD)
    told = findings(fabric)
    assert [f.id for f in told] == ["flow-to-dead-address/vm1/10.239.0.77"]
    steps = plan(told, fabric, build(fabric)).steps
    wanted = ConntrackChange("0.0.0.0/0", "0.0.0.0/0", protocol="udp", dnat_to="10.239.0.77")
    assert [step.change for step in steps] == [wanted]


def led_to(address: str) -> ConntrackEntry:
    return udp("10.5.7.61", "10.96.0.10", address, "10.5.7.61", 5000, 53, 53, 5000)


def with_tap(fabric: Fabric) -> Fabric:
    tap = Link(40, "vnet0", "tun", True, True, "02:00:00:00:07:01", master=BRIDGE, port=Port())
    return altered(fabric, "vm1", Section.LINKS, lambda rows: [*rows, tap])


def answering(fabric: Fabric) -> Fabric:
    row = Neighbour(BRIDGE, "10.239.0.77", "02:00:00:00:07:01", "reachable")
    return altered(fabric, "vm1", Section.NEIGHBOURS, lambda rows: [*rows, row])


def named(fabric: Fabric) -> Fabric:
    rule = "-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 10.239.0.77:53"
    text = nat(OWN).replace("COMMIT", f"[0:0] {rule}\nCOMMIT")
    return altered(fabric, "vm1", Section.FILTERS, lambda _: [Filter("nft", text)])


@pytest.mark.parametrize(
    ("change", "flow"),
    [
        (lambda fabric: fabric, led_to("10.239.0.2")),
        (lambda fabric: fabric, led_to("10.239.1.3")),
        (lambda fabric: fabric, led_to("172.30.0.7")),
        (lambda fabric: fabric, led_to("10.239.0.1")),
        (with_tap, DEAD),
        (answering, DEAD),
        (named, DEAD),
    ],
)
def test_flows_to_somebody_are_no_finding(change: Callable[[Fabric], Fabric], flow: ConntrackEntry) -> None:
    assert findings(tracking(change(healthy(3)), flow)) == ()


def test_a_backend_on_another_host_may_be_gone_too() -> None:
    assert [f.subject for f in findings(tracking(healthy(3), led_to("10.239.1.99")))] == ["10.239.1.99"]


def test_source_ports_that_are_used_up_are_an_error() -> None:
    crowd = Crowd("tcp", "10.5.7.60", "198.51.100.7", 443, 60_000)
    told = findings(tracking(healthy(3), crowds=(crowd, replace_flows(crowd, 30_000))))
    assert [(f.code, f.subject, f.severity) for f in told] == [
        ("source-ports-exhausted", "198.51.100.7", Severity.ERROR)
    ]


def replace_flows(crowd: Crowd, flows: int) -> Crowd:
    return Crowd(crowd.protocol, crowd.source, "198.51.100.8", crowd.port, flows)
