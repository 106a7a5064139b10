"""Containers whose way out is broken by hand; what somebody wanted that way brings nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import NeighbourChange, RouteChange
from hostgw.model.finding import Finding, listed
from hostgw.model.kernel import Address, Filter, Link, Neighbour, Route, Sysctl
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import altered, healthy, nat, routes

GATEWAY, MAC, OLD = "10.239.1.1", "02:00:00:00:01:02", "02:00:00:00:01:99"
INNER, SECOND = 2, 3
ANY = "0.0.0.0/0"
Break = Callable[[Fabric], Fabric]


def found(fabric: Fabric) -> list[Finding]:
    return [f for f in listed(run(fabric, build(fabric))) if f.code.startswith("container-")]


def ids(fabric: Fabric) -> set[str]:
    return {f.id for f in found(fabric)}


def default(gateway: str, oif: int = INNER, **more: object) -> Route:
    return Route(ANY, gateway=gateway, oif=oif, **more)  # type: ignore[arg-type]


def defaults(*new: Route, ns: int = 1) -> Break:
    """Break: the container's default routes are these."""
    return lambda fabric: routes(fabric, "vm2", lambda rows: [*new, *(r for r in rows if r.dst != ANY)], ns)


def more_routes(*new: Route, ns: int = 1) -> Break:
    return lambda fabric: routes(fabric, "vm2", lambda rows: [*new, *rows], ns)


def entry(address: str, mac: str, state: str, ns: int = 1) -> Break:
    row = Neighbour(INNER, address, mac, state)
    return lambda fabric: altered(fabric, "vm2", Section.NEIGHBOURS, lambda rows: [*rows, row], ns)


def device(kind: str) -> Break:
    """Break: the container has a second device."""
    new = Link(SECOND, "net1", kind, True, True, "02:00:00:00:08:01", peer=99, peer_nsid=60)
    address = Address(SECOND, "192.168.7.2", 24)

    def with_device(fabric: Fabric) -> Fabric:
        fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [*rows, new], 1)
        return altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, address], 1)

    return with_device


def all_of(*breaks: Break) -> Break:
    def together(fabric: Fabric) -> Fabric:
        for each in breaks:
            fabric = each(fabric)
        return fabric

    return together


def shut_in(fabric: Fabric) -> Fabric:
    """vm2's network is internal, as Docker makes one: no default routes, and a rule on its bridge."""
    rule = "[0:0] -A FORWARD ! -d 10.239.1.0/24 -i br0 -j DROP"
    text = "\n".join([nat("10.239.1.0/24"), "*filter", ":FORWARD ACCEPT [0:0]", rule, "COMMIT"])
    fabric = altered(fabric, "vm2", Section.FILTERS, lambda rows: [Filter("nft", text)])
    return all_of(defaults(), defaults(ns=2))(fabric)


BY_NET1 = default("192.168.7.1", SECOND)
FAULTS = {
    "C1": (defaults(), "container-no-default/vm2/c1"),
    "C2": (defaults(default("10.239.1.77")), "container-wrong-default/vm2/c1"),
    "C2 unanswered": (
        all_of(defaults(default("10.239.1.77")), entry("10.239.1.77", "", "failed")),
        "container-wrong-default/vm2/c1",
    ),
    "C2 without gateway": (defaults(default("")), "container-wrong-default/vm2/c1"),
    "C4": (all_of(device("veth"), defaults(BY_NET1, default(GATEWAY, position=1))), "container-defaults-many/vm2/c1"),
    "C4 by metric": (
        all_of(device("macvlan"), defaults(default(GATEWAY, metric=200), default("192.168.7.1", SECOND, metric=100))),
        "container-defaults-many/vm2/c1",
    ),
    "C4 by chance": (
        all_of(device("veth"), defaults(default(GATEWAY), default("192.168.7.1", SECOND, position=1))),
        "container-defaults-many/vm2/c1",
    ),
    "C5": (entry(GATEWAY, OLD, "reachable"), "container-gateway-mac-old/vm2/c1"),
    "C5 pinned": (entry(GATEWAY, OLD, "permanent"), "container-gateway-mac-old/vm2/c1"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(name: str) -> None:
    break_, expected = FAULTS[name]
    assert [(f.id, f.entry) for f in found(break_(healthy()))] == [(expected, name[:2])]


HEALTHY: dict[str, Break] = {
    "as made": lambda fabric: fabric,
    "routes to the network only": all_of(defaults(), more_routes(Route("10.239.0.0/16", gateway=GATEWAY, oif=INNER))),
    "a VPN in two halves": more_routes(
        Route("0.0.0.0/1", oif=SECOND, scope="link"), Route("128.0.0.0/1", oif=SECOND, scope="link")
    ),
    "a VPN that takes all": all_of(
        device("wireguard"), defaults(default("", SECOND, scope="link"), default(GATEWAY, metric=50))
    ),
    "a second network with the default, the own one for containers": all_of(
        device("macvlan"), defaults(BY_NET1), more_routes(Route("10.239.0.0/16", gateway=GATEWAY, oif=INNER))
    ),
    "a second default behind": all_of(
        device("veth"), defaults(default(GATEWAY), default("192.168.7.1", SECOND, metric=300))
    ),
    "another container is the gateway": defaults(default("10.239.1.3")),
    "an appliance that answers": all_of(
        defaults(default("10.239.1.200")), entry("10.239.1.200", "02:00:00:00:07:07", "stale")
    ),
    "proxy ARP instead of a gateway": all_of(
        defaults(default("")),
        lambda fabric: altered(
            fabric, "vm2", Section.SYSCTLS, lambda rows: [*rows, Sysctl("net/ipv4/conf/br0/proxy_arp", "1")]
        ),
    ),
    "an internal network": shut_in,
    "an old gateway address that is not used": entry(GATEWAY, OLD, "stale"),
    "the gateway known by a port's address": entry(GATEWAY, "02:00:00:02:03:01", "reachable"),
    "the gateway known right": entry(GATEWAY, MAC, "reachable"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_somebody_wanted_brings_nothing(name: str) -> None:
    assert ids(HEALTHY[name](healthy())) == set()


def changed(fabric: Fabric) -> object:
    mesh = build(fabric)
    (step,) = plan(found(fabric), fabric, mesh).steps
    return step.change


def test_a_wrong_default_is_replaced_with_its_metric() -> None:
    wrong = default("10.239.1.77", metric=100)
    change = changed(defaults(wrong)(healthy()))
    right = msgspec.structs.replace(wrong, gateway=GATEWAY)
    assert change == RouteChange(254, ANY, (wrong,), (right,), 1)


def test_the_bridge_is_known_by_its_own_address_again() -> None:
    change = changed(entry(GATEWAY, OLD, "permanent")(healthy()))
    assert isinstance(change, NeighbourChange)
    assert (change.ns, change.after) == (1, Neighbour(INNER, GATEWAY, MAC, "reachable"))
