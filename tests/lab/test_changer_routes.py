"""Routes that are changed and changed back are what they were, whatever they carry and however many there are."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from hostgw.model.change import RouteChange
from hostgw.model.kernel import Route
from hostgw.plans.reverse import reversed_change
from tests.lab.agent_rig import Nets, Operator, operator, replaced, run
from tests.lab.test_agent_picture import ip_route, our_route

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
SEED = int(os.environ.get("HOSTGW_SEED", "20240607"))


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=1)
        made.sysctl("h", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.disable_ipv6=0")
        made.batch("h", ["nexthop add id 5 via 10.9.0.9 dev eth0", "nexthop add id 6 via 10.9.0.8 dev eth0"])
        made.batch("h", ["nexthop add id 7 group 5,3/6", "nexthop add id 8 blackhole"])
        yield made


@pytest.fixture(scope="module")
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def table(nets: Nets) -> Any:
    return nets.json("h", "-4 route show table all")


def of(told: Operator, dst: str, number: int = 254) -> tuple[Route, ...]:
    return tuple(route for route in told.root.routes if (route.dst, route.table) == (dst, number))


def seen(nets: Nets, told: Operator) -> None:
    """Wait until the operator knows as many routes as the kernel has."""
    count = sum(row["table"] != "255" for row in table(nets))
    told.until(lambda: len(told.root.routes) == count)


MEASURES = ["mtu 1400", "mtu lock 1300", "advmss 1000 window 4000", "initcwnd 20 rto_min 300ms", "quickack 1"]


def line(rng: random.Random, number: int) -> str:
    kind = rng.choice(["via", "via", "via", "dev", "multi", "nhid", "none", "onlink", "inet6"])
    words = [f"10.{60 + number % 40}.{number}.0/24"]
    if kind == "none":
        words.insert(0, rng.choice(["blackhole", "unreachable", "prohibit", "throw"]))
    options = [
        (0.4, f"metric {rng.choice([1, 100, 4294967295])}"),
        (0.3, f"proto {rng.choice(['static', 'bgp', '77', 'dhcp'])}"),
        (0.3, f"table {rng.choice([100, 253, 70000])}"),
        (0.2, "tos 0x10"),
    ]
    if kind in ("via", "dev", "multi", "onlink"):
        options.append((0.3, f"src {rng.choice(['10.9.0.1', '10.200.1.1'])}"))
        options.append((0.4, rng.choice(MEASURES)))
    words += [option for chance, option in options if rng.random() < chance]
    ways = {
        "via": f"via 10.9.0.{rng.randrange(2, 250)}",
        "dev": rng.choice(["dev eth0", "dev br0", "dev eth0 scope link"]),
        "multi": f"nexthop via 10.9.0.2 weight {rng.randrange(1, 200)} nexthop via 10.200.1.11 nexthop dev br0",
        "nhid": f"nhid {rng.choice([5, 6, 7, 8])}",
        "none": "",
        "onlink": "via 99.1.1.1 dev eth0 onlink",
        "inet6": "via inet6 fe80::5 dev eth0",
    }
    return " ".join(["route add", *words, ways[kind]])


def test_random_routes_come_back_exactly(nets: Nets, told: Operator) -> None:
    rng = random.Random(SEED)
    nets.batch("h", [line(rng, number) for number in range(200)])
    seen(nets, told)
    before = table(nets)
    places = sorted({(route.table, route.dst) for route in told.root.routes if route.protocol != "kernel"})
    assert len(places) > 150, SEED
    changes = [RouteChange(number, dst, of(told, dst, number), ()) for number, dst in places]
    done = told.apply(*changes)
    assert done.outcome == "applied", (SEED, done)
    assert all(row["protocol"] == "2" for row in table(nets))
    back = [reversed_change(change) for change in changes]
    done = told.apply(*[change for change in back if change])
    assert done.outcome == "applied", (SEED, done)
    assert sorted(map(str, table(nets))) == sorted(map(str, before)), SEED
    assert told.apply(*changes).outcome == "applied"


EQUALS = {
    "ways": ["via 10.9.0.2", "via 10.9.0.3", "via 10.9.0.4"],
    "sources": ["via 10.9.0.2", "via 10.9.0.2 src 10.9.0.1", "via 10.9.0.2 src 10.200.1.1"],
    "measures": ["via 10.9.0.2", "via 10.9.0.2 mtu 1400", "via 10.9.0.2 mtu 1400 advmss 1300"],
    "multipath": ["via 10.9.0.2", "nexthop via 10.9.0.2 weight 2 nexthop via 10.9.0.3", "dev eth0"],
    "onlink": ["via 10.9.0.2 dev eth0", "via 10.9.0.2 dev eth0 onlink", "via 10.9.0.3"],
    "slots": ["via 10.9.0.2", "via 10.9.0.2 metric 9", "via 10.9.0.2 tos 0x10"],
    "objects": ["nhid 5", "via 10.9.0.9", "nhid 7"],
    "kinds": ["via 10.9.0.2", "via 10.9.0.2 proto static", "blackhole"],
    "weights": [
        "nexthop via 10.9.0.2 weight 2 nexthop via 10.9.0.3",
        "nexthop via 10.9.0.2 weight 5 nexthop via 10.9.0.3",
        "via 10.9.0.3",
    ],
}


@pytest.mark.parametrize("words", EQUALS.values(), ids=EQUALS)
def test_equal_prefixes_in_every_order(nets: Nets, told: Operator, words: list[str]) -> None:
    """From every order of every choice to every other: so something is prepended, appended, kept and deleted."""
    lists: list[tuple[Route, ...]] = []
    for count in (1, 2, 3):
        for choice in itertools.permutations(words, count):
            fill(nets, choice)
            lists.append(read_by(nets, told))
    now = lists[-1]
    rng = random.Random(SEED)
    for wanted in [*rng.sample(lists, len(lists)), (), *rng.sample(lists, 5)]:
        start = shown(nets)
        change = RouteChange(254, "10.50.0.0/16", now, wanted)
        assert told.apply(change).outcome == "applied", (now, wanted)
        there = shown(nets)
        assert len(there) == len(wanted)
        assert told.apply(change).outcome == "applied", "twice does no harm"
        assert shown(nets) == there
        back = reversed_change(change)
        assert back
        assert told.apply(back).outcome == "applied"
        assert shown(nets) == start
        assert told.apply(change).outcome == "applied"
        now = wanted


def clear(nets: Nets, dst: str) -> None:
    """Delete until there is nothing: each line takes the first that fits."""
    lines = [f"route del {dst}"] * 4 + [f"route del {dst} tos 0x10"] * 4
    run("ip", "-n", nets.name("h"), "-force", "-batch", "-", text="\n".join(lines) + "\n", check=False)


def fill(nets: Nets, words: tuple[str, ...]) -> None:
    clear(nets, "10.50.0.0/16")
    for word in words:
        kind, _, rest = word.partition(" ")
        head = ["blackhole", "10.50.0.0/16", *rest.split()] if kind == "blackhole" else ["10.50.0.0/16", *word.split()]
        nets.exec("h", "ip", "route", "append", *head)


def read_by(nets: Nets, told: Operator) -> tuple[Route, ...]:
    """Return the routes as the agent tells them, once they are what ip(8) shows."""
    expected = [ip_route(row) for row in shown(nets)]
    told.until(lambda: [our_route(told.root, route) for route in of(told, "10.50.0.0/16")] == expected)
    return of(told, "10.50.0.0/16")


def shown(nets: Nets) -> Any:
    return nets.json("h", "-4 route show 10.50.0.0/16")


def test_a_stale_change_does_nothing(nets: Nets, told: Operator) -> None:
    nets.ip("h", "route add 10.51.0.0/16 via 10.9.0.2")
    told.until(lambda: of(told, "10.51.0.0/16"))
    (bad,) = of(told, "10.51.0.0/16")
    good = replaced(bad, gateway="10.9.0.3", protocol="static")
    nets.ip("h", "route add 10.51.0.0/16 via 10.9.0.9 metric 5")
    before = table(nets)
    done = told.apply(
        RouteChange(254, "10.52.0.0/16", (), (replaced(good, dst="10.52.0.0/16"),)),
        RouteChange(254, "10.51.0.0/16", (bad,), (good,)),
    )
    assert (done.outcome, done.at) == ("stale", 1)
    assert "10.9.0.9" in done.detail
    assert table(nets) == before
    clear(nets, "10.51.0.0/16")


def test_a_failure_half_way_is_undone(nets: Nets, told: Operator) -> None:
    nets.ip("h", "route add 10.53.0.0/16 via 10.9.0.2")
    told.until(lambda: of(told, "10.53.0.0/16"))
    (bad,) = of(told, "10.53.0.0/16")
    before = table(nets)
    done = told.apply(
        RouteChange(254, "10.53.0.0/16", (bad,), (replaced(bad, gateway="10.9.0.3"),)),
        RouteChange(254, "10.54.0.0/16", (), (replaced(bad, dst="10.54.0.0/16"),)),
        RouteChange(254, "10.55.0.0/16", (), (replaced(bad, dst="10.55.0.0/16", gateway="77.1.1.1", oif=0),)),
    )
    assert (done.outcome, done.at, done.undone) == ("failed", 2, True)
    assert "gateway" in done.detail
    assert table(nets) == before
    odd = replaced(bad, flags=("encap",))
    done = told.apply(RouteChange(254, "10.53.0.0/16", (bad,), (replaced(bad, metric=9), odd)))
    assert (done.outcome, done.undone) == ("failed", True)
    assert table(nets) == before


def test_a_route_that_we_do_not_wholly_know_is_left_alone(nets: Nets, told: Operator) -> None:
    nets.ip("h", "route add 10.56.0.0/16 via 10.9.0.2 realm 5")
    nets.ip("h", "route add 10.57.0.0/16 via 10.9.0.2 congctl cubic")
    told.until(lambda: of(told, "10.56.0.0/16") and of(told, "10.57.0.0/16"))
    before = table(nets)
    for dst in ("10.56.0.0/16", "10.57.0.0/16"):
        assert told.apply(RouteChange(254, dst, of(told, dst), ())).outcome == "failed"
    assert table(nets) == before


def test_in_a_container(nets: Nets, told: Operator) -> None:
    name = nets.name("c1")
    before = nets.json("c1", "-4 route show table all")
    bad = next(route for route in told.container(name).routes if route.dst == "0.0.0.0/0")
    change = RouteChange(254, "0.0.0.0/0", (bad,), (replaced(bad, gateway="10.200.1.77"),), told.handle(name))
    assert told.apply(change).outcome == "applied"
    assert nets.json("c1", "route show default")[0]["gateway"] == "10.200.1.77"
    back = reversed_change(change)
    assert back
    assert told.apply(back).outcome == "applied"
    assert nets.json("c1", "-4 route show table all") == before
    assert told.apply(replaced(change, ns=4711)).outcome == "stale"
