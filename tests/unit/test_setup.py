"""The configurator's plans on fabrics made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import AddressChange, BridgeChange, ChainChange, RouteChange, SysctlChange
from hostgw.model.host_state import HostState
from hostgw.model.ip import prefix
from hostgw.model.kernel import Filter, Sysctl
from hostgw.plans.model import Plan
from hostgw.plans.reverse import reversed_change
from hostgw.plans.setup import attach_plan, join_plan, leave_plan, setup_plan, wishes
from hostgw.plans.setup.steps import masquerade_lines
from hostgw.plans.setup.wishes import fixed_mac
from hostgw.wire import Row, Section
from tests.fabrics import LO, NIC, altered, healthy, routes

NETWORK = prefix("10.239.0.0/16")
NIC_ONLY = {Section.LINKS, Section.ADDRESSES}


def stripped(fabric: Fabric, name: str) -> Fabric:
    """A host without bridge, ports, routes to others, rules and forwarding."""
    own = lambda rows: [r for r in rows if getattr(r, "index", 0) in (LO, NIC)]  # noqa: E731
    for section in NIC_ONLY:
        fabric = altered(fabric, name, section, own)
    fabric = altered(fabric, name, Section.NAMESPACES, lambda rows: [r for r in rows if r.id == 0])  # type: ignore[union-attr]
    fabric = altered(fabric, name, Section.FILTERS, lambda rows: [Filter("nft", "")])
    fabric = altered(fabric, name, Section.SYSCTLS, lambda rows: [off(row) for row in rows])
    return routes(fabric, name, lambda rows: [r for r in rows if not r.dst.startswith("10.239.")])


def off(row: Row) -> Row:
    return Sysctl(row.path, "0") if isinstance(row, Sysctl) and row.path == "net/ipv4/ip_forward" else row


def setup(fabric: Fabric, told: dict[str, str] | None = None) -> Plan:
    mesh = build(fabric, told_network=NETWORK)
    made = wishes(fabric, mesh, NETWORK, {name: prefix(text) for name, text in (told or {}).items()})
    return setup_plan(fabric, mesh, made)


def test_a_healthy_network_lacks_nothing() -> None:
    made = setup(healthy(3))
    assert (made.steps, made.refused) == ((), "nothing is missing")


def test_a_bare_host_gets_all_of_it_in_order() -> None:
    made = setup(stripped(healthy(3), "vm2"))
    changes = [step.change for step in made.steps if step.host == "vm2"]
    kinds = [type(change) for change in changes]
    assert kinds == [BridgeChange, AddressChange, SysctlChange, ChainChange, ChainChange, RouteChange, RouteChange]
    bridge, address, _, chain, jump, *ways = changes
    assert isinstance(bridge, BridgeChange)
    assert isinstance(address, AddressChange)
    assert isinstance(chain, ChainChange)
    assert isinstance(jump, ChainChange)
    assert bridge.mac == fixed_mac(prefix("10.239.1.0/24").first_host) == "0a:58:0a:ef:01:01"
    assert (address.name, address.index, address.after[-1].address) == ("br0", 0, "10.239.1.1")
    assert [line.rpartition("-j ")[2].split()[0] for line in chain.after] == ["ACCEPT", "MASQUERADE"] * 2
    assert (chain.missing, jump.missing, jump.after[0]) == ("before", "before", "-A POSTROUTING -j HOSTGW-MASQ")
    assert [way.dst for way in ways if isinstance(way, RouteChange)] == ["10.239.0.0/24", "10.239.2.0/24"]


def test_what_is_told_goes_before_what_is_free() -> None:
    fabric = healthy(3)
    for name in fabric.hosts:
        fabric = stripped(fabric, name)
    mesh = build(fabric, told_network=NETWORK)
    made = wishes(fabric, mesh, NETWORK, {"vm2": prefix("10.239.0.0/24")}, external=["vm3"])
    assert [(wish.name, str(wish.subnet)) for wish in made.hosts] == [
        ("vm1", "10.239.1.0/24"),
        ("vm2", "10.239.0.0/24"),
        ("vm3", "None"),
    ]
    steps = setup_plan(fabric, mesh, made).steps
    assert {type(step.change) for step in steps if step.host == "vm3"} == {RouteChange}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"vm9": "10.239.0.0/24"}, "there is no host vm9"),
        ({"vm1": "10.1.0.0/24"}, "is not in 10.239.0.0/16"),
        ({"vm1": "10.239.0.0/23", "vm2": "10.239.1.0/24"}, "the same addresses"),
    ],
)
def test_wishes_that_cannot_be(told: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        setup(healthy(3), told)


def test_a_network_without_a_free_subnet() -> None:
    fabric = routes(stripped(healthy(2), "vm2"), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    mesh = build(fabric, told_network=prefix("10.239.0.0/24"))
    with pytest.raises(UsageError, match="no /24 of"):
        wishes(fabric, mesh, prefix("10.239.0.0/24"), {})


def test_the_rules_of_another_network_are_not_replaced() -> None:
    lines = masquerade_lines("10.77.0.0/16", "10.77.1.0/24")
    text = "\n".join(("*nat", ":POSTROUTING ACCEPT [0:0]", ":HOSTGW-MASQ - [0:0]", *lines, "COMMIT", ""))
    fabric = altered(stripped(healthy(3), "vm2"), "vm2", Section.FILTERS, lambda rows: [Filter("nft", text)])
    assert setup(fabric).refused == "vm2 is set up for 10.77.0.0/16 already (chain HOSTGW-MASQ): undo that first"
    grown = text.replace("10.77.0.0/16", "10.239.0.0/20")
    same = altered(fabric, "vm2", Section.FILTERS, lambda rows: [Filter("nft", grown)])
    assert setup(same).refused == ""


def test_a_network_that_holds_the_segment_is_refused_without_talk_of_tunnels() -> None:
    fabric, network = stripped(healthy(2), "vm2"), prefix("10.5.0.0/16")
    mesh = build(fabric, told_network=network)
    made = setup_plan(fabric, mesh, wishes(fabric, mesh, network, {}))
    assert "10.5.0.0/16 overlaps the segment" in made.refused
    assert made.alternatives == ()


def test_nothing_is_attached_on_a_host_that_is_not_reached() -> None:
    fabric = healthy(2)
    down = fabric.with_host(
        replace(fabric.hosts["vm2"], state=HostState.UNREACHABLE, snapshot=None, error="port 22 is closed")
    )
    with pytest.raises(UsageError, match="vm2 is not reached") as caught:
        attach_plan(down, build(down), "vm2", ["c1"])
    assert caught.value.cause == "port 22 is closed"


def test_a_host_that_is_down_or_elsewhere_is_refused() -> None:
    fabric = stripped(healthy(3), "vm2")
    down = fabric.with_host(replace(fabric.hosts["vm3"], state=HostState.UNREACHABLE, snapshot=None))
    assert "vm3 is not reached: unreachable" in setup(down).refused
    assert setup(down).steps == ()


def test_joining_changes_only_what_the_others_need() -> None:
    fabric = stripped(healthy(4), "vm4")
    for name in ("vm1", "vm2", "vm3"):
        fabric = routes(fabric, name, lambda rows: [r for r in rows if r.dst != "10.239.3.0/24"])
    fabric = routes(fabric, "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    mesh = build(fabric, told_network=NETWORK)
    made = join_plan(fabric, mesh, wishes(fabric, mesh, NETWORK, {}), "vm4")
    others = [step.change.dst for step in made.steps if step.host != "vm4" and isinstance(step.change, RouteChange)]
    assert others == ["10.239.3.0/24"] * 3
    assert made.hosts[0] == "vm4"


def test_leaving_keeps_the_bridge() -> None:
    fabric = healthy(3)
    made = leave_plan(fabric, build(fabric), "vm3")
    assert made.notes == (
        "list the others alone from now on: while vm3 is listed and holds its subnet, it counts as a part",
    )
    assert made.cuts
    assert {(step.host, step.change.dst) for step in made.steps if isinstance(step.change, RouteChange)} == {
        ("vm1", "10.239.2.0/24"),
        ("vm2", "10.239.2.0/24"),
        ("vm3", "10.239.0.0/24"),
        ("vm3", "10.239.1.0/24"),
    }


def test_containers_get_the_next_free_addresses() -> None:
    fabric = healthy(2, containers=2)
    made = attach_plan(fabric, build(fabric), "vm1", ["x1", "/run/docker/netns/x2"])
    assert [step.wanted[0].split(": ")[2].split("/")[0] for step in made.steps] == ["10.239.0.4", "10.239.0.5"]
    with pytest.raises(UsageError, match="makes no name"):
        attach_plan(fabric, build(fabric), "vm1", ["far-too-long-a-name"])
    with pytest.raises(UsageError, match="is no container's address"):
        attach_plan(fabric, build(fabric), "vm1", ["x1"], "10.9.9.9")


def test_a_chain_that_was_made_is_unmade() -> None:
    change = ChainChange("nft", "nat", "HOSTGW-MASQ", (), ("-A HOSTGW-MASQ -j ACCEPT",), missing="before")
    back = reversed_change(change)
    assert isinstance(back, ChainChange)
    assert (back.after, back.missing) == ((), "after")
    assert reversed_change(back) == change
