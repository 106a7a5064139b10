"""Faults inside containers, and of their veths."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step, step

_HELD: Final = (
    "ip netns add held && ip link add orphan0 type veth peer name eth0 netns held && ip link set orphan0 up master br0"
    " && exec 9< /run/netns/held && { timeout 600 sleep 600 > /dev/null 2>&1 & } && ip netns del held"
)
"""A namespace without a name and without a process in it: a file descriptor alone keeps it."""

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "C1",
        "container c1 of vm2 has no default route",
        "vm2",
        (step("vm2/c1", "ip route del default"),),
        (Expected("container-no-default", "vm2", "c1"),),
        "default via 10.239.1.1 in c1",
        containers=1,
    ),
    Fault(
        "C2",
        "the default route of vm2's c1 leads to an address that nobody has",
        "vm2",
        (step("vm2/c1", "ip route replace default via 10.239.1.77 dev eth0"),),
        (Expected("container-wrong-default", "vm2", "c1"),),
        "default via 10.239.1.1 in c1",
        containers=1,
    ),
    Fault(
        "C3",
        "eth0 of vm2's c1 went down and up: its default route is gone",
        "vm2",
        (step("vm2/c1", "ip link set eth0 down"), step("vm2/c1", "ip link set eth0 up")),
        (Expected("container-no-default", "vm2", "c1"),),
        "default via 10.239.1.1 in c1",
        containers=1,
        entry="C1",
    ),
    Fault(
        "C4",
        "a second NIC of vm2's c1 has taken the default route",
        "vm2",
        (
            step("vm2/c1", "ip link add net1 type veth peer name far1"),
            step("vm2/c1", "ip link set far1 up"),
            step("vm2/c1", "ip link set net1 up"),
            step("vm2/c1", "ip address add 192.168.77.2/24 dev net1"),
            step("vm2/c1", "ip route prepend default via 192.168.77.1 dev net1"),
        ),
        (Expected("container-defaults-many", "vm2", "c1"),),
        "by hand: the CNI configuration is wrong (lab heal)",
        containers=1,
        fixable=False,
    ),
    Fault(
        "C5",
        "c1 of vm2 knows its gateway by an old MAC address",
        "vm2",
        (step("vm2/c1", "ip neigh replace 10.239.1.1 lladdr 02:6c:ff:00:00:98 dev eth0 nud permanent"),),
        (Expected("container-gateway-mac-old", "vm2", "c1"),),
        "c1 knows its gateway by the MAC address of br0, and learns it anew",
        containers=1,
    ),
    Fault(
        "C6",
        "a port of vm2's bridge leads to a namespace that nobody names",
        "vm2",
        (Step("vm2", ("sh", "-c", _HELD)),),
        (Expected("veth-orphan", "vm2", "orphan0"),),
        "by hand, for it cannot be undone: ip link delete orphan0 (lab heal)",
        fixable=False,
        notice=True,
    ),
)
