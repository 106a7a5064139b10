from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostgw.fabric import NamespaceState
from hostgw.model.ip import Prefix, address_number, prefix
from hostgw.model.kernel import Address, Link, NextHop, Route, Rule, Sysctl
from hostgw.paths.fib import Outcome, Packet, fib
from hostgw.wire import Row, Section
from tests.fabrics import delta


def state(
    routes: list[Route], rules: list[Rule] | None = None, addresses: list[Address] | None = None
) -> NamespaceState:
    made = NamespaceState().with_rows(delta(Section.ROUTES, []), routes)
    if rules is not None:
        made = made.with_rows(delta(Section.RULES, []), rules)
    held: list[Row] = list(addresses or [])
    return made.with_rows(delta(Section.ADDRESSES, []), held)


def gateway(made: NamespaceState, destination: str, **packet: object) -> str:
    result = fib(made).lookup(Packet(address_number(destination), **packet))  # type: ignore[arg-type]
    return result.route.gateway if result.route else result.outcome.value


def test_longest_prefix_then_metric_then_position() -> None:
    made = state(
        [
            Route("0.0.0.0/0", gateway="1.1.1.1"),
            Route("10.0.0.0/8", gateway="2.2.2.2", metric=50),
            Route("10.0.0.0/8", gateway="3.3.3.3", metric=10),
            Route("10.1.0.0/16", gateway="4.4.4.4", position=0),
            Route("10.1.0.0/16", gateway="5.5.5.5", position=1),
        ]
    )
    assert gateway(made, "9.9.9.9") == "1.1.1.1"
    assert gateway(made, "10.2.0.1") == "3.3.3.3"
    assert gateway(made, "10.1.0.1") == "4.4.4.4"


def test_blackhole_ends_throw_goes_on() -> None:
    rules = [Rule(100, 7), Rule(32766, 254)]
    made = state(
        [
            Route("10.0.0.0/8", table=7, type="throw"),
            Route("10.0.0.0/8", gateway="2.2.2.2"),
            Route("10.9.0.0/16", type="blackhole"),
        ],
        rules,
    )
    assert gateway(made, "10.1.1.1") == "2.2.2.2"
    assert fib(made).lookup(Packet(address_number("10.9.1.1"))).outcome is Outcome.BLACKHOLE


def test_rules_select_by_source_interface_and_mark() -> None:
    rules = [Rule(10, 7, src="10.239.0.0/16"), Rule(20, 8, iif="br0"), Rule(30, 9, mark=1, mask=1), Rule(32766, 254)]
    made = state([Route("0.0.0.0/0", table=table, gateway=f"{table}.0.0.1") for table in (7, 8, 9, 254)], rules)
    assert gateway(made, "8.8.8.8", source=address_number("10.239.0.2")) == "7.0.0.1"
    assert gateway(made, "8.8.8.8", iif="br0") == "8.0.0.1"
    assert gateway(made, "8.8.8.8", mark=3) == "9.0.0.1"
    assert gateway(made, "8.8.8.8") == "254.0.0.1"


def test_own_address_is_local_and_no_route_is_none() -> None:
    made = state([], None, [Address(2, "10.5.7.60", 24)])
    assert fib(made).lookup(Packet(address_number("10.5.7.60"))).outcome is Outcome.LOCAL
    assert fib(made).lookup(Packet(address_number("10.5.7.61"))).outcome is Outcome.NONE


def test_broadcast_addresses_come_with_an_address_while_its_device_is_up() -> None:
    up = state([], None, [Address(2, "10.5.7.60", 24)])
    for carrier in (True, False):
        made = up.with_rows(delta(Section.LINKS, []), [Link(2, "eth0", up=True, carrier=carrier)])
        assert fib(made).lookup(Packet(address_number("10.5.7.255"))).outcome is Outcome.BROADCAST
    made = up.with_rows(delta(Section.LINKS, []), [Link(2, "eth0", up=False)])
    assert fib(made).lookup(Packet(address_number("10.5.7.255"))).outcome is Outcome.NONE
    assert fib(made).lookup(Packet(address_number("10.5.7.60"))).outcome is Outcome.LOCAL


def test_a_route_without_a_living_next_hop_is_passed_by() -> None:
    routes = [
        Route("0.0.0.0/0", gateway="1.1.1.1", oif=2),
        Route("10.0.0.0/8", gateway="2.2.2.2", oif=2, flags=("linkdown",)),
        Route("10.1.0.0/16", gateway="3.3.3.3", oif=3, flags=("dead", "linkdown")),
        Route("10.2.0.0/16", nexthops=(NextHop(3, "4.4.4.4", flags=("dead",)), NextHop(2, "5.5.5.5"))),
    ]
    made = state(routes)
    assert gateway(made, "10.1.0.1") == "2.2.2.2"
    assert fib(made).lookup(Packet(address_number("10.2.0.1"))).route is made.routes[-3]
    made = made.with_rows(delta(Section.SYSCTLS, []), [Sysctl("net/ipv4/conf/all/ignore_routes_with_linkdown", "1")])
    assert gateway(made, "10.1.0.1") == "1.1.1.1"


def test_rules_invert_leap_and_suppress() -> None:
    rules = [
        Rule(10, 254, suppress_prefixlength=0),
        Rule(20, 7, mark=1, mask=1, inverted=True),
        Rule(30, action="goto", goto=50, iif="br0"),
        Rule(40, action="prohibit"),
        Rule(50, 254),
    ]
    made = state([Route("10.0.0.0/8", gateway="2.2.2.2"), Route("0.0.0.0/0", gateway="1.1.1.1")], rules)
    assert gateway(made, "10.1.1.1") == "2.2.2.2"
    assert gateway(made, "8.8.8.8") == "prohibit"
    assert gateway(made, "8.8.8.8", iif="br0") == "1.1.1.1"


def test_no_rules_at_all_are_not_the_standard_ones() -> None:
    assert gateway(state([Route("0.0.0.0/0", gateway="1.1.1.1")], []), "8.8.8.8") == "none"
    assert gateway(state([Route("0.0.0.0/0", gateway="1.1.1.1")]), "8.8.8.8") == "1.1.1.1"


def test_rules_that_differ_in_what_is_not_modelled_are_both_kept() -> None:
    made = state([], [Rule(10, 7, other=("dport_range",)), Rule(10, 7, other=("dport_range",), position=1)])
    assert len(made.rules) == 2


prefixes = st.builds(lambda a, n: Prefix(a & Prefix(0, n).mask, n), st.integers(0, 2**32 - 1), st.integers(0, 32))


@given(st.lists(prefixes, unique=True, max_size=30), st.integers(0, 2**32 - 1))
def test_lookup_is_the_longest_match(found: list[Prefix], destination: int) -> None:
    made = state([Route(str(p), gateway="1.1.1.1") for p in found])
    best = max((p for p in found if p.contains(destination)), key=lambda p: p.length, default=None)
    result = fib(made).lookup(Packet(destination))
    assert (prefix(result.route.dst) if result.route else None) == best


@given(prefixes, prefixes)
def test_prefix_relations(a: Prefix, b: Prefix) -> None:
    assert a.covers(b) == (b.length >= a.length and a.contains(b.address))
    assert a.overlaps(b) == b.overlaps(a)
    assert prefix(str(a)) == a


@given(st.lists(prefixes, unique=True, max_size=30))
def test_split_prefixes_are_those_that_hold_another(found: list[Prefix]) -> None:
    table = fib(state([Route(str(p), gateway="1.1.1.1") for p in found])).main
    assert table.split == {p for p in found if any(q != p and p.covers(q) for q in found)}
