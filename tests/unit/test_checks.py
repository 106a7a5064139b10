"""Each fault, made by hand on a healthy fabric: its code and nothing beside it; its plan; healthy again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import AddressChange, ChainChange, Change, LinkChange, RouteChange, SysctlChange
from hostgw.model.finding import Finding, listed
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Filter, NextHop, Route, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, nat, only, routes, with_chain

REMOTE = "10.239.1.0/24"


def via(dst: str, gateway: str, **more: object) -> Route:
    return Route(dst, gateway=gateway, oif=NIC, protocol="static", **more)  # type: ignore[arg-type]


def replaced(dst: str, *new: Route) -> Callable[[Fabric], Fabric]:
    return lambda fabric: routes(fabric, "vm1", lambda rows: [*new, *(r for r in rows if r.dst != dst)])


def added(name: str, *new: Route) -> Callable[[Fabric], Fabric]:
    return lambda fabric: routes(fabric, name, lambda rows: [*new, *rows])


def looped(fabric: Fabric) -> Fabric:
    def loop(rows: list[Route]) -> list[Route]:
        own = [msgspec.structs.replace(r, position=1) if r.dst == REMOTE else r for r in rows]
        return [via(REMOTE, "10.5.7.60"), *own]

    return routes(fabric, "vm2", loop)


def bridge_down(fabric: Fabric) -> Fabric:
    def down(rows):
        return [msgspec.structs.replace(r, up=False, carrier=False) if r.index == BRIDGE else r for r in rows]

    fabric = altered(fabric, "vm2", Section.LINKS, down)
    return routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])


def bridge_bare(fabric: Fabric) -> Fabric:
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    return routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])


def detached(fabric: Fabric) -> Fabric:
    def loose(rows):
        return [msgspec.structs.replace(r, master=0, port=None) if r.index == PORT + 1 else r for r in rows]

    return altered(fabric, "vm2", Section.LINKS, loose)


def not_forwarding(fabric: Fabric) -> Fabric:
    return altered(fabric, "vm2", Section.SYSCTLS, lambda rows: [Sysctl(r.path, "0") for r in rows])


def nic_not_forwarding(fabric: Fabric) -> Fabric:
    path = "net/ipv4/conf/eth0/forwarding"
    return altered(
        fabric, "vm1", Section.SYSCTLS, lambda rows: [*(r for r in rows if r.path != path), Sysctl(path, "0")]
    )


def filtered(fabric: Fabric, policy: str, *rules: str) -> Fabric:
    text = "\n".join([nat("10.239.0.0/24"), "*filter", f":FORWARD {policy} [0:0]", *rules, "COMMIT"])
    return altered(fabric, "vm1", Section.FILTERS, lambda rows: [Filter("nft", text)])


def forward_policy(fabric: Fabric) -> Fabric:
    """Docker's own state: what comes from containers may leave, and only answers may come back."""
    return filtered(
        fabric,
        "DROP",
        "[0:0] -A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "[0:0] -A FORWARD -i br0 ! -o br0 -j ACCEPT",
    )


def forward_reject(fabric: Fabric) -> Fabric:
    return filtered(fabric, "ACCEPT", "[0:0] -A FORWARD -j REJECT --reject-with icmp-host-prohibited")


def exemption_last(fabric: Fabric) -> Fabric:
    lines = nat("10.239.0.0/24").splitlines()
    lines[3], lines[4] = lines[4], lines[3]
    return altered(fabric, "vm1", Section.FILTERS, lambda rows: [Filter("nft", "\n".join(lines))])


def no_exemption(fabric: Fabric) -> Fabric:
    lines = nat("10.239.0.0/24").splitlines()
    del lines[3]
    return altered(fabric, "vm1", Section.FILTERS, lambda rows: [Filter("nft", "\n".join(lines))])


def off_segment(fabric: Fabric) -> Fabric:
    """vm2 has moved to another segment; routes by and to its old address fell."""

    def moved(rows):
        return [msgspec.structs.replace(a, address="10.6.0.61") if a.index == NIC else a for a in rows]

    fabric = altered(fabric, "vm2", Section.ADDRESSES, moved)
    connected = Route("10.6.0.0/24", oif=NIC, protocol="kernel", scope="link", src="10.6.0.61")
    fabric = routes(fabric, "vm2", lambda rows: [connected, *(r for r in rows if r.oif == BRIDGE)])
    for name in ("vm1", "vm3"):
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != REMOTE])
    return fabric


@dataclass(frozen=True)
class Fault:
    entry: str
    break_: Callable[[Fabric], Fabric]
    expected: frozenset[str]


