"""What changed between two pictures, in words; and the history that a dashboard keeps of it."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.live.differences import MOST, History, differences
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.host import Namespace
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Filter, Link, Route, Sysctl
from hostgw.wire import Section
from tests.fabrics import altered, healthy, routes

FABRIC = healthy(3)


def view(fabric: Fabric) -> View:
    mesh = build(fabric)
    return View(fabric, mesh, run(fabric, mesh))


def told(after: Fabric, before: Fabric = FABRIC) -> set[str]:
    return {f"{each.sign} {each.host} {each.text}" for each in differences(view(before), view(after))}


def test_nothing_differs() -> None:
    assert told(FABRIC) == set()


def test_a_route_and_what_follows() -> None:
    gone = routes(FABRIC, "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    text = "route 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static"
    finding = "error route-missing: vm1 has no route to 10.239.1.0/24 (vm2)"
    assert told(gone) == {f"- vm1 {text}", f"+ vm1 {finding}"}
    assert told(FABRIC, gone) == {f"+ vm1 {text}", f"- vm1 {finding}"}


def test_links_addresses_settings_and_rules() -> None:
    def down(row: object) -> object:
        return structs.replace(row, up=False, carrier=False) if isinstance(row, Link) and row.name == "br0" else row

    fabric = altered(FABRIC, "vm1", Section.LINKS, lambda rows: [down(row) for row in rows])  # type: ignore[misc]
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, Address(2, "10.9.9.9", 24)])
    off = Sysctl("net/ipv4/ip_forward", "0")
    fabric = altered(
        fabric, "vm3", Section.SYSCTLS, lambda rows: [off if getattr(r, "path", "") == off.path else r for r in rows]
    )
    found = told(fabric)
    assert any(line.startswith("~ vm1 link br0: up, mtu 1500") and "→ down" in line for line in found)
    assert "+ vm2 address 10.9.9.9/24 on eth0" in found
    assert "~ vm3 net/ipv4/ip_forward: 1 → 0" in found


def test_counters_of_rules_are_no_news() -> None:
    def filters(text: str) -> Fabric:
        return altered(FABRIC, "vm1", Section.FILTERS, lambda _rows: [Filter("nft", text)])

    one = filters("*nat\n:POSTROUTING ACCEPT [1:60]\n[5:300] -A POSTROUTING -j MASQUERADE\nCOMMIT\n")
    two = filters("*nat\n:POSTROUTING ACCEPT [9:540]\n[7:420] -A POSTROUTING -j MASQUERADE\nCOMMIT\n")
    more = filters("*nat\n:POSTROUTING ACCEPT [9:540]\n[7:420] -A POSTROUTING -j ACCEPT\nCOMMIT\n")
    assert told(two, one) == set()
    assert {line for line in told(more, one) if "rule" in line and "error" not in line} >= {
        "+ vm1 rule (nft) -A POSTROUTING -j ACCEPT",
        "- vm1 rule (nft) -A POSTROUTING -j MASQUERADE",
    }


def test_chains_are_told_in_words_and_what_ends_a_table_not_at_all() -> None:
    def filters(text: str) -> Fabric:
        return altered(FABRIC, "vm1", Section.FILTERS, lambda _rows: [Filter("nft", text)])

    bare = filters("")
    full = filters("# by hand\n*filter\n:FORWARD DROP [0:0]\n:MINE - [0:0]\nCOMMIT\n")
    assert {line for line in told(full, bare) if " (nft) " in line} == {
        "+ vm1 chain (nft) FORWARD: policy DROP",
        "+ vm1 chain (nft) MINE: policy -",
    }


def test_settings_of_a_device_that_comes_are_no_news_of_their_own() -> None:
    new = Link(77, "veth-x", "veth", True, True)
    fabric = altered(FABRIC, "vm1", Section.LINKS, lambda rows: [*rows, new])
    forwarding = Sysctl("net/ipv4/conf/veth-x/forwarding", "1")
    fabric = altered(fabric, "vm1", Section.SYSCTLS, lambda rows: [*rows, forwarding])
    assert [line for line in told(fabric) if "net/ipv4" in line] == []
    assert any("link veth-x" in line for line in told(fabric))
    first = altered(FABRIC, "vm1", Section.LINKS, lambda rows: [*rows, new])
    assert told(fabric, first) == set()  # also when the agent tells of them later
    off = altered(fabric, "vm1", Section.SYSCTLS, lambda rows: [*rows, Sysctl(forwarding.path, "0")])
    assert told(off, fabric) == {"~ vm1 net/ipv4/conf/veth-x/forwarding: 1 → 0"}


def test_hosts_and_containers() -> None:
    away = FABRIC.with_host(replace(FABRIC.hosts["vm2"], state=HostState.UNREACHABLE, error="no route to host"))
    assert "~ vm2 up → unreachable: no route to host" in told(away)
    came = altered(FABRIC, "vm1", Section.NAMESPACES, lambda rows: [*rows, Namespace(99, "web")])
    assert "+ vm1 container web" in told(came)
    fewer = Fabric({name: host for name, host in FABRIC.hosts.items() if name != "vm3"})
    assert "- vm3 host" in told(fewer)


def test_a_flood_is_counted() -> None:
    many = [Route(f"10.{n}.0.0/16", gateway="10.5.7.1", oif=2, protocol="bird") for n in range(50)]
    found = [
        d
        for d in differences(view(FABRIC), view(routes(FABRIC, "vm1", lambda rows: [*rows, *many])))
        if "route" in d.text
    ]
    assert len([d for d in found if d.text.startswith("route ")]) == MOST
    assert any(
        d.text == "… and 30 more of the kind"
        for d in differences(view(FABRIC), view(routes(FABRIC, "vm1", lambda r: [*r, *many])))
    )


def test_history_begins_when_all_are_read_and_is_bounded() -> None:
    coming = FABRIC.with_host(replace(FABRIC.hosts["vm1"], state=HostState.CONNECTING, snapshot=None))
    gone = routes(FABRIC, "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    history = History(keep=3)
    history.note(view(coming), 1.0)
    history.note(view(FABRIC), 2.0)
    assert history.events == ()
    history.note(view(gone), 3.0)
    assert {event.at for event in history.events} == {3.0}
    assert {event.what.sign for event in history.events} == {"+", "-"}
    history.note(view(FABRIC), 4.0)
    assert len(history.events) == 3
    history.note(view(gone), 5.0)
    history.back_to(view(FABRIC), 4.0)  # by the routes of both, something went, then came
    assert {event.at for event in history.events} <= {3.0, 4.0}
    history.note(view(gone), 4.5)
    assert history.events[-1].at == 4.5
    history.back_to(view(coming), 0.0)
    assert history.events == ()
