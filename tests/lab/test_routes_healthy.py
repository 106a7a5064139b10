"""Set-ups of routes and rules that look odd and are right: `check` finds nothing, and pings say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run
from tests.lab.test_breaks import assert_traffic_is_right, check

pytestmark = pytest.mark.lab
C1, C2, C3 = "10.239.0.0/24", "10.239.1.0/24", "10.239.2.0/24"
BY_OBJECT = (
    "ip nexthop add id 5 via 10.5.7.61 dev eth0",
    f"ip route del {C2}",
    f"ip route add {C2} nhid 5 proto static",
)
BY_TABLE = (
    f"ip route add {C2} via 10.5.7.61 dev eth0 table 100",
    f"ip route add {C3} via 10.5.7.62 dev eth0 table 100",
    f"ip route add {C1} dev br0 table 100",  # what the gateway itself answers its containers is looked up there, too
    "ip route add default via 10.5.7.1 dev eth0 table 100",
    f"ip rule add from {C1} lookup 100 pref 1000",
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "a nexthop object": ("sysctl -qw net.ipv4.nexthop_compat_mode=1", *BY_OBJECT),
    "a nexthop object that dumps do not spell out": ("sysctl -qw net.ipv4.nexthop_compat_mode=0", *BY_OBJECT),
    "a group of one object": (
        "sysctl -qw net.ipv4.nexthop_compat_mode=0",
        *BY_OBJECT[:2],
        "ip nexthop add id 6 group 5",
        f"ip route add {C2} nhid 6 proto static",
    ),
    "routes in the table of a rule": BY_TABLE,
    "routes only in the table of a rule": (*BY_TABLE, f"ip route del {C2}"),
    "a rule of another priority for main": ("ip rule add lookup main pref 1000", "ip rule del pref 32766"),
    "a VPN's rules": (
        "ip route add default via 10.5.7.1 dev eth0 table 51820",
        "ip rule add not fwmark 0xca6c lookup 51820 pref 32765",
        "ip rule add lookup main suppress_prefixlength 0 pref 32764",
    ),
    "a /32 and onlink routes": (
        "ip address flush dev eth0",
        "ip address add 10.5.7.60/32 dev eth0",
        "ip route add default via 10.5.7.1 dev eth0 onlink",
        "ip route add 10.5.7.250 dev eth0",
        f"ip route add {C2} via 10.5.7.61 dev eth0 onlink",
        f"ip route add {C3} via 10.5.7.62 dev eth0 onlink",
    ),
    "a second NIC and an idle tunnel": (
        "ip link add eth1 type veth peer name stub1",
        "ip link set stub1 up",
        "ip link set eth1 up",
        "ip address add 10.66.0.60/24 dev eth1",
        "ip link add flannel.1 type vxlan id 1 local 10.5.7.60 dev eth0 dstport 8472 nolearning",
        "ip link set flannel.1 up",
        "ip route add 10.77.0.0/16 via 10.66.0.1 dev eth1",
    ),
    "a longer prefix by the owner": ("ip route add 10.239.1.0/25 via 10.5.7.61 dev eth0 proto static",),
}


@pytest.fixture
def mended(shared_lab: Lab) -> Iterator[Lab]:
    yield shared_lab
    shared_lab.exec("vm1", ["sysctl", "-qw", "net.ipv4.nexthop_compat_mode=1"], check=True)
    labs.heal(shared_lab.name)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_odd_but_right_set_up_has_no_finding(mended: Lab, hostgw: Run, name: str) -> None:
    for command in VARIANTS[name]:
        done: Any = mended.exec("vm1", command.split(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
    assert check(hostgw, "--lab", mended.name, code=0) == []
    assert_traffic_is_right(mended)
