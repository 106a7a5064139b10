"""What an MTU does to a probe is as predicted: refused at the source, dropped by a router, swallowed by a port."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab
WAY = ("vm1:c1", "vm2:c1")


def on_host(lab: Lab, host: str, *argv: str, container: str | None = None) -> None:
    subprocess.run([*lab.entry(host, container), *argv], check=True, capture_output=True, timeout=30)


def traced(lab: Lab, hostgw: Run, *words: str, code: int) -> dict[str, Any]:
    report = json.loads(hostgw("--lab", lab.name, "trace", *WAY, *words, "--json", code=code).stdout)
    (journey,) = report["journeys"]
    return dict(journey)


def test_the_largest_packet_that_fits_goes_whole(shared_lab: Lab, hostgw: Run) -> None:
    journey = traced(shared_lab, hostgw, "--size", "1472", "--df", code=0)
    assert (journey["verdict"], journey["predicted"]) == ("answered", True)
    assert len(journey["request"]["sightings"]) == 8


def test_one_byte_more_does_not_leave_the_source(shared_lab: Lab, hostgw: Run) -> None:
    journey = traced(shared_lab, hostgw, "--size", "1473", "--df", code=1)
    assert (journey["verdict"], journey["predicted"]) == ("lost", True)
    assert "eth0 on c1 on vm1 lets 1500 through" in journey["reason"]


@pytest.mark.parametrize("kind", [(), ("--protocol", "udp", "--port", "9")], ids=["icmp", "udp"])
def test_a_router_drops_what_must_stay_whole(shared_lab: Lab, hostgw: Run, kind: tuple[str, ...]) -> None:
    try:
        on_host(shared_lab, "vm1", "ip", "link", "set", "eth0", "mtu", "1400")
        journey = traced(shared_lab, hostgw, "--size", "1400", "--df", *kind, code=1)
        assert (journey["verdict"], journey["predicted"]) == ("lost", True)
        assert journey["lost_after"] == {"host": "vm1", "interface": "br0"}
        assert "1428 bytes and must not be fragmented, but eth0 on vm1 lets 1400 through" in journey["reason"]
    finally:
        labs.heal(shared_lab.name)


def test_a_port_swallows_what_is_too_long_for_it(shared_lab: Lab, hostgw: Run) -> None:
    try:
        on_host(shared_lab, "vm2", "ip", "link", "set", "veth-c1", "mtu", "1300")
        on_host(shared_lab, "vm2", "ip", "link", "set", "br0", "mtu", "1500")  # lest it follows its smallest port
        assert traced(shared_lab, hostgw, "--size", "1272", code=0)["predicted"]
        journey = traced(shared_lab, hostgw, "--size", "1400", code=1)
        assert (journey["verdict"], journey["predicted"]) == ("lost", True)
        assert "veth-c1 on vm2 drops 1428 bytes in silence: its MTU is 1300" in journey["reason"]
    finally:
        labs.heal(shared_lab.name)


def test_the_route_of_a_gateway_has_its_own_mtu(shared_lab: Lab, hostgw: Run) -> None:
    try:
        route = ("10.239.1.0/24", "via", "10.5.7.61", "dev", "eth0", "proto", "static")
        on_host(shared_lab, "vm1", "ip", "route", "change", *route, "mtu", "1200")
        journey = traced(shared_lab, hostgw, "--size", "1300", "--df", code=1)
        assert (journey["verdict"], journey["predicted"]) == ("lost", True)
        assert "eth0 on vm1 lets 1200 through" in journey["reason"]
    finally:
        labs.heal(shared_lab.name)


def assert_one_journey(journey: dict[str, Any], answer: int = 8) -> None:
    """Fragments and the whole datagram are one journey, seen at every tap; the answer at its first so many."""
    assert (journey["verdict"], journey["predicted"]) == ("answered", True)
    assert [len(journey[leg]["sightings"]) for leg in ("request", "reply")] == [8, answer]


def test_fragments_are_one_packet_also_where_netfilter_shows_it_whole(shared_lab: Lab, hostgw: Run) -> None:
    assert_one_journey(traced(shared_lab, hostgw, "--size", "4000", code=0))


def test_a_router_cuts_a_packet(shared_lab: Lab, hostgw: Run) -> None:
    try:
        on_host(shared_lab, "vm1", "ip", "link", "set", "eth0", "mtu", "1400")
        journey = traced(shared_lab, hostgw, "--size", "1400", code=0)
        assert_one_journey(journey, answer=4)  # it comes whole, and that eth0 takes no more than it sends
    finally:
        labs.heal(shared_lab.name)


def test_the_far_bridge_cuts_a_packet(shared_lab: Lab, hostgw: Run) -> None:
    try:
        for name in ("veth-c1", "br0"):  # br0 follows by itself, unless its MTU was set before
            on_host(shared_lab, "vm2", "ip", "link", "set", name, "mtu", "1300")
        journey = traced(shared_lab, hostgw, "--size", "1400", code=0)
        assert_one_journey(journey, answer=1)  # it leaves c1 whole, and that port is too small for it
    finally:
        labs.heal(shared_lab.name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "9001"), "9001 is not from 1 to 9000"),
        (("--size", "x"), "x is not from 1 to 9000"),
        (("--protocol", "tcp", "--port", "80", "--df"), "size and DF are for icmp and udp"),
        (("--protocol", "udp"), "needs a port"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(shared_lab: Lab, hostgw: Run, words: tuple[str, ...], said: str) -> None:
    assert said in hostgw("--lab", shared_lab.name, "path", *WAY, *words, code=2).stderr
