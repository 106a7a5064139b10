"""What is typed to have a network set up, judged on fabrics made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.host_state import HostState
from hostgw.model.ip import maybe_prefix, prefix
from hostgw.model.kernel import Address, Link
from hostgw.plans.setup import setup_plan
from hostgw.plans.setup.form import Draft, Form, draft, free_network
from hostgw.wire import Section
from tests.fabrics import altered, healthy
from tests.unit.test_setup import stripped

NETWORK = "10.239.0.0/16"


def bare(hosts: int = 3) -> Fabric:
    fabric = healthy(hosts)
    for name in fabric.hosts:
        fabric = stripped(fabric, name)
    return fabric


def judged(fabric: Fabric, network: str = NETWORK, bridge: str = "br0", **subnets: str) -> Draft:
    told = maybe_prefix(network)
    return draft(Form(network, bridge, True, subnets), fabric, build(fabric, told_network=told))


def column(made: Draft) -> list[tuple[str, str]]:
    return [(host.subnet, host.error or host.remark) for host in made.hosts]


def with_docker(fabric: Fabric, address: str, length: int) -> Fabric:
    link = Link(7, "docker0", "bridge", True, False, "02:42:00:00:00:01")
    fabric = altered(fabric, "vm2", Section.LINKS, lambda rows: [*rows, link])
    return altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, Address(7, address, length)])


def test_what_is_not_typed_is_suggested() -> None:
    made = judged(bare(), vm2="10.239.0.0/24")
    assert column(made) == [("10.239.1.0/24", "new"), ("10.239.0.0/24", "new"), ("10.239.2.0/24", "new")]
    assert [host.typed for host in made.hosts] == [False, True, False]
    assert made.error == ""
    assert [str(wish.subnet) for wish in made.wishes.hosts] == [s for s, _ in column(made)]  # type: ignore[union-attr]
    assert made.hosts[0].address == "10.5.7.60"


def test_a_host_without_a_subnet_gets_routes_only() -> None:
    made = judged(bare(), vm3="")
    assert column(made)[2] == ("", "no subnet: routes to the others only")
    assert [wish.name for wish in made.wishes.owners] == ["vm1", "vm2"]  # type: ignore[union-attr]


def test_what_is_there_is_told() -> None:
    made = judged(stripped(healthy(3), "vm3"))
    assert [remark for _, remark in column(made)][:2] == ["owns it already"] * 2


@pytest.mark.parametrize(
    ("subnets", "host", "words"),
    [
        ({"vm1": "10.239.0"}, 0, "10.239.0 is no subnet: write it as 10.239.0.0/24"),
        ({"vm1": "10.239.0.0"}, 0, "is no subnet"),
        ({"vm2": "10.1.0.0/24"}, 1, "10.1.0.0/24 is not in 10.239.0.0/16"),
        ({"vm2": "10.239.0.0/31"}, 1, "no room"),
        ({"vm1": "10.239.0.0/23", "vm2": "10.239.1.0/24"}, 1, "vm1 would own the same addresses"),
    ],
)
def test_wrong_subnets(subnets: dict[str, str], host: int, words: str) -> None:
    made = judged(bare(), **subnets)
    assert words in made.hosts[host].error
    assert made.wishes is None
    assert made.error.startswith("vm")


def test_a_subnet_that_another_host_owns_is_refused() -> None:
    made = judged(stripped(healthy(3), "vm3"), vm3="10.239.0.0/24")
    assert made.hosts[2].error == "10.239.0.0/24 is vm1's already"


@pytest.mark.parametrize("network", ["", "10.239", "10.239.0.0", "10.0.0.0/7", "10.239.0.0/31", "nonsense/24"])
def test_wrong_networks(network: str) -> None:
    made = judged(bare(), network, vm1="10.239.0.0/24")
    assert made.network_error
    assert (made.wishes, made.hosts[0].subnet) == (None, "10.239.0.0/24")


def test_a_network_that_is_too_small_says_so() -> None:
    made = judged(bare(), "10.239.0.0/24")
    assert made.network_error == "no /24 of 10.239.0.0/24 is free"
    assert made.wishes is None


@pytest.mark.parametrize(("bridge", "words"), [("", "which bridge?"), ("a b", "no name"), ("eth0", "no bridge")])
def test_wrong_bridges(bridge: str, words: str) -> None:
    made = judged(bare(), bridge=bridge)
    assert words in made.bridge_error
    assert made.wishes is None


def test_a_free_network_is_suggested() -> None:
    assert free_network(bare()) == prefix(NETWORK)
    assert free_network(with_docker(bare(), "10.239.7.1", 24)) == prefix("10.244.0.0/16")
    assert free_network(Fabric()) == prefix(NETWORK)


def test_what_speaks_against_a_network_is_told() -> None:
    assert judged(bare()).network_remark == ""
    assert judged(healthy(3)).network_remark == ""
    assert judged(bare(), "10.5.0.0/16").network_remark == "vm1 uses 10.5.7.0/24 of it (eth0)"
    assert judged(bare(), "10.5.0.0/16").wishes is not None
    assert "no private range" in judged(bare(), "9.9.0.0/16").network_remark


def test_a_bridge_of_another_network_is_no_part_of_it() -> None:
    made = judged(with_docker(bare(), "172.17.0.1", 16))
    assert column(made)[1] == ("10.239.1.0/24", "new")
    assert made.wishes is not None
    assert made.wishes.of("vm2").bridge == "br0"
    held = judged(with_docker(bare(), "10.239.7.1", 24))
    assert column(held)[1] == ("10.239.7.0/24", "owns it already")


def test_a_host_that_cannot_be_read_is_told() -> None:
    fabric = bare()
    down = fabric.with_host(replace(fabric.hosts["vm3"], state=HostState.UNREACHABLE, snapshot=None))
    assert judged(down).hosts[2].remark == "unreachable: it cannot be set up now"


def test_each_step_says_why_it_is_needed() -> None:
    fabric = bare()
    made = judged(fabric)
    assert made.wishes is not None
    steps = setup_plan(fabric, build(fabric, told_network=prefix(NETWORK)), made.wishes).steps
    reasons = [step.why for step in steps if step.host == "vm1"]
    assert all(reasons)
    assert len(set(reasons)) == len(reasons)
    assert "10.239.1.0/24 lives on vm2: vm1 hands packets for it to 10.5.7.61 on the same wire (eth0)" in reasons[-2]
    assert "nobody outside knows a way back to 10.239.0.0/24" in " ".join(reasons)