def fault(entry: str, break_: Callable[[Fabric], Fabric], *expected: str) -> Fault:
    return Fault(entry, break_, frozenset(expected))


MISSING, WRONG = f"route-missing/vm1/{REMOTE}", f"route-wrong-next-hop/vm1/{REMOTE}"
OFF = "route-off-segment"
FAULTS = [
    fault("R2", replaced(REMOTE), MISSING),
    fault("R3", replaced(REMOTE, via(REMOTE, "10.5.7.1")), WRONG),
    fault("R4", replaced(REMOTE, via(REMOTE, "10.5.7.62")), WRONG),
    fault("R5", replaced(REMOTE, via(REMOTE, "10.5.7.99")), WRONG),
    fault("R8", replaced(REMOTE, via(REMOTE, "10.9.9.9", flags=("onlink",))), f"{OFF}/vm1/{REMOTE}"),
    fault("R10", replaced(REMOTE, Route(REMOTE, type="blackhole")), f"route-blocked/vm1/{REMOTE}"),
    fault("R12", added("vm1", via("10.239.1.128/25", "10.5.7.1")), "route-shadowed/vm1/10.239.1.128/25"),
    fault(
        "R14",
        replaced(REMOTE, via(REMOTE, "10.5.7.62"), via(REMOTE, "10.5.7.61", metric=100)),
        f"route-duplicate/vm1/{REMOTE}",
    ),
    fault(
        "R15",
        replaced(REMOTE, Route(REMOTE, nexthops=(NextHop(NIC, "10.5.7.61"), NextHop(NIC, "10.5.7.62")))),
        f"route-multipath/vm1/{REMOTE}",
    ),
    fault("R20", added("vm1", via("10.239.9.0/24", "10.5.7.61")), "route-stale/vm1/10.239.9.0/24"),
    fault("R21", looped, f"subnet-looped/vm2/{REMOTE}"),
    fault("F1", not_forwarding, "forwarding-off/vm2/net.ipv4.ip_forward"),
    fault("F2", nic_not_forwarding, "forwarding-off/vm1/net.ipv4.conf.eth0.forwarding"),
    fault("F5", forward_policy, "forward-dropped/vm1/10.239.0.0/24"),
    fault("F6", forward_reject, "forward-dropped/vm1/10.239.0.0/24"),
    fault("L2", bridge_down, "bridge-down/vm2/br0"),
    fault("L3", detached, "port-detached/vm2/veth-c1"),
    fault("L6", bridge_bare, "bridge-no-address/vm2/br0"),
    fault("N3", exemption_last, "masquerade-between-containers/vm1/10.239.0.0/24"),
    fault("N1", no_exemption, "masquerade-between-containers/vm1/10.239.0.0/24"),
    fault(
        "C1",
        lambda fabric: routes(fabric, "vm2", lambda rows: [r for r in rows if not r.gateway], 1),
        "container-no-default/vm2/c1",
    ),
    fault(
        "R7",
        off_segment,
        f"{OFF}/vm1/{REMOTE}",
        f"{OFF}/vm3/{REMOTE}",
        f"{OFF}/vm2/10.239.0.0/24",
        f"{OFF}/vm2/10.239.2.0/24",
    ),
]


def findings(fabric: Fabric) -> tuple[Finding, ...]:
    return listed(run(fabric, build(fabric)))


def apply(fabric: Fabric, name: str, change: Change) -> Fabric:
    """What the kernel would have after the change, as far as the checks read it."""
    if isinstance(change, RouteChange):
        gone, after = set(map(repr, change.before)), list(change.after)
        return routes(fabric, name, lambda rows: [*(r for r in rows if repr(r) not in gone), *after], change.ns)
    if isinstance(change, LinkChange):
        state, index = change.after, change.index
        fabric = altered(
            fabric,
            name,
            Section.LINKS,
            lambda rows: [
                msgspec.structs.replace(r, up=state.up, master=state.master) if r.index == index else r for r in rows
            ],
        )
        return reconnect(fabric, name) if change.name == "br0" else fabric
    if isinstance(change, AddressChange):
        kept, new = change.index, list(change.after)
        fabric = altered(fabric, name, Section.ADDRESSES, lambda rows: [*(a for a in rows if a.index != kept), *new])
        return reconnect(fabric, name)
    if isinstance(change, SysctlChange):
        values = change.after
        return altered(
            fabric,
            name,
            Section.SYSCTLS,
            lambda rows: [
                *(r for r in rows if r.path not in values),
                *(Sysctl(p, v) for p, v in values.items()),
            ],
        )
    if isinstance(change, ChainChange):
        return altered(fabric, name, Section.FILTERS, lambda rows: [with_chain(row, change) for row in rows])
    return fabric


