"""Printed commands are what ip(8) takes."""

from __future__ import annotations

from hostgw.model.kernel import NextHop, Route
from hostgw.plans.commands import route_words


def test_next_hops_come_last() -> None:
    hops = (NextHop(oif=2, gateway="10.5.7.61"), NextHop(oif=2, gateway="10.5.7.62", weight=2, flags=("onlink",)))
    route = Route(dst="10.239.1.0/24", nexthops=hops, protocol="static", metric=10)
    assert " ".join(route_words(route, lambda index: f"eth{index}")) == (
        "10.239.1.0/24 proto static metric 10"
        " nexthop via 10.5.7.61 dev eth2 weight 1 nexthop via 10.5.7.62 dev eth2 weight 2 onlink"
    )


def test_words_of_a_plain_route() -> None:
    route = Route(dst="10.239.1.0/24", gateway="10.5.7.61", oif=2, protocol="static", table=100, flags=("onlink",))
    assert " ".join(route_words(route, lambda index: "eth0")) == (
        "10.239.1.0/24 via 10.5.7.61 dev eth0 table 100 proto static onlink"
    )
