"""Which entries of the journal can be undone, alone and together, and why not the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import (
    AddressChange,
    AttachmentChange,
    BridgeChange,
    ChainChange,
    Change,
    LinkChange,
    LinkState,
    NeighbourChange,
    RouteChange,
    RuleChange,
    SysctlChange,
)
from hostgw.model.guard import Guard, GuardState
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Link, Neighbour, Route, Rule, Sysctl
from hostgw.plans.journal import Entry, Made
from hostgw.plans.model import Plan
from hostgw.plans.standing import Judged, Left, judged
from hostgw.plans.undo import undo_plan, undo_since
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, only, routes, subnet

A, B, C = (Route(subnet(2), gateway=f"10.5.7.{60 + n}", oif=NIC, protocol="static") for n in (1, 2, 3))


def route(before: Route | None, after: Route | None) -> RouteChange:
    held, wanted = ((each,) if each else () for each in (before, after))
    return RouteChange(254, subnet(2), held, wanted)


def entry(number: str, *changes: Change, host: str = "vm1", **more: object) -> Entry:
    made = tuple(Made(host, change, f"{number}.{place}") for place, change in enumerate(changes, 1))
    return Entry(number, 1000.0, "me", f"title {number}", "verified", made, **more)  # type: ignore[arg-type]


def with_route(held: Route | None) -> Fabric:
    fabric = healthy(3)
    return routes(fabric, "vm1", lambda rows: [*(r for r in rows if r.dst != subnet(2)), *([held] if held else [])])


def left(entries: list[Entry], fabric: Fabric) -> dict[str, Left]:
    return {each.entry.id: each.left for each in judged(entries, fabric)}


def one(number: str, entries: list[Entry], fabric: Fabric) -> Judged:
    return next(each for each in judged(entries, fabric) if each.entry.id == number)


def undo(number: str | None, entries: list[Entry], fabric: Fabric) -> Plan:
    return undo_plan(number, entries, fabric, build(fabric))


def since(number: str | None, entries: list[Entry], fabric: Fabric) -> Plan:
    return undo_since(number, entries, fabric, build(fabric))


def off(path: str) -> SysctlChange:
    return SysctlChange({path: "0"}, {path: "1"})


def test_a_later_change_of_the_same_object_comes_first() -> None:
    entries = [entry("e1", route(None, A)), entry("e2", route(A, B)), entry("e3", off("net/ipv4/ip_forward"))]
    fabric = with_route(B)
    assert left(entries, fabric) == {"e1": Left.DEPENDENT, "e2": Left.UNDOABLE, "e3": Left.UNDOABLE}
    first = one("e1", entries, fabric)
    assert first.first == "e2"
    assert first.reason == (
        "undo e2 first (title e2): it stands on the route to 10.239.1.0/24 on vm1 as this one left it"
    )
    refused = undo("e1", entries, fabric)
    assert (refused.refused, refused.steps) == (first.reason, ())
    assert any("--since e1" in text for text in refused.alternatives)
    assert undo("e2", entries, fabric).steps[0].change.after == (A,)  # type: ignore[union-attr]
    assert undo(None, entries, fabric).undoes == ("e3",)


def test_without_hosts_the_journal_alone_tells_what_comes_first() -> None:
    entries = [entry("e1", route(None, A)), entry("e2", route(A, B)), entry("e3", off("net/ipv4/ip_forward"))]
    found = {each.entry.id: each.left for each in judged(entries, None)}
    assert found == {"e1": Left.DEPENDENT, "e2": Left.UNDOABLE, "e3": Left.UNDOABLE}


def test_what_somebody_changed_since_is_left_alone() -> None:
    entries = [entry("e1", route(None, A))]
    moved = one("e1", entries, with_route(C))
    assert moved.left is Left.MOVED
    assert "the route to 10.239.1.0/24 on vm1 was changed since: it is now 10.239.1.0/24 via 10.5.7.63" in moved.reason
    assert undo("e1", entries, with_route(C)).refused == moved.reason
    assert undo(None, entries, with_route(C)).refused == moved.reason  # and not silently an older one


def test_what_is_back_by_itself_needs_no_undo_and_stops_nothing() -> None:
    entries = [entry("e1", route(None, A)), entry("e2", route(A, B))]
    assert left(entries, with_route(A)) == {"e1": Left.UNDOABLE, "e2": Left.BACK}
    assert left(entries, with_route(None)) == {"e1": Left.BACK, "e2": Left.MOVED}
    assert undo(None, entries, with_route(A)).undoes == ("e1",)
    assert "nothing of it is left to put back" in undo("e2", entries, with_route(A)).refused


def test_all_since_is_one_plan_that_meets_each_object_once() -> None:
    entries = [
        entry("e0", off("net/ipv4/conf/eth0/forwarding")),
        entry("e1", route(None, A)),
        entry("e2", off("net/ipv4/ip_forward")),
        entry("e3", route(A, B)),
    ]
    made = since("e1", entries, with_route(B))
    assert made.undoes == ("e3", "e2", "e1")
    assert made.title == "undo 3 changes, the newest first: title e3; title e2; title e1"
    assert [step.summary for step in made.steps] == ["take back: e2.1", "take back: e3.1; e1.1"]
    change = made.steps[1].change
    assert isinstance(change, RouteChange)
    assert (change.before, change.after) == ((B,), ())
    everything = since(None, entries, with_route(B))
    assert everything.undoes == ("e3", "e2", "e1", "e0")
    settings = [step.change for step in everything.steps if isinstance(step.change, SysctlChange)]
    assert [change.after for change in settings] == [{"net/ipv4/conf/eth0/forwarding": "0", "net/ipv4/ip_forward": "0"}]


def test_all_since_is_refused_where_one_moved_on_and_says_how_far_it_goes() -> None:
    entries = [entry("e1", off("net/ipv4/ip_forward")), entry("e2", route(None, A)), entry("e3", off(FORWARD))]
    made = since("e1", entries, with_route(C))
    assert made.steps == ()
    assert made.refused.startswith("e2: the route to 10.239.1.0/24 on vm1 was changed since")
    assert made.alternatives == ("take back e3 alone (title e3)",)
    assert since("e3", entries, with_route(C)).undoes == ("e3",)


FORWARD = "net/ipv4/conf/eth0/forwarding"


def test_all_since_passes_over_what_is_not_here() -> None:
    entries = [
        entry("e1", route(None, A)),
        entry("e2", off(FORWARD), host="vm9"),
        entry("e3", off("net/ipv4/ip_forward"), undone=True),
        entry("e4", route(A, None), undoes=("e3",)),
    ]
    assert since("e1", entries, with_route(A)).undoes == ("e1",)
    assert since(None, [], healthy(3)).refused.startswith("nothing to undo")


def test_hosts_that_cannot_be_read_refuse() -> None:
    fabric = with_route(A)
    down = fabric.with_host(replace(fabric.hosts["vm1"], state=HostState.UNREACHABLE, snapshot=None))
    entries = [entry("e1", route(None, A))]
    assert left(entries, down) == {"e1": Left.UNREACHED}
    assert since("e1", entries, down).refused == "e1: vm1 is unreachable"
    assert left(entries, only(fabric, "vm2")) == {"e1": Left.ELSEWHERE}
    both = replace_changes(entries[0], entry("x", off(FORWARD), host="vm9"))
    assert one("e1", [both], fabric).reason == "vm9 is not among the hosts"
    assert since(None, [both], fabric).steps == ()


def test_hosts_of_the_same_name_elsewhere_are_other_hosts() -> None:
    """An entry of vm1 and vm9 of another place does not bar the way where there is a vm1, too, but no vm9."""
    fabric = with_route(A)
    vm1 = fabric.hosts["vm1"]
    assert vm1.snapshot is not None
    facts = structs.replace(vm1.snapshot.facts, machine="this one")
    here = fabric.with_host(replace(vm1, snapshot=replace(vm1.snapshot, facts=facts)))
    both = replace_changes(entry("e1", route(None, A)), entry("x", off(FORWARD), host="vm9"))
    assert left([both], here) == {"e1": Left.UNREACHED}
    far = structs.replace(both, changes=tuple(structs.replace(made, machine="another") for made in both.changes))
    assert left([far], here) == {"e1": Left.ELSEWHERE}


def replace_changes(first: Entry, second: Entry) -> Entry:
    """Return the first entry with the changes of both."""
    return entry_like(first, (*first.changes, *second.changes))


def entry_like(old: Entry, changes: tuple[Made, ...]) -> Entry:
    return Entry(old.id, old.time, old.user, old.title, old.result, changes)


def test_a_change_that_waits_is_shown_as_such() -> None:
    fabric = with_route(A)
    guard = Guard("g1", "a route", "me", GuardState.APPLIED, left_s=21.0)
    fabric = fabric.with_host(replace(fabric.hosts["vm1"], guards=(guard,)))
    waiting = Entry("e1", 1.0, "me", "t", "unknown", entry("e1", route(None, A)).changes, guards={"vm1": "g1"})
    entries = [waiting]
    found = one("e1", entries, fabric)
    assert (found.left, found.reason) == (Left.PENDING, "vm1 waits: taken back in 21 s unless confirmed")
    assert undo("e1", entries, fabric).alternatives == ("take it back now: hostgw-tui undo g1",)
    ended = entry("e1", route(None, A), guards={"vm1": "g1"})  # and the host was not asked since
    assert left([ended], fabric) == {"e1": Left.UNDOABLE}


def made_bridge() -> Entry:
    bridge = BridgeChange("br0", "02:00:00:00:01:01", before=False, after=True)
    return entry("e1", bridge, AddressChange(0, "br0", (), (Address(0, "10.239.0.1", 24),)))


def attachment(name: str) -> AttachmentChange:
    place = f"/run/netns/{name}"
    return AttachmentChange(f"veth-{name}", "br0", place, "eth0", "10.239.0.2/24", "10.239.0.1", False, True)


def test_a_bridge_stays_while_ports_hang_on_it() -> None:
    fabric = healthy(3, containers=2)
    entries = [made_bridge(), entry("e2", attachment("c1"))]
    assert one("e1", entries, fabric).first == "e2"
    strange = since("e1", entries, fabric)
    assert strange.refused == "e1: bridge br0 on vm1 has ports: veth-c2"
    alone = one("e1", [made_bridge()], fabric)
    assert (alone.left, alone.reason) == (Left.MOVED, "bridge br0 on vm1 has ports: veth-c1, veth-c2")
    both = since("e1", [*entries, entry("e3", attachment("c2"))], fabric)
    kinds = [type(step.change) for step in both.steps]
    assert kinds == [AttachmentChange, AttachmentChange, AddressChange, BridgeChange]


def test_settings_that_went_with_their_device_are_nobodys() -> None:
    both = SysctlChange({"net/ipv4/ip_forward": "0", "x": "0"}, {"net/ipv4/ip_forward": "1", "x": "1"})
    made = undo("e1", [entry("e1", both)], healthy(3))
    assert made.steps[0].change.after == {"net/ipv4/ip_forward": "0"}  # type: ignore[union-attr]
    assert left([entry("e1", off("x"))], healthy(3)) == {"e1": Left.BACK}


KINDS: dict[str, tuple[Change, Callable[[Fabric], Fabric]]] = {
    "rule": (
        RuleChange(100, (), (Rule(100, 7),)),
        lambda f: altered(f, "vm1", Section.RULES, lambda rows: [*rows, Rule(100, 7, position=3)]),
    ),
    "link": (
        LinkChange(
            BRIDGE,
            "br0",
            LinkState(False, mac="02:00:00:00:01:01", stp=True),
            LinkState(True, mac="02:00:00:00:01:01", stp=False),
        ),
        lambda f: f,
    ),
    "port": (
        LinkChange(
            PORT + 1,
            "veth-c1",
            LinkState(True, BRIDGE, 1500, "02:00:00:01:03:01", hairpin=True),
            LinkState(True, BRIDGE, 1500, "02:00:00:01:03:01", hairpin=False),
        ),
        lambda f: f,
    ),
    "address": (
        AddressChange(NIC, "eth0", (), (Address(NIC, "10.5.7.60", 24),)),
        lambda f: f,
    ),
    "chain": (
        ChainChange("nft", "nat", "OURS", (), ("-A OURS -j ACCEPT",), missing="before"),
        lambda f: altered(f, "vm1", Section.FILTERS, lambda rows: [with_ours(row) for row in rows]),
    ),
    "neighbour": (
        NeighbourChange(NIC, "eth0", "10.5.7.61", None, Neighbour(NIC, "10.5.7.61", "02:00:00:00:00:02", "permanent")),
        lambda f: altered(
            f, "vm1", Section.NEIGHBOURS, lambda _: [Neighbour(NIC, "10.5.7.61", "02:00:00:00:00:02", "permanent")]
        ),
    ),
    "sysctl": (off("net/ipv4/ip_forward"), lambda f: f),
}


def with_ours(row: object) -> object:
    from hostgw.model.kernel import Filter
    from tests.fabrics import with_chain

    assert isinstance(row, Filter)
    return with_chain(row, ChainChange("nft", "nat", "OURS", (), ("-A OURS -j ACCEPT",)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_compared(kind: str) -> None:
    change, make = KINDS[kind]
    assert left([entry("e1", change)], make(healthy(3))) == {"e1": Left.UNDOABLE}


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("rule", lambda f: altered(f, "vm1", Section.RULES, lambda rows: [*rows, Rule(100, 8, position=3)])),
        ("link", lambda f: altered(f, "vm1", Section.LINKS, lambda rows: [mtu(row, BRIDGE, 1400) for row in rows])),
        ("port", lambda f: altered(f, "vm1", Section.LINKS, lambda rows: [r for r in rows if r.index != PORT + 1])),
        ("address", lambda f: altered(f, "vm1", Section.ADDRESSES, lambda rows: [*rows, Address(NIC, "10.5.7.9", 24)])),
        (
            "chain",
            lambda f: altered(f, "vm1", Section.FILTERS, lambda rows: [more(row) for row in rows]),
        ),
        ("sysctl", lambda f: altered(f, "vm1", Section.SYSCTLS, lambda _: [Sysctl("net/ipv4/ip_forward", "2")])),
    ],
)
def test_every_kind_can_have_moved_on(kind: str, spoil: Callable[[Fabric], Fabric]) -> None:
    change, make = KINDS[kind]
    found = one("e1", [entry("e1", change)], spoil(make(healthy(3))))
    assert found.left is Left.MOVED
    assert found.reason


def mtu(row: object, index: int, size: int) -> object:
    from msgspec import structs

    assert isinstance(row, Link)
    return structs.replace(row, mtu=size) if row.index == index else row


def more(row: object) -> object:
    from hostgw.model.kernel import Filter
    from tests.fabrics import with_chain

    assert isinstance(row, Filter)
    return with_chain(row, ChainChange("nft", "nat", "OURS", (), ("-A OURS -j RETURN",)))


def test_two_changes_of_one_device_are_put_back_together() -> None:
    base = LinkState(True, BRIDGE, 1500, "02:00:00:01:03:01")
    first = LinkChange(PORT + 1, "veth-c1", replace_state(base, mtu=1400), base)
    flagged = (replace_state(base, isolated=True), replace_state(base, isolated=False))
    second = LinkChange(PORT + 1, "veth-c1", *flagged)
    made = since("e1", [entry("e1", first), entry("e2", second)], healthy(3))
    (step,) = made.steps
    assert isinstance(step.change, LinkChange)
    assert (step.change.after.mtu, step.change.after.isolated) == (1400, True)


def replace_state(state: LinkState, **fields: object) -> LinkState:
    from msgspec import structs

    return structs.replace(state, **fields)


def test_a_long_journal_is_judged_in_one_pass() -> None:
    entries = [entry(f"e{n}", route(A, B) if n % 2 else route(B, A)) for n in range(1000)]
    found = judged(entries, with_route(B))
    assert found[0].left is Left.UNDOABLE
    assert {each.left for each in found[1:]} == {Left.DEPENDENT, Left.BACK}
    made = undo_since(None, entries, with_route(B), build(with_route(B)))
    assert [step.change.after for step in made.steps] == [(A,)]  # type: ignore[union-attr]
