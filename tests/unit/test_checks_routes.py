"""Routes and policy rules: each fault made by hand, and the healthy set-ups that look like one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from hostgw.checks.judge import judge
from hostgw.checks.run import run
from hostgw.checks.standing import Standing
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import RouteChange, RuleChange
from hostgw.model.finding import Finding, listed
from hostgw.model.kernel import Address, Link, NextHop, Program, Route, Rule, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, routes

OWN, REMOTE, THIRD = "10.239.0.0/24", "10.239.1.0/24", "10.239.2.0/24"
ETH1, TUN, VRF = 20, 21, 22
Change = Callable[[Fabric], Fabric]


def via(dst: str, gateway: str, **more: object) -> Route:
    return Route(dst, gateway=gateway, oif=NIC, protocol="static", **more)  # type: ignore[arg-type]


def right(dst: str = REMOTE, **more: object) -> Route:
    return via(dst, "10.5.7.61" if dst == REMOTE else "10.5.7.62", **more)


def replaced(dst: str, *new: Route, host: str = "vm1") -> Change:
    return lambda fabric: routes(fabric, host, lambda rows: [*new, *(r for r in rows if r.dst != dst)])


def ruled(*new: Rule, host: str = "vm1", without: tuple[int, ...] = ()) -> Change:
    def change(rows: list[Rule]) -> list[Rule]:
        return [*(r for r in rows if r.priority not in without), *new]

    return lambda fabric: altered(fabric, host, Section.RULES, change)  # type: ignore[arg-type]


def linked(*new: Link, host: str = "vm1") -> Change:
    return lambda fabric: altered(fabric, host, Section.LINKS, lambda rows: [*rows, *new])


def renumbered(old: str, new: str, length: int, host: str) -> Change:
    def change(rows):
        return [msgspec.structs.replace(a, address=new, length=length) if a.address == old else a for a in rows]

    return lambda fabric: altered(fabric, host, Section.ADDRESSES, change)


def sysctl(path: str, value: str) -> Change:
    return lambda fabric: altered(fabric, "vm1", Section.SYSCTLS, lambda rows: [*rows, Sysctl(path, value)])


def all_of(*changes: Change) -> Change:
    def change(fabric: Fabric) -> Fabric:
        for each in changes:
            fabric = each(fabric)
        return fabric

    return change


def narrow(fabric: Fabric) -> Fabric:
    fabric = renumbered("10.5.7.60", "10.5.7.60", 32, "vm1")(fabric)
    return routes(fabric, "vm1", lambda rows: [r for r in rows if r.oif == BRIDGE])


def wide(fabric: Fabric) -> Fabric:
    fabric = renumbered("10.5.7.60", "10.5.7.60", 8, "vm1")(fabric)
    connected = Route("10.0.0.0/8", oif=NIC, protocol="kernel", scope="link", src="10.5.7.60")
    return all_of(replaced("10.5.7.0/24", connected), replaced(REMOTE))(fabric)


def moved(fabric: Fabric) -> Fabric:
    """vm2 has a new address on the same segment; its own routes are gone."""
    fabric = renumbered("10.5.7.61", "10.5.7.71", 24, "vm2")(fabric)
    return routes(fabric, "vm2", lambda rows: [r for r in rows if not r.gateway or r.dst == "0.0.0.0/0"])


def nic_down(fabric: Fabric) -> Fabric:
    """The host is still reached by another NIC."""

    def down(rows):
        return [msgspec.structs.replace(r, up=False, carrier=False) if r.index == NIC else r for r in rows]

    fabric = altered(fabric, "vm1", Section.LINKS, down)
    return routes(fabric, "vm1", lambda rows: [r for r in rows if r.oif == BRIDGE])


def blackhole_first(fabric: Fabric) -> Fabric:
    def behind(rows: list[Route]) -> list[Route]:
        return [msgspec.structs.replace(r, position=1) if r.dst == OWN else r for r in rows]

    return routes(fabric, "vm1", lambda rows: [Route(OWN, type="blackhole"), *behind(rows)])


TUNNEL = Link(TUN, "flannel.1", "vxlan", True, True)
VIA_TUNNEL = Route(REMOTE, gateway="10.239.1.0", oif=TUN, flags=("onlink",))
OWN_IN_100 = Route(OWN, table=100, oif=BRIDGE, scope="link")
DIVERTING = (Rule(1000, 100, src=OWN), Route("0.0.0.0/0", table=100, gateway="10.5.7.1", oif=NIC))


def diverted(rule: Rule, *held: Route) -> Change:
    return all_of(ruled(rule), lambda fabric: routes(fabric, "vm1", lambda rows: [*rows, *held]))


@dataclass(frozen=True)
class Fault:
    entry: str
    break_: Change
    expected: frozenset[str]


def fault(entry: str, break_: Change, *expected: str) -> Fault:
    return Fault(entry, break_, frozenset(expected))


FAULTS = [
    fault(
        "R6",
        all_of(
            linked(Link(ETH1, "eth1", "veth", True, True)),
            replaced(REMOTE, Route(REMOTE, gateway="10.5.7.61", oif=ETH1, flags=("onlink",))),
        ),
        f"route-wrong-next-hop/vm1/{REMOTE}",
    ),
    fault("R9", narrow, "underlay-mask-narrow/vm1/eth0"),
    fault("R11", blackhole_first, f"route-blocked/vm1/{OWN}"),
    fault("R13", wide, "underlay-mask-wide/vm1/eth0"),
    fault("R17", diverted(*DIVERTING), *(f"rule-diverts-subnet/vm1/{dst}" for dst in (OWN, REMOTE, THIRD))),
    fault("R17", diverted(Rule(10, 100, iif="lo"), DIVERTING[1]), f"rule-diverts-subnet/vm1/{OWN}"),
    fault(
        "R17",
        diverted(DIVERTING[0], right(table=100), right(THIRD, table=100), DIVERTING[1]),
        f"rule-diverts-subnet/vm1/{OWN}",
    ),
    fault(
        "R17",
        ruled(Rule(1000, action="prohibit", src=OWN, dst=REMOTE)),
        f"rule-diverts-subnet/vm1/{REMOTE}",
    ),
    fault("R17", ruled(Rule(1000, action="blackhole", dst=OWN)), f"rule-diverts-subnet/vm1/{OWN}"),
    fault("R17", ruled(Rule(1000, action="blackhole", dst="10.239.1.64/26")), f"rule-diverts-subnet/vm1/{REMOTE}"),
    fault("R18", ruled(Rule(100, 254, dst="10.5.7.0/24"), without=(32766,)), "rules-missing/vm1/32766"),
    fault("R18", ruled(without=(0,)), "rules-missing/vm1/0"),
    fault("R22", replaced(REMOTE, host="vm2"), f"subnet-unrouted/vm2/{REMOTE}"),
    fault("R24", lambda f: routes(f, "vm1", lambda rows: [r for r in rows if not r.gateway]), "routes-lost/vm1/eth0"),
]


def roots(fabric: Fabric) -> set[str]:
    return {found.id for found in listed(run(fabric, build(fabric))) if not found.caused_by}


def about(fabric: Fabric, *codes: str) -> list[Finding]:
    return [found for found in run(fabric, build(fabric)) if found.code in codes]


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{f.entry}-{n}" for n, f in enumerate(FAULTS)])
def test_fault_is_the_only_root(fault: Fault) -> None:
    fabric = fault.break_(healthy(3))
    assert roots(fabric) == fault.expected
    found = {f.id: f.entry for f in run(fabric, build(fabric))}
    assert {found[each] for each in fault.expected} == {fault.entry}


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{f.entry}-{n}" for n, f in enumerate(FAULTS)])
def test_plan_mends_it(fault: Fault) -> None:
    """Without table local no connection of ours could live: such a rule is never without risk."""
    fabric = fault.break_(healthy(3))
    made = plan(listed(run(fabric, build(fabric))), fabric, build(fabric))
    assert bool(made.management) == (fault.expected == {"rules-missing/vm1/0"})
    for step in made.steps:
        assert step.commands
        fabric = applied(fabric, step.host, step.change)
    assert roots(fabric) == set()


def applied(fabric: Fabric, name: str, change: object) -> Fabric:
    if isinstance(change, RuleChange):
        kept, new = change.priority, list(change.after)
        return altered(fabric, name, Section.RULES, lambda rows: [*(r for r in rows if r.priority != kept), *new])  # type: ignore[union-attr]
    assert isinstance(change, RouteChange)
    gone, after = set(map(repr, change.before)), list(change.after)
    return routes(fabric, name, lambda rows: [*(r for r in rows if repr(r) not in gone), *after])


WG = (Rule(100, 51820, mark=0, mask=51820, inverted=True, position=0), Route("0.0.0.0/0", table=51820, oif=TUN))
HEALTHY: dict[str, Change] = {
    "by a nexthop object": replaced(REMOTE, right(nexthop_id=7)),
    "the right routes in the table of a rule": diverted(
        DIVERTING[0],
        OWN_IN_100,
        right(table=100),
        right(THIRD, table=100),
        DIVERTING[1],
    ),
    "only there": all_of(diverted(DIVERTING[0], right(table=100), right(THIRD, table=100)), replaced("10.66.0.0/24")),
    "a rule that throws back": diverted(Rule(1000, 100, src=OWN), Route("0.0.0.0/0", table=100, type="throw")),
    "a rule whose table knows other things": diverted(
        Rule(5270, 52), Route("100.64.0.1/32", table=52, oif=TUN), Route("100.64.0.2/32", table=52, oif=TUN)
    ),
    "wireguard's own rules": all_of(
        ruled(Rule(90, 254, suppress_prefixlength=0), WG[0]),
        lambda f: routes(f, "vm1", lambda rows: [*rows, WG[1]]),
    ),
    "another priority for main": ruled(Rule(1000, 254), without=(32766,)),
    "local after others": ruled(Rule(100, 255), without=(0,)),
    "no rule for the empty table default": ruled(without=(32767,)),
    "a rule for marked packets": diverted(Rule(10, 100, mark=1, mask=1), DIVERTING[1]),
    "a rule for the host's own packets": diverted(Rule(10, 100, iif="lo"), OWN_IN_100, DIVERTING[1]),
    "a rule for another source": diverted(Rule(10, 100, src="10.5.7.0/24"), DIVERTING[1]),
    "a rule for one container": diverted(Rule(10, 100, src="10.239.0.7/32"), DIVERTING[1]),
    "a rule for a bridge of virtual machines": all_of(
        linked(Link(30, "virbr0", "bridge", True, True)),
        lambda f: altered(f, "vm1", Section.ADDRESSES, lambda rows: [*rows, Address(30, "192.168.122.1", 24)]),
        diverted(Rule(10, 100, src="192.168.122.0/24"), DIVERTING[1]),
    ),
    "a rule for a port": diverted(Rule(10, 100, src=OWN, other=("ip_proto", "dport_range")), DIVERTING[1]),
    "a dead hop beside the right one": replaced(
        REMOTE,
        Route(REMOTE, nexthops=(NextHop(NIC, "10.5.7.61"), NextHop(NIC, "10.5.7.99", flags=("dead",)))),
    ),
    "a NIC in a VRF": all_of(
        lambda f: altered(
            f,
            "vm1",
            Section.LINKS,
            lambda rows: [
                Link(VRF, "red", "vrf", True, True),
                *(msgspec.structs.replace(r, master=VRF) if r.index == NIC else r for r in rows),
            ],
        ),
        replaced(REMOTE),
    ),
    "both ways by a tunnel": all_of(
        linked(TUNNEL),
        linked(TUNNEL, host="vm2"),
        replaced(REMOTE, VIA_TUNNEL),
        replaced(OWN, Route(OWN, gateway="10.239.0.0", oif=TUN, flags=("onlink",)), host="vm2"),
    ),
    "an idle tunnel": linked(TUNNEL),
    "the bridge's address as preferred source": replaced(REMOTE, right(src="10.239.0.1")),
    "a wide mask that costs nothing": renumbered("10.5.7.60", "10.5.7.60", 8, "vm1"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_variants_have_no_finding(name: str) -> None:
    fabric = HEALTHY[name](healthy(3))
    assert listed(run(fabric, build(fabric))) == ()


def test_a_lost_carrier_is_no_matter_of_routes() -> None:
    """The routes stay, marked ``linkdown``, and are right: what is wrong is the NIC."""
    fabric = replaced(REMOTE, right(flags=("linkdown",)))(healthy(3))
    assert about(fabric, "route-missing", "route-wrong-next-hop") == []
    assert about(fabric, "routes-lost") == []


def test_a_route_that_the_kernel_passes_by_is_missing() -> None:
    marked = replaced(REMOTE, right(flags=("linkdown",)))
    ignored = all_of(marked, sysctl("net/ipv4/conf/eth0/ignore_routes_with_linkdown", "1"))
    assert roots(ignored(healthy(3))) == {f"route-missing/vm1/{REMOTE}"}


def test_a_nic_that_is_down_explains_its_routes() -> None:
    found = about(nic_down(healthy(3)), "route-missing", "route-off-segment", "routes-lost")
    assert {f.id for f in found} == {f"route-missing/vm1/{REMOTE}", f"route-missing/vm1/{THIRD}"}
    assert all("eth0 is down" in f.summary for f in found)


def test_a_new_address_is_told_from_a_typo() -> None:
    fabric = moved(healthy(3))
    found = {f.id: f for f in listed(run(fabric, build(fabric)))}
    wrong = [f for f in found.values() if f.code == "route-wrong-next-hop"]
    assert {(f.host, f.entry) for f in wrong} == {("vm1", "R25"), ("vm3", "R25")}
    assert "10.5.7.71" in wrong[0].summary
    assert "routes-lost/vm2/eth0" in found
    typo = replaced(REMOTE, via(REMOTE, "10.5.7.99"))(healthy(3))
    assert {f.entry for f in listed(run(typo, build(typo)))} == {"R5"}


def test_one_way_by_a_tunnel_is_a_warning_on_the_host_that_uses_it() -> None:
    fabric = all_of(linked(TUNNEL), replaced(REMOTE, VIA_TUNNEL))(healthy(3))
    [found] = listed(run(fabric, build(fabric)))
    assert (found.id, found.severity) == (f"backends-differ/vm1/{REMOTE}", "warning")
    assert "no vxlan device" in found.effect


def test_a_source_of_another_device_is_a_notice_and_can_be_taken_away() -> None:
    office = Address(1, "192.0.2.60", 32)
    fabric = altered(healthy(3), "vm1", Section.ADDRESSES, lambda rows: [*rows, office])
    fabric = replaced(REMOTE, right(src="192.0.2.60"))(fabric)
    [found] = about(fabric, "route-source-elsewhere")
    assert listed(run(fabric, build(fabric))) == ()
    [step] = plan([found], fabric, build(fabric)).steps
    assert isinstance(step.change, RouteChange)
    assert [route.src for route in step.change.after] == [""]


def test_a_bridge_without_ports_is_a_notice() -> None:
    def bare(rows):
        kept = [r for r in rows if r.index <= PORT]
        return [msgspec.structs.replace(r, carrier=False) if r.index == BRIDGE else r for r in kept]

    fabric = altered(healthy(3, 0), "vm2", Section.LINKS, bare)
    assert [f.id for f in about(fabric, "bridge-no-carrier")] == ["bridge-no-carrier/vm2/br0"]
    assert listed(run(fabric, build(fabric))) == ()


def test_a_wrong_route_in_the_table_of_a_rule_is_named_there() -> None:
    fabric = diverted(DIVERTING[0], via(REMOTE, "10.5.7.62", table=100), right(THIRD, table=100))(healthy(3))
    [found] = listed(run(fabric, build(fabric)))
    assert (found.entry, found.id) == ("R4", f"route-wrong-next-hop/vm1/{REMOTE}")
    [step] = plan([found], fabric, build(fabric)).steps
    assert isinstance(step.change, RouteChange)
    assert (step.change.table, step.change.after[0].gateway) == (100, "10.5.7.61")


@pytest.mark.parametrize(
    ("gateway", "effect"),
    [
        ("10.5.7.62", "take a detour over vm3 (10.5.7.62), or are lost there"),
        ("10.5.7.1", "take a detour over the router 10.5.7.1, or are lost there"),
        ("10.5.7.99", "containers on vm1 cannot reach containers on vm2"),
    ],
)
def test_the_effect_of_a_wrong_next_hop_says_what_is_known(gateway: str, effect: str) -> None:
    [found] = about(replaced(REMOTE, via(REMOTE, gateway))(healthy(3)), "route-wrong-next-hop")
    assert effect in found.effect


def test_a_wide_mask_that_costs_nothing_is_a_notice() -> None:
    """So it is left when the routes were added; the mask is mended by hand."""
    fabric = HEALTHY["a wide mask that costs nothing"](healthy(3))
    [odd] = about(fabric, "underlay-mask-odd")
    assert (odd.id, odd.entry, odd.severity) == ("underlay-mask-odd/vm1/eth0", "R13", "notice")
    made = plan([odd], fabric, build(fabric))
    assert made.steps == ()
    assert "where its address is configured" in made.alternatives[0]
    broken = wide(healthy(3))
    assert about(broken, "underlay-mask-odd") == []
    assert "mask stays too wide" in plan(about(broken, "underlay-mask-wide"), broken, build(broken)).risk
    assert about(healthy(3), "underlay-mask-odd") == []


def test_a_rule_and_a_missing_route_are_both_named() -> None:
    fabric = all_of(diverted(*DIVERTING), replaced(REMOTE))(healthy(3))
    assert {f"route-missing/vm1/{REMOTE}", f"rule-diverts-subnet/vm1/{REMOTE}"} <= roots(fabric)


def test_the_program_that_makes_routes_is_named() -> None:
    fabric = replaced(REMOTE, via(REMOTE, "10.5.7.99"))(healthy(3))
    fabric = altered(fabric, "vm1", Section.PROGRAMS, lambda _: [Program("flanneld", 7)])
    assert "flannel" in plan(listed(run(fabric, build(fabric))), fabric, build(fabric)).owner


def test_a_rule_that_would_turn_our_connection_is_named() -> None:
    """The operator is reached by a rule of its own only; table main leads elsewhere for it."""
    away = Route("10.5.7.250/32", gateway="10.5.7.99", oif=NIC)
    connected = Route("10.5.7.0/24", table=100, oif=NIC, scope="link")
    fabric = ruled(Rule(32767, 100, dst="10.5.7.0/24"), without=(32766, 32767))(healthy(3))
    fabric = routes(fabric, "vm1", lambda rows: [*rows, away, connected])
    made = plan(listed(run(fabric, build(fabric))), fabric, build(fabric))
    assert "SSH" in made.management[0]


def test_standing_by_a_policy_table() -> None:
    fabric = diverted(*DIVERTING)(healthy(3))
    mesh = build(fabric)
    [judged] = [judge(fabric.hosts["vm1"], e, mesh) for e in mesh.expected_of("vm1") if str(e.subnet.prefix) == REMOTE]
    assert (judged.standing, judged.table, judged.astray) == (Standing.MISSING, 100, True)
    assert judged.rule is not None
    assert judged.rule.priority == 1000