def reconnect(fabric: Fabric, name: str) -> Fabric:
    """The kernel's own connected route comes with the address and the bridge."""
    connected = Route(REMOTE, oif=BRIDGE, protocol="kernel", scope="link", src="10.239.1.1")
    return routes(fabric, name, lambda rows: [*rows, connected])


def test_healthy_fabrics_have_no_finding() -> None:
    told = {f.code for f in run(healthy(3), build(healthy(3)))}
    assert told == {"host-traffic-masqueraded", "node-traffic-masqueraded"}
    assert findings(healthy(3)) == ()
    assert findings(healthy(2)) == ()
    assert findings(healthy(3, 0)) == ()


@pytest.mark.parametrize("names", [("vm1",), ("vm1", "vm2"), ("vm2", "vm3")])
def test_some_hosts_listed_have_no_finding_but_a_notice(names: tuple[str, ...]) -> None:
    fabric = only(healthy(3), *names)
    assert findings(fabric) == ()
    assert "owner-not-listed" in {f.code for f in run(fabric, build(fabric))}


@pytest.mark.parametrize("fault", FAULTS, ids=[f.entry for f in FAULTS])
def test_fault_is_named_and_nothing_beside_it(fault: Fault) -> None:
    found = findings(fault.break_(healthy(3)))
    assert {f.id for f in found} == fault.expected
    assert {f.entry for f in found} == {fault.entry}
    assert not any(f.caused_by for f in found)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.entry != "R7"], ids=lambda f: f.entry)
def test_plan_mends_it(fault: Fault) -> None:
    fabric = fault.break_(healthy(3))
    made = plan(findings(fabric), fabric, build(fabric))
    assert not made.refused
    assert set(made.findings) == fault.expected
    assert all(step.commands for step in made.steps)
    for step in made.steps:
        fabric = apply(fabric, step.host, step.change)
    assert findings(fabric) == ()


def test_off_segment_cannot_be_fixed_and_says_what_could() -> None:
    fabric = off_segment(healthy(3))
    made = plan(findings(fabric), fabric, build(fabric))
    assert made.steps == ()
    assert "R7" in made.refused
    assert any("tunnel" in line for line in made.alternatives)


def test_missing_without_default_is_r1() -> None:
    fabric = routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst not in (REMOTE, "0.0.0.0/0")])
    assert [(f.entry, f.id) for f in findings(fabric)] == [("R1", MISSING)]


def test_owner_of_a_route_is_named() -> None:
    fabric = replaced(REMOTE, msgspec.structs.replace(via(REMOTE, "10.5.7.99"), protocol="bird"))(healthy(3))
    assert "BIRD" in plan(findings(fabric), fabric, build(fabric)).owner


def test_change_on_the_management_path_is_named() -> None:
    """The operator's own address lies in the container subnet."""
    fabric = replaced(REMOTE)(healthy(3))
    vm1 = fabric.hosts["vm1"]
    assert vm1.snapshot is not None
    facts = msgspec.structs.replace(vm1.snapshot.facts, ssh_connection=("10.239.1.7", "5", "10.5.7.60", "22"))
    fabric = fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))
    made = plan(findings(fabric), fabric, build(fabric))
    assert made.management == (f"vm1: {REMOTE} holds the address that you come from",)
    assert not made.refused


def test_not_root_is_refused() -> None:
    fabric = replaced(REMOTE)(healthy(3))
    vm1 = fabric.hosts["vm1"]
    assert vm1.snapshot is not None
    facts = msgspec.structs.replace(vm1.snapshot.facts, uid=1000)
    fabric = fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))
    assert "not root" in plan(findings(fabric), fabric, build(fabric)).refused


def test_flannel_exemption_by_accept_is_healthy() -> None:
    text = "\n".join(
        [
            "*nat",
            ":POSTROUTING ACCEPT [0:0]",
            ":FLANNEL-POSTRTG - [0:0]",
            '[0:0] -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
            '[0:0] -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN',
            "[0:0] -A FLANNEL-POSTRTG -s 10.239.0.0/24 -d 10.239.0.0/16 -j RETURN",
            "[0:0] -A FLANNEL-POSTRTG -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
            "COMMIT",
        ]
    )
    fabric = altered(healthy(3), "vm1", Section.FILTERS, lambda _: [Filter("nft", text)])
    assert findings(fabric) == ()


def test_a_next_hop_that_does_not_answer_is_named_in_the_risk() -> None:
    fabric = replaced(REMOTE)(healthy(3))
    fabric = fabric.with_host(replace(fabric.hosts["vm2"], state=HostState.STALE))
    assert "vm2 does not answer now" in plan(findings(fabric), fabric, build(fabric)).risk
